import * as React from 'react';

import { useTrans } from '../../../components/context';
import { TextField } from '../../../components/fields';
import { bytes } from '../../../format';
import type { FormModel } from './model';

const NEEDS = ['need.cpus', 'need.memory', 'need.gpus'] as const;

/** The fields that may be right on one compute and wrong on another. */
export const OF_A_COMPUTE = [...NEEDS, 'image'] as const;

/** What may be typed; the same in every language. */
const EXAMPLES = { inputs: 'data/train.csv=train.csv', one: '1', none: '0' };

/** What it takes of its compute, and the data that it has there. */
export function Needs(props: { model: FormModel; id: string }): JSX.Element {
  const { model, id } = props;
  const trans = useTrans();
  const { draft, place } = model;
  const has = (most: string | number | undefined) =>
    most ? trans.__('%1 has %2.', model.compute, most) : undefined;
  const need = (
    key: 'cpus' | 'memory' | 'gpus',
    label: string,
    placeholder: string,
    hint: string | undefined
  ) => (
    <TextField
      id={`${id}-${key}`}
      label={label}
      value={draft[key]}
      error={model.error(`need.${key}`)}
      placeholder={placeholder}
      hint={hint}
      onChange={value => model.set({ [key]: value }, `need.${key}`)}
    />
  );
  const asked = [
    draft.cpus && trans.__('%1 CPU', draft.cpus),
    draft.memory,
    draft.gpus && trans.__('%1 GPU', draft.gpus),
    draft.inputs && trans.__('inputs')
  ];
  const wrong = [...NEEDS, 'inputs'].some(field => model.error(field));
  return (
    <details open={wrong || undefined}>
      <summary>
        {trans.__('Resources and inputs')}
        <span>{asked.filter(Boolean).join(' · ')}</span>
      </summary>
      <div className="lst-Form-grid" data-columns="3">
        {need('cpus', trans.__('Cores'), EXAMPLES.one, has(place?.cpus))}
        {need(
          'memory',
          trans.__('Memory'),
          trans.__('not limited'),
          has(place?.memory_bytes && bytes(place.memory_bytes))
        )}
        {need(
          'gpus',
          trans.__('GPUs'),
          EXAMPLES.none,
          has(place?.cpus && (place.gpus || trans.__('none')))
        )}
      </div>
      <div className="lst-Form-grid">
        <TextField
          wide
          id={`${id}-inputs`}
          label={trans.__('Inputs')}
          rows={1}
          mono
          value={draft.inputs}
          error={model.error('inputs')}
          placeholder={EXAMPLES.inputs}
          hint={trans.__(
            'Data to have read-only: its name there = a file or folder beside the source.'
          )}
          onChange={inputs => model.set({ inputs })}
        />
      </div>
    </details>
  );
}
