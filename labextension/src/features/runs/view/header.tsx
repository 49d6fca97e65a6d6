import * as React from 'react';

import { Banner, Button, IconButton } from '../../../components/basics';
import { useNow, useServices } from '../../../components/context';
import { compareIcon, outIcon, rerunIcon, trashIcon } from '../../../components/icons';
import { When } from '../../../components/state';
import { duration, secondsBetween } from '../../../format';
import { CommandIDs } from '../../../tokens';
import { archiveIcon, lineageIcon, registerIcon, starIcon, starredIcon } from '../chart/icons';
import type { RunModel } from '../model';
import { StatusIcon, statusState, statusWord } from '../status';
import type { RunDetail } from '../types';

/** The top of a run's view: what it is, how it stands, what can be done, and the tabs. */
export function RunHeader(props: {
  model: RunModel;
  run: RunDetail;
  children: React.ReactNode;
}): JSX.Element {
  const { model, run } = props;
  const { commands, trans } = useServices();
  const now = useNow(model.running);
  const [problem, setProblem] = React.useState<string | null>(null);
  const execute = (command: string, args: Record<string, unknown> = { run: run.id }) =>
    void commands.execute(command, args as never);
  const edit = async (change: { favourite?: boolean; archived?: boolean; deleted?: boolean }) => {
    setProblem(await model.mark(change));
  };
  const deleted = run.lifecycle === 'deleted';
  const parent = run.parent?.id;
  return (
    <header className="lst-Header">
      <div className="lst-Header-top">
        <StatusIcon status={run.status} />
        <div className="lst-Header-title">
          <h2 title={run.name}>{run.name}</h2>
          <p>
            <span
              className="lst-JobRow-state"
              data-state={statusState(run.status)}
              aria-live="polite"
            >
              {statusWord(run.status, trans)}
            </span>
            <span>{duration(secondsBetween(run.started_at, run.ended_at, now))}</span>
            <When at={run.started_at} />
            {commands.hasCommand(CommandIDs.openExperiment) ? (
              <button
                type="button"
                className="lst-Link"
                onClick={() =>
                  execute(CommandIDs.openExperiment, { experiment: run.experiment_id })
                }
              >
                {run.experiment}
              </button>
            ) : (
              <span>{run.experiment}</span>
            )}
          </p>
        </div>
        <div className="lst-Header-actions">
          <IconButton
            icon={run.favourite ? starredIcon : starIcon}
            label={trans.__('Favourite')}
            pressed={run.favourite}
            onClick={() => void edit({ favourite: !run.favourite })}
          />
          {run.job_id && (
            <Button
              icon={rerunIcon}
              title={trans.__('Run its job again')}
              onClick={() => execute(CommandIDs.rerun, { id: run.job_id })}
            >
              {trans.__('Rerun')}
            </Button>
          )}
          {run.capsule && (
            <Button
              icon={rerunIcon}
              title={trans.__('Run it again as it was recorded, and report what agrees')}
              onClick={() => execute(CommandIDs.reproduceRun)}
            >
              {trans.__('Reproduce')}
            </Button>
          )}
          {run.models.length > 0 && commands.hasCommand(CommandIDs.registerModel) && (
            <Button
              icon={registerIcon}
              title={trans.__('Register its model')}
              onClick={() => execute(CommandIDs.registerModel)}
            >
              {trans.__('Register')}
            </Button>
          )}
          {parent && (
            <Button
              icon={compareIcon}
              title={trans.__('Compare with the run that it belongs to')}
              onClick={() => execute(CommandIDs.compareRuns, { runs: [parent, run.id] })}
            >
              {trans.__('Compare with parent')}
            </Button>
          )}
          {commands.hasCommand(CommandIDs.openLineage) && (
            <Button
              icon={lineageIcon}
              title={trans.__('What made it, and what was made of it')}
              onClick={() => execute(CommandIDs.openLineage, { object: `run:${run.id}` })}
            >
              {trans.__('Lineage')}
            </Button>
          )}
          <IconButton
            icon={outIcon}
            label={trans.__('Open in MLflow')}
            onClick={() => execute(CommandIDs.openMlflow, { runId: run.id })}
          />
          <IconButton
            icon={archiveIcon}
            label={run.archived ? trans.__('Take out of the archive') : trans.__('Archive')}
            pressed={run.archived}
            onClick={() => execute(CommandIDs.archiveRun, { run: run.id, archived: !run.archived })}
          />
          {!deleted && (
            <IconButton
              icon={trashIcon}
              label={trans.__('Delete')}
              onClick={() => execute(CommandIDs.deleteRun)}
            />
          )}
        </div>
      </div>
      {deleted && (
        <Banner
          kind="warning"
          actions={
            <Button onClick={() => void edit({ deleted: false })}>{trans.__('Restore')}</Button>
          }
        >
          {trans.__('This run is deleted.')}
        </Banner>
      )}
      {problem && <Banner kind="error">{problem}</Banner>}
      <div className="lst-Header-tabs">{props.children}</div>
    </header>
  );
}
