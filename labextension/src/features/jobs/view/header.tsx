import { notebookIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { isActive } from '../../../api/types';
import { Banner, Button, Tabs } from '../../../components/basics';
import { useNow, useServices, useSignal } from '../../../components/context';
import {
  changesIcon,
  endIcon,
  plugIcon,
  rerunIcon,
  stopSquareIcon,
  trashIcon
} from '../../../components/icons';
import { Elapsed, ProgressBar, StateIcon, stateSentence, When } from '../../../components/state';
import { clock } from '../../../format';
import { CommandIDs } from '../../../tokens';
import type { JobModel } from './model';

/** The top of a job's view: what it is, how it stands, what can be done, and the tabs. */
export function Header(props: {
  model: JobModel;
  tab: string;
  onTab: (tab: string) => void;
}): JSX.Element | null {
  const { model } = props;
  const { commands, trans } = useServices();
  useSignal(model.changed);
  const kept = model.keptUntil;
  useNow(kept !== null);
  const job = model.job;
  if (!job) {
    return model.error ? (
      <Banner
        kind="error"
        actions={<Button onClick={() => void model.refresh()}>{trans.__('Try again')}</Button>}
      >
        {model.error.message}
      </Banner>
    ) : null;
  }
  const active = isActive(job);
  const run = (command: string) => void commands.execute(command, { id: job.id });
  const tabs = [
    { id: 'overview', label: trans.__('Overview') },
    { id: 'log', label: trans.__('Log') },
    ...(job.kind === 'script' || job.kind === 'image'
      ? []
      : [{ id: 'notebook', label: trans.__('Notebook') }]),
    { id: 'metrics', label: trans.__('Metrics') },
    { id: 'files', label: trans.__('Files') }
  ];
  const several = job.attempts.length > 1;
  return (
    <header className="lst-Header">
      <div className="lst-Header-top">
        <StateIcon state={job.state} />
        <div className="lst-Header-title">
          <h2 title={job.path ?? job.name}>{job.name}</h2>
          <p>
            <span className="lst-JobRow-state" data-state={job.state} aria-live="polite">
              {stateSentence({ ...job, error: null }, trans)}
            </span>
            <Elapsed job={job} />
            {job.attempts_allowed > 1 && job.attempt > 0 && (
              <span>{trans.__('attempt %1 of %2', job.attempt, job.attempts_allowed)}</span>
            )}
            <span>{job.compute}</span>
            <When at={job.ended_at ?? job.created_at} />
            {kept && <span>{trans.__('kernel kept until %1', clock(kept))}</span>}
          </p>
        </div>
        <div className="lst-Header-actions" role="toolbar" aria-label={trans.__('Actions')}>
          {active && (
            <Button
              icon={stopSquareIcon}
              kind="danger"
              disabled={job.stop_requested}
              onClick={() => run(CommandIDs.stop)}
            >
              {trans.__('Stop')}
            </Button>
          )}
          {kept && (
            <>
              <Button
                icon={plugIcon}
                title={trans.__('Open a console on the kept kernel')}
                onClick={() => run(CommandIDs.attach)}
              >
                {trans.__('Attach')}
              </Button>
              <Button
                icon={endIcon}
                title={trans.__('End the kept kernel; its variables are lost')}
                onClick={() => run(CommandIDs.endKernel)}
              >
                {trans.__('End kernel')}
              </Button>
            </>
          )}
          {job.kind === 'notebook' && job.attempt > 0 && (
            <Button
              icon={notebookIcon}
              title={trans.__('Open the output notebook in the editor')}
              onClick={() => run(CommandIDs.openFile)}
            >
              {trans.__('Open output')}
            </Button>
          )}
          {!active && (
            <>
              <Button icon={rerunIcon} onClick={() => run(CommandIDs.rerun)}>
                {trans.__('Rerun')}
              </Button>
              <Button icon={changesIcon} onClick={() => run(CommandIDs.rerunWithChanges)}>
                {trans.__('Rerun with changes…')}
              </Button>
              <Button
                icon={trashIcon}
                title={trans.__('Delete the job with its files')}
                onClick={() => run(CommandIDs.remove)}
              >
                {trans.__('Delete')}
              </Button>
            </>
          )}
        </div>
      </div>
      <ProgressBar job={job} />
      {job.error && (props.tab !== 'notebook' || !model.attempt?.error) && (
        <Banner kind={job.state === 'stopped' ? 'info' : 'error'}>{job.error}</Banner>
      )}
      {model.error && <Banner kind="warning">{model.error.message}</Banner>}
      <div className="lst-Header-tabs">
        <Tabs
          tabs={tabs}
          current={props.tab}
          label={trans.__('Views of the job')}
          onChange={props.onTab}
        />
        <span className="lst-Fill" />
        {several && (
          <div className="lst-Select">
            <select
              aria-label={trans.__('Attempt')}
              value={model.number}
              onChange={event => {
                const number = Number(event.target.value);
                model.chosen = number === job.attempt ? null : number;
              }}
            >
              {job.attempts.map(attempt => (
                <option key={attempt.number} value={attempt.number}>
                  {trans.__('Attempt %1', attempt.number)}
                </option>
              ))}
            </select>
          </div>
        )}
      </div>
    </header>
  );
}
