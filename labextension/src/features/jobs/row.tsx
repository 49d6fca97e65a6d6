import { notebookIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Job } from '../../api/types';
import { isActive } from '../../api/types';
import { IconButton } from '../../components/basics';
import { useServices } from '../../components/context';
import { rerunIcon, stopSquareIcon, trashIcon } from '../../components/icons';
import {
  Elapsed,
  kindWord,
  ProgressBar,
  StateIcon,
  stateSentence,
  stateWord,
  When
} from '../../components/state';
import { oneLine } from '../../format';
import { CommandIDs } from '../../tokens';

export const ROW_HEIGHT = 46;

interface IRowProps {
  job: Job;
  selected: boolean;
  focused: boolean;
  onPoint: () => void;
  onSelect: (event: React.MouseEvent) => void;
  onOpen: () => void;
}

/** One job in the panel: what it is, what it is doing, for how long, and what can be done. */
export const JobRow = React.memo(function JobRow(props: IRowProps): JSX.Element {
  const { job } = props;
  const { commands, trans } = useServices();
  const sentence = stateSentence(job, trans);
  const active = isActive(job);
  // The jobs of a sweep differ in their parameters, not in their kind.
  const what = job.sweep_id ? assignments(job.parameters) : kindWord(job.kind, trans);
  const run = (command: string) => void commands.execute(command, { id: job.id });
  return (
    <div
      id={`lst-job-${job.id}`}
      className="lst-JobRow"
      role="option"
      aria-selected={props.selected}
      aria-label={`${job.name}, ${sentence}`}
      data-job={job.id}
      data-state={job.state}
      data-focused={props.focused}
      style={{ height: ROW_HEIGHT }}
      title={[job.name, job.path, job.error].filter(Boolean).join('\n')}
      onMouseEnter={props.onPoint}
      onMouseDown={props.onSelect}
      onDoubleClick={props.onOpen}
    >
      <StateIcon state={job.state} />
      <div className="lst-JobRow-text">
        <div className="lst-JobRow-line">
          <div
            className="lst-JobRow-name"
            onClick={event => !event.ctrlKey && !event.metaKey && !event.shiftKey && props.onOpen()}
          >
            {job.name}
          </div>
          <Elapsed job={job} />
        </div>
        <div className="lst-JobRow-more">
          <span className="lst-JobRow-state" data-state={job.state}>
            {sentence}
          </span>
          {job.attempt > 1 && <span>{trans.__('attempt %1', job.attempt)}</span>}
          {!active && !job.error && (
            <>
              <span>{what}</span>
              <When at={job.ended_at ?? job.created_at} />
            </>
          )}
          {active && <span>{what}</span>}
        </div>
        <ProgressBar job={job} />
      </div>
      <div className="lst-JobRow-actions" onMouseDown={event => event.stopPropagation()}>
        {active ? (
          <IconButton
            icon={stopSquareIcon}
            label={trans.__('Stop')}
            tabIndex={-1}
            onClick={() => run(CommandIDs.stop)}
          />
        ) : (
          <>
            {job.kind === 'notebook' && job.attempt > 0 && (
              <IconButton
                icon={notebookIcon}
                label={trans.__('Open the output notebook')}
                tabIndex={-1}
                onClick={() => run(CommandIDs.openFile)}
              />
            )}
            <IconButton
              icon={rerunIcon}
              label={trans.__('Rerun')}
              tabIndex={-1}
              onClick={() => run(CommandIDs.rerun)}
            />
            <IconButton
              icon={trashIcon}
              label={trans.__('Delete')}
              tabIndex={-1}
              onClick={() => run(CommandIDs.remove)}
            />
          </>
        )}
      </div>
      <span className="lst-sr">{stateWord(job.state, trans)}</span>
    </div>
  );
});

function assignments(parameters: Job['parameters']): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${oneLine(value, 24)}`)
    .join(' ');
}
