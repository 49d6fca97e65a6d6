import { addIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, IconButton } from '../../../components/basics';
import { useSignal, useTrans } from '../../../components/context';
import { clockIcon, runAsJobIcon } from '../../../components/icons';
import { kindWord } from '../../../components/state';
import { bytes } from '../../../format';
import { extraField } from './draft';
import { CheckField, ParameterField, SelectField, TextField } from './fields';
import type { FormModel } from './model';
import { ScheduleFields } from './schedule';

export interface IFormProps {
  model: FormModel;
  id: string;
  browse: () => Promise<string | null>;
  onSend: () => void;
  onCancel: () => void;
}

/** New work: what runs, with what, where, and when. */
export function JobForm(props: IFormProps): JSX.Element {
  const { model, id } = props;
  const trans = useTrans();
  useSignal(model.changed);
  const { draft, source } = model;
  const rerun = draft.rerunOf !== null;
  const form = React.useRef<HTMLFormElement>(null);
  const title = draft.scheduleId
    ? trans.__('Edit schedule')
    : rerun
      ? trans.__('Rerun with changes')
      : trans.__('New job');
  const send = (event?: React.FormEvent) => {
    event?.preventDefault();
    props.onSend();
  };
  const wasSending = React.useRef(false);
  React.useEffect(() => {
    if (wasSending.current && !model.sending) {
      // After a refusal the first field that is wrong has the focus.
      form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    }
    wasSending.current = model.sending;
  });
  return (
    <form
      ref={form}
      className="lst-Form"
      aria-label={title}
      onSubmit={send}
      onKeyDown={event => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.stopPropagation();
          send(event);
        }
      }}
    >
      <div className="lst-Form-body">
        <h2>{title}</h2>
        {rerun && (
          <p className="lst-Form-lead">
            {trans.__('The code is the job’s own snapshot, whatever changed in the file since.')}
          </p>
        )}
        <div className="lst-Form-grid">
          <TextField
            wide
            id={`${id}-path`}
            label={trans.__('Notebook or script')}
            value={draft.path}
            error={model.error('path')}
            placeholder={trans.__('A path from the file browser’s root')}
            disabled={rerun}
            mono
            hint={
              source &&
              [kindWord(source.kind, trans), source.language, source.kernel_name]
                .filter(Boolean)
                .join(' · ')
            }
            onChange={path => model.set({ path })}
            after={
              !rerun && (
                <IconButton
                  icon={folderIcon}
                  label={trans.__('Browse…')}
                  onClick={() =>
                    void props.browse().then(path => path !== null && model.set({ path }))
                  }
                />
              )
            }
          />
          <TextField
            id={`${id}-name`}
            label={draft.scheduled ? trans.__('Schedule name') : trans.__('Name')}
            value={draft.name}
            error={model.error('name')}
            placeholder={source?.name ?? ''}
            onChange={name => model.set({ name })}
          />
          <SelectField
            id={`${id}-compute`}
            label={trans.__('Compute')}
            value={draft.compute}
            error={model.error('compute')}
            options={computeOptions(model, trans.__('%1 GPUs'))}
            onChange={compute => model.set({ compute })}
          />
        </div>
        <Parameters model={model} id={id} />
        {!rerun && <Environment model={model} id={id} />}
        <Limits model={model} id={id} />
        {!rerun && (
          <section>
            {draft.scheduleId ? (
              <h3>{trans.__('Schedule')}</h3>
            ) : (
              <CheckField
                id={`${id}-scheduled`}
                label={trans.__('Schedule')}
                hint={trans.__('Run at set times instead of now')}
                value={draft.scheduled}
                onChange={scheduled => model.set({ scheduled })}
              />
            )}
            {draft.scheduled && <ScheduleFields model={model} id={id} />}
          </section>
        )}
      </div>
      <footer className="lst-Form-foot">
        {model.problem && <Banner kind="error">{model.problem}</Banner>}
        <div>
          <Button onClick={props.onCancel}>{trans.__('Cancel')}</Button>
          <Button
            kind="primary"
            type="submit"
            icon={draft.scheduled ? clockIcon : runAsJobIcon}
            disabled={model.sending || model.count === 0}
          >
            {draft.scheduleId
              ? trans.__('Save schedule')
              : draft.scheduled
                ? trans.__('Create schedule')
                : trans._n('Run job', 'Run %1 jobs', Math.max(1, model.count))}
          </Button>
        </div>
      </footer>
    </form>
  );
}

