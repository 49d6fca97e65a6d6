import * as React from 'react';

import { ApiError } from '../../api/client';
import type { Fire } from '../../api/types';
import { Banner, Button, Empty, Facts } from '../../components/basics';
import { useServices, useSignal } from '../../components/context';
import { moment, wallClock } from '../../format';
import { CommandIDs } from '../../tokens';
import type { SchedulesModel } from './model';

/** One schedule: when it runs next and what became of each time before. */
export function ScheduleHistory(props: { model: SchedulesModel; id: string }): JSX.Element {
  const { model, id } = props;
  const { api, commands, trans } = useServices();
  const revision = useSignal(model.changed);
  const [fires, setFires] = React.useState<readonly Fire[]>([]);
  const [cursor, setCursor] = React.useState<string | null>(null);
  const [error, setError] = React.useState<string | null>(null);
  const schedule = model.find(id);

  const exists = schedule !== undefined;

  React.useEffect(() => {
    if (!exists) {
      return;
    }
    let live = true;
    api.scheduleHistory(id).then(
      page => {
        if (live) {
          setFires(page.items);
          setCursor(page.next_cursor ?? null);
          setError(null);
        }
      },
      reason => live && setError(ApiError.from(reason).message)
    );
    return () => {
      live = false;
    };
  }, [api, id, exists, revision]);

  const more = async () => {
    try {
      const page = await api.scheduleHistory(id, cursor ?? undefined);
      setFires([...fires, ...page.items]);
      setCursor(page.next_cursor ?? null);
    } catch (reason) {
      setError(ApiError.from(reason).message);
    }
  };
  const outcomes: Record<Fire['outcome'], string> = {
    submitted: trans.__('Submitted'),
    skipped_missed: trans.__('Skipped: it was missed'),
    skipped_overlap: trans.__('Skipped: the run before had not ended'),
    failed: trans.__('Could not be submitted')
  };
  const run = (command: string) => void commands.execute(command, { id });
  if (!schedule) {
    return <Empty>{trans.__('This schedule is no more.')}</Empty>;
  }
  return (
    <div className="lst-History lst-Scroll">
      <div className="lst-Compare-bar">
        <h2>{schedule.name}</h2>
        <div>
          <Button onClick={() => run(CommandIDs.runSchedule)}>{trans.__('Run now')}</Button>
          <Button
            onClick={() =>
              run(schedule.paused ? CommandIDs.resumeSchedule : CommandIDs.pauseSchedule)
            }
          >
            {schedule.paused ? trans.__('Resume') : trans.__('Pause')}
          </Button>
          <Button onClick={() => run(CommandIDs.editSchedule)}>{trans.__('Edit…')}</Button>
        </div>
      </div>
      <Facts
        items={[
          [trans.__('Runs'), schedule.words],
          [
            trans.__('Cron line'),
            <code key="cron">
              {schedule.cron} ({schedule.timezone})
            </code>
          ],
          [trans.__('Source'), <code key="path">{schedule.job.path}</code>],
          [
            trans.__('Next'),
            schedule.paused
              ? trans.__('Paused')
              : schedule.next_runs.map(each => wallClock(each)).join(' · ')
          ]
        ]}
      />
      <h3>{trans.__('History')}</h3>
      {error && <Banner kind="error">{error}</Banner>}
      {fires.length === 0 ? (
        <Empty>{trans.__('It has not run yet.')}</Empty>
      ) : (
        <table className="lst-Table">
          <thead>
            <tr>
              <th>{trans.__('Due')}</th>
              <th>{trans.__('Outcome')}</th>
              <th>{trans.__('Job')}</th>
            </tr>
          </thead>
          <tbody>
            {fires.map(fire => (
              <tr key={`${fire.due_at}/${fire.manual}`}>
                <td>
                  {fire.manual
                    ? trans.__('By hand, %1', moment(fire.fired_at))
                    : moment(fire.due_at)}
                </td>
                <td className="lst-Wrap">
                  {outcomes[fire.outcome]}
                  {fire.reason && <p className="lst-Quiet">{fire.reason}</p>}
                </td>
                <td>
                  {fire.job_id && (
                    <button
                      type="button"
                      className="lst-Link"
                      onClick={() => void commands.execute(CommandIDs.open, { id: fire.job_id })}
                    >
                      {trans.__('Open')}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {cursor && <Button onClick={() => void more()}>{trans.__('Earlier')}</Button>}
    </div>
  );
}
