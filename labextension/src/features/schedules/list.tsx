import { editIcon, historyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Schedule } from '../../api/types';
import { Banner, Button, Empty, IconButton } from '../../components/basics';
import { useServices } from '../../components/context';
import { clockIcon, pauseIcon, playIcon, trashIcon } from '../../components/icons';
import { wallClock } from '../../format';
import { CommandIDs } from '../../tokens';
import type { SchedulesModel } from './model';

/** Schedules: in words, when next, and what can be done. There are few, so all are drawn. */
export function ScheduleList(props: { model: SchedulesModel }): JSX.Element {
  const { model } = props;
  const { commands, trans } = useServices();
  const list = React.useRef<HTMLDivElement>(null);
  const onKey = (event: React.KeyboardEvent) => {
    const at = model.items.findIndex(item => item.id === model.current);
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step && model.items.length) {
      const to = Math.max(0, Math.min(model.items.length - 1, at + step));
      model.current = model.items[to].id;
      (list.current?.children[to] as HTMLElement | undefined)?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter' && model.current) {
      void commands.execute(CommandIDs.scheduleHistory, { id: model.current });
    } else if (event.key === 'Delete' && model.current) {
      void commands.execute(CommandIDs.deleteSchedule, { id: model.current });
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <>
      {model.error && <Banner kind="error">{model.error.message}</Banner>}
      {model.items.length === 0 && !model.loading && !model.error ? (
        <Empty
          action={
            <Button
              kind="primary"
              icon={clockIcon}
              onClick={() => void commands.execute(CommandIDs.createSchedule)}
            >
              {trans.__('New schedule')}
            </Button>
          }
        >
          {trans.__(
            'A schedule runs a notebook or script at the times you choose, in your time zone.'
          )}
        </Empty>
      ) : (
        <div
          ref={list}
          className="lst-ScheduleList"
          role="listbox"
          tabIndex={0}
          aria-label={trans.__('Schedules')}
          aria-activedescendant={model.current ? `lst-schedule-${model.current}` : undefined}
          onKeyDown={onKey}
        >
          {model.items.map(schedule => (
            <ScheduleRow
              key={schedule.id}
              schedule={schedule}
              selected={schedule.id === model.current}
              onSelect={() => {
                model.current = schedule.id;
              }}
            />
          ))}
        </div>
      )}
    </>
  );
}

function ScheduleRow(props: {
  schedule: Schedule;
  selected: boolean;
  onSelect: () => void;
}): JSX.Element {
  const { schedule } = props;
  const { commands, trans } = useServices();
  const run = (command: string) => void commands.execute(command, { id: schedule.id });
  const next = schedule.next_runs[0];
  return (
    <div
      id={`lst-schedule-${schedule.id}`}
      className="lst-ScheduleRow"
      role="option"
      aria-selected={props.selected}
      data-schedule={schedule.id}
      data-paused={schedule.paused}
      title={`${schedule.name}\n${schedule.cron} (${schedule.timezone})`}
      onMouseDown={props.onSelect}
      onDoubleClick={() => run(CommandIDs.scheduleHistory)}
    >
      <span className="lst-StateIcon" data-state={schedule.paused ? 'stopped' : 'queued'}>
        {schedule.paused ? <pauseIcon.react tag="span" /> : <clockIcon.react tag="span" />}
      </span>
      <div className="lst-JobRow-text">
        <div className="lst-JobRow-name" onClick={() => run(CommandIDs.scheduleHistory)}>
          {schedule.name}
        </div>
        <div className="lst-JobRow-more">
          <span>{schedule.words}</span>
        </div>
        <div className="lst-JobRow-more">
          <span>
            {schedule.paused
              ? trans.__('Paused')
              : next
                ? trans.__('Next %1 (%2)', wallClock(next), schedule.timezone)
                : trans.__('No further run')}
          </span>
        </div>
      </div>
      <div className="lst-JobRow-actions" onMouseDown={event => event.stopPropagation()}>
        <IconButton
          icon={playIcon}
          label={trans.__('Run now')}
          tabIndex={-1}
          onClick={() => run(CommandIDs.runSchedule)}
        />
        <IconButton
          icon={schedule.paused ? clockIcon : pauseIcon}
          label={schedule.paused ? trans.__('Resume') : trans.__('Pause')}
          tabIndex={-1}
          onClick={() =>
            run(schedule.paused ? CommandIDs.resumeSchedule : CommandIDs.pauseSchedule)
          }
        />
        <IconButton
          icon={historyIcon}
          label={trans.__('History')}
          tabIndex={-1}
          onClick={() => run(CommandIDs.scheduleHistory)}
        />
        <IconButton
          icon={editIcon}
          label={trans.__('Edit')}
          tabIndex={-1}
          onClick={() => run(CommandIDs.editSchedule)}
        />
        <IconButton
          icon={trashIcon}
          label={trans.__('Delete')}
          tabIndex={-1}
          onClick={() => run(CommandIDs.deleteSchedule)}
        />
      </div>
    </div>
  );
}