function Parameters(props: { model: FormModel; id: string }): JSX.Element {
  const { model, id } = props;
  const trans = useTrans();
  const { draft, source } = model;
  const sweeps = !draft.rerunOf && !draft.scheduled;
  return (
    <section>
      <h3>
        {trans.__('Parameters')}
        <IconButton
          icon={addIcon}
          label={trans.__('Add a parameter')}
          onClick={() => model.set({ fields: [...draft.fields, extraField('', '')] })}
        />
      </h3>
      {draft.fields.length === 0 && (
        <p className="lst-Form-lead">
          {source && source.kind === 'notebook'
            ? trans.__('Tag a cell “parameters” in the notebook and its variables appear here.')
            : trans.__('None.')}
        </p>
      )}
      {draft.fields.map((field, index) => (
        <ParameterField
          key={index}
          id={`${id}-parameter-${index}`}
          field={field}
          sweeps={sweeps}
          error={model.error(`parameters.${field.name}`)}
          onChange={next =>
            model.set(
              { fields: draft.fields.map((old, at) => (at === index ? next : old)) },
              `parameters.${field.name}`
            )
          }
          onRemove={() => model.set({ fields: draft.fields.filter((_, at) => at !== index) })}
        />
      ))}
      {model.error('parameters') && (
        <div className="lst-Field-error" role="alert">
          {model.error('parameters')}
        </div>
      )}
    </section>
  );
}

function Environment(props: { model: FormModel; id: string }): JSX.Element {
  const { model, id } = props;
  const trans = useTrans();
  const { draft, source } = model;
  const touched = ['requirements', 'requirements_file', 'python', 'files', 'outputs', 'env'];
  const wrong = touched.some(field => model.error(field));
  const used = [draft.requirements, draft.requirementsFile, draft.outputs, draft.env, draft.files];
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
          placeholder={'polars>=1\nscikit-learn'}
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
          hint={trans.__('Patterns beside the source, copied as they are now.')}
          onChange={files => model.set({ files })}
        />
        <TextField
          id={`${id}-requirements-file`}
          label={trans.__('Requirements file')}
          mono
          value={draft.requirementsFile}
          error={model.error('requirements_file')}
          placeholder="requirements.txt"
          onChange={requirementsFile => model.set({ requirementsFile }, 'requirements_file')}
        />
        <TextField
          id={`${id}-outputs`}
          label={trans.__('Outputs to keep')}
          mono
          value={draft.outputs}
          error={model.error('outputs')}
          placeholder="model.pkl, plots/*.png"
          hint={trans.__('Files that the job writes beside itself are kept anyway.')}
          onChange={outputs => model.set({ outputs })}
        />
        <TextField
          wide
          id={`${id}-env`}
          label={trans.__('Environment variables')}
          rows={1}
          mono
          value={draft.env}
          error={model.error('env')}
          placeholder="NAME=value"
          onChange={env => model.set({ env })}
        />
      </div>
    </details>
  );
}

function Limits(props: { model: FormModel; id: string }): JSX.Element {
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

function computeOptions(model: FormModel, gpus: string): [string, string][] {
  const options = model.computes.map(each => {
    const parts = [each.name, `${each.cpus} CPU`, bytes(each.memory_bytes)];
    if (each.gpus) {
      parts.push(gpus.replace('%1', String(each.gpus)));
    }
    return [each.name, parts.join(' · ')] as [string, string];
  });
  return options.some(([name]) => name === model.draft.compute)
    ? options
    : [[model.draft.compute, model.draft.compute], ...options];
}
