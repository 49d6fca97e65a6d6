import type { TranslationBundle } from '@jupyterlab/translation';
import { addIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, IconButton } from '../../../components/basics';
import { useSignal, useTrans } from '../../../components/context';
import { clockIcon, runAsJobIcon } from '../../../components/icons';
import { kindWord } from '../../../components/state';
import { bytes } from '../../../format';
import type { IDraft } from './draft';
import { extraField } from './draft';
import { CheckField, SelectField, TextField } from '../../../components/fields';
import { ParameterField } from './parameter';
import type { FormModel } from './model';
import { ScheduleFields } from './schedule';
import { Needs, OF_A_COMPUTE } from './needs';
import { Environment, Limits } from './sections';

export interface IFormProps {
  model: FormModel;
  id: string;
  browse: () => Promise<string | null>;
  onSend: () => void;
  onCancel: () => void;
}

/** What a form is called, by what it makes. */
export function formTitle(draft: IDraft, trans: TranslationBundle): string {
  if (draft.scheduleId) {
    return trans.__('Edit schedule');
  }
  if (draft.rerunOf) {
    return trans.__('Rerun with changes');
  }
  return draft.scheduled ? trans.__('New schedule') : trans.__('New job');
}

/** New work: what runs, with what, where, and when. */
export function JobForm(props: IFormProps): JSX.Element {
  const { model, id } = props;
  const trans = useTrans();
  useSignal(model.changed);
  const { draft, source } = model;
  const rerun = draft.rerunOf !== null;
  const form = React.useRef<HTMLFormElement>(null);
  const title = formTitle(draft, trans);
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
  // Whoever asked for a schedule sees it first; whoever ticks the box finds it where the box is.
  const scheduleFirst = React.useRef(draft.scheduled).current;
  const schedule = !rerun && (
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
  );
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
            value={model.compute}
            error={model.error('compute')}
            options={computeOptions(model, trans)}
            onChange={compute => model.set({ compute }, ...OF_A_COMPUTE)}
          />
        </div>
        {scheduleFirst && schedule}
        <Parameters model={model} id={id} />
        {!rerun && <Needs model={model} id={id} />}
        {!rerun && <Environment model={model} id={id} />}
        <Limits model={model} id={id} />
        {!scheduleFirst && schedule}
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

function computeOptions(model: FormModel, trans: TranslationBundle): [string, string][] {
  const options = model.computes.map(each => {
    const parts = [each.name, trans.__('%1 CPU', each.cpus), bytes(each.memory_bytes)];
    if (each.gpus) {
      parts.push(trans._n('%1 GPU', '%1 GPUs', each.gpus));
    }
    return [each.name, parts.join(' · ')] as [string, string];
  });
  return options.some(([name]) => name === model.compute)
    ? options
    : [[model.compute, model.compute], ...options];
}
