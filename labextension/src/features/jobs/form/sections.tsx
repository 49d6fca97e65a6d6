import * as React from 'react';

import { useTrans } from '../../../components/context';
import { CheckField, TextField } from '../../../components/fields';
import type { FormModel } from './model';

/** What may be typed; the same in every language. */
const EXAMPLES = {
  requirements: 'polars>=1\nscikit-learn',
  file: 'requirements.txt',
  outputs: 'model.pkl, plots/*.png',
  env: 'NAME=value',
  image: 'registry.example/train:3'
};

/** What the code sees: packages, files, variables. */
export function Environment(props: { model: FormModel; id: string }): JSX.Element {
  const { model, id } = props;
  const trans = useTrans();
  const { draft, place, source } = model;
  const leftOut = source?.files_left_out ?? [];
  const touched = [
    'requirements',
    'requirements_file',
    'python',
    'image',
    'files',
    'outputs',
    'env'
  ];
  const wrong = touched.some(field => model.error(field));
  const { requirements, requirementsFile, image, outputs, env, files } = draft;
  const used = [requirements, requirementsFile, image, outputs, env, files];
  return (
    <details open={wrong || undefined}>
      <summary>
        {trans.__('Environment and files')}
        <span>{summary(used, trans.__('changed'))}</span>
      </summary>
      <div className="lst-Form-grid">
        <TextField
          id={`${id}-requirements`}
          label={trans.__('Requirements')}
          rows={3}
          mono
          value={draft.requirements}
          error={model.error('requirements')}
          placeholder={EXAMPLES.requirements}
          hint={trans.__('One package a line. Empty: what is installed here.')}
          onChange={requirements => model.set({ requirements })}
        />
        <TextField
          id={`${id}-files`}
          label={trans.__('Files to take along')}
          rows={3}
          mono
          value={draft.files ?? (source?.files ?? []).join('\n')}
          error={model.error('files')}
          hint={
            leftOut.length
              ? trans.__('Too large to go along unless listed: %1', leftOut.join(', '))
              : trans.__('Patterns beside the source, copied as they are now.')
          }
          onChange={files => model.set({ files })}
        />
        <TextField
          id={`${id}-requirements-file`}
          label={trans.__('Requirements file')}
          mono
          value={draft.requirementsFile}
          error={model.error('requirements_file')}
          placeholder={EXAMPLES.file}
          onChange={requirementsFile => model.set({ requirementsFile }, 'requirements_file')}
        />
        <TextField
          id={`${id}-outputs`}
          label={trans.__('Outputs to keep')}
          mono
          value={draft.outputs}
          error={model.error('outputs')}
          placeholder={EXAMPLES.outputs}
          hint={trans.__('Files that the job writes beside itself are kept anyway.')}
          onChange={outputs => model.set({ outputs })}
        />
        {(place?.runs_images || image) && (
          <TextField
            wide
            id={`${id}-image`}
            label={trans.__('Image')}
            mono
            value={image}
            error={model.error('image')}
            placeholder={EXAMPLES.image}
            hint={trans.__('To run in. Empty: the image of %1.', model.compute)}
            onChange={value => model.set({ image: value })}
          />
        )}
        <TextField
          wide
          id={`${id}-env`}
          label={trans.__('Environment variables')}
          rows={1}
          mono
          value={draft.env}
          error={model.error('env')}
          placeholder={EXAMPLES.env}
          onChange={env => model.set({ env })}
        />
      </div>
    </details>
  );
}

/** How long, how often, and what is kept and recorded. */
export function Limits(props: { model: FormModel; id: string }): JSX.Element {
  const { model, id } = props;
  const trans = useTrans();
  const { draft } = model;
  const rerun = draft.rerunOf !== null;
  const wrong = ['timeout_s', 'retries', 'retry_backoff_s', 'priority', 'keep_kernel_s'].some(
    field => model.error(field)
  );
  const text = (
    key: 'timeout' | 'retries' | 'backoff' | 'priority' | 'keepKernel' | 'experiment',
    field: string,
    label: string,
    hint: string,
    placeholder = ''
  ) => (
    <TextField
      id={`${id}-${field}`}
      label={label}
      value={draft[key]}
      error={model.error(field)}
      hint={hint}
      placeholder={placeholder}
      onChange={value => model.set({ [key]: value }, field)}
    />
  );
  return (
    <details open={wrong || undefined}>
      <summary>
        {trans.__('Limits, retries and tracking')}
        <span>{summary([draft.timeout, draft.keepKernel], trans.__('changed'))}</span>
      </summary>
      <div className="lst-Form-grid">
        {text(
          'timeout',
          'timeout_s',
          trans.__('Time limit'),
          trans.__('Of one attempt: 90, 15m, 2h.'),
          trans.__('none')
        )}
        {text(
          'retries',
          'retries',
          trans.__('Retries'),
          trans.__('Further attempts after a failure.')
        )}
        {!rerun &&
          text(
            'backoff',
            'retry_backoff_s',
            trans.__('Wait before a retry'),
            trans.__('Doubles each time.')
          )}
        {text(
          'priority',
          'priority',
          trans.__('Priority'),
          trans.__('Higher starts earlier, −100 to 100.')
        )}
        {text(
          'keepKernel',
          'keep_kernel_s',
          trans.__('Keep a failed kernel'),
          trans.__('To look at its variables: 30m, 2h.'),
          trans.__('no')
        )}
        {!rerun &&
          text(
            'experiment',
            'experiment',
            trans.__('Experiment'),
            trans.__('Where the run is recorded in MLflow.')
          )}
      </div>
      {!rerun && (
        <CheckField
          id={`${id}-autolog`}
          label={trans.__('Log automatically')}
          hint={trans.__('mlflow.autolog(): parameters, metrics and models of the usual libraries')}
          value={draft.autolog}
          onChange={autolog => model.set({ autolog })}
        />
      )}
    </details>
  );
}

function summary(values: readonly (string | null)[], word: string): string {
  return values.some(value => value) ? word : '';
}
