import * as React from 'react';

import { useTrans } from '../../../components/context';
import { wallClock } from '../../../format';
import { SelectField, TextField } from '../../../components/fields';
import type { FormModel } from './model';

/** When it runs: cron in words, the next five runs, and what happens to missed ones. */
export function ScheduleFields(props: { model: FormModel; id: string }): JSX.Element {
  const { model, id } = props;
  const { draft, preview } = model;
  const trans = useTrans();
  const presets: [string, string][] = [
    ['0 * * * *', trans.__('Every hour')],
    ['0 6 * * *', trans.__('Every day at 06:00')],
    ['0 8 * * 1-5', trans.__('Weekdays at 08:00')],
    ['0 6 * * 1', trans.__('Mondays at 06:00')],
    ['0 6 1 * *', trans.__('The first of the month at 06:00')]
  ];
  const zones = React.useMemo(() => ['UTC', ...(Intl.supportedValuesOf?.('timeZone') ?? [])], []);
  return (
    <div className="lst-Form-schedule">
      <div className="lst-Chips" role="group" aria-label={trans.__('Common times')}>
        {presets.map(([cron, label]) => (
          <button
            key={cron}
            type="button"
            aria-pressed={draft.cron === cron}
            onClick={() => model.set({ cron })}
          >
            {label}
          </button>
        ))}
      </div>
      <div className="lst-Form-grid">
        <TextField
          id={`${id}-cron`}
          label={trans.__('Cron line')}
          value={draft.cron}
          error={model.error('cron')}
          mono
          hint={trans.__('minute hour day month weekday')}
          onChange={cron => model.set({ cron })}
        />
        <TextField
          id={`${id}-timezone`}
          label={trans.__('Time zone')}
          value={draft.timezone}
          error={model.error('timezone')}
          list={`${id}-zones`}
          onChange={timezone => model.set({ timezone })}
        />
        <datalist id={`${id}-zones`}>
          {zones.map(zone => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
      </div>
      {preview && (
        <div className="lst-Preview" aria-live="polite">
          <strong>{preview.words}</strong>
          <ol aria-label={trans.__('Next runs')}>
            {preview.next_runs.map(run => (
              <li key={run}>{wallClock(run)}</li>
            ))}
          </ol>
        </div>
      )}
      <div className="lst-Form-grid">
        <SelectField
          id={`${id}-missed`}
          label={trans.__('Runs missed while the studio was off')}
          value={draft.missed}
          options={[
            ['last', trans.__('Run the last one only')],
            ['catch_up', trans.__('Run all of them')],
            ['skip', trans.__('Skip them')]
          ]}
          onChange={missed => model.set({ missed })}
        />
        <SelectField
          id={`${id}-overlap`}
          label={trans.__('When the run before has not ended')}
          value={draft.overlap}
          options={[
            ['skip', trans.__('Skip the new run')],
            ['allow', trans.__('Run both')],
            ['stop_previous', trans.__('Stop the one before')]
          ]}
          onChange={overlap => model.set({ overlap })}
        />
      </div>
    </div>
  );
}
