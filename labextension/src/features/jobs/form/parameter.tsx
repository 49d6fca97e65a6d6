import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IconButton } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import type { IField } from './draft';

/** How the language writes them; not words to translate. */
const PYTHON: Record<string, string> = { true: 'True', false: 'False' };

/** One parameter: its name and type, its value or values. */
export function ParameterField(props: {
  id: string;
  field: IField;
  error: string | null;
  sweeps: boolean;
  onChange: (field: IField) => void;
  onRemove: () => void;
}): JSX.Element {
  const { field, id } = props;
  const trans = useTrans();
  const set = (change: Partial<IField>) => props.onChange({ ...field, ...change });
  const changed = field.initial !== null && (field.many || field.text !== field.initial);
  const note = props.error ?? field.help;
  const common = {
    id,
    value: field.text,
    spellCheck: false,
    'aria-invalid': !!props.error,
    'aria-describedby': note ? `${id}-note` : undefined
  };
  return (
    <div className="lst-Parameter" data-invalid={!!props.error} data-changed={changed}>
      {field.extra ? (
        <input
          className="lst-Parameter-name"
          type="text"
          value={field.name}
          spellCheck={false}
          placeholder={trans.__('name')}
          aria-label={trans.__('Parameter name')}
          onChange={event => set({ name: event.target.value })}
        />
      ) : (
        <label className="lst-Parameter-name" htmlFor={id} title={field.name}>
          {field.name}
          <span>{field.type === 'any' ? '' : field.type}</span>
        </label>
      )}
      <div className="lst-Parameter-value">
        {field.type === 'bool' && !field.many ? (
          <div className="lst-Select">
            <select {...common} onChange={event => set({ text: event.target.value })}>
              {Object.keys(PYTHON).map(value => (
                <option key={value} value={value}>
                  {PYTHON[value]}
                </option>
              ))}
              {/^(true|false)$/.test(field.text) ? null : (
                <option value={field.text}>{field.text}</option>
              )}
            </select>
          </div>
        ) : (field.type === 'list' || field.type === 'dict') && !field.many ? (
          <textarea
            {...common}
            data-mono
            rows={Math.min(5, Math.ceil((field.text.length + 1) / 60))}
            onChange={event => set({ text: event.target.value })}
          />
        ) : (
          <input
            {...common}
            type="text"
            data-mono={field.type !== 'str'}
            inputMode={field.type === 'int' || field.type === 'float' ? 'decimal' : undefined}
            placeholder={field.many ? trans.__('Values, separated by commas') : undefined}
            onChange={event => set({ text: event.target.value })}
          />
        )}
        {note && (
          <div
            className={props.error ? 'lst-Field-error' : 'lst-Field-hint'}
            role={props.error ? 'alert' : undefined}
            id={`${id}-note`}
          >
            {note}
          </div>
        )}
      </div>
      <div className="lst-Parameter-end">
        {props.sweeps && (
          <button
            type="button"
            className="lst-Many"
            aria-pressed={field.many}
            title={trans.__('Several values: one job for each')}
            onClick={() => set({ many: !field.many })}
          >
            {trans.__('Sweep')}
          </button>
        )}
        {field.extra && (
          <IconButton
            icon={closeIcon}
            label={trans.__('Remove this parameter')}
            onClick={props.onRemove}
          />
        )}
      </div>
    </div>
  );
}
