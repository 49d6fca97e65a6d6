import * as React from 'react';

import { ApiError } from '../../api/client';
import type { JobDetail, JobMetrics } from '../../api/types';
import { Banner, Button, Empty } from '../../components/basics';
import { useServices, useTrans } from '../../components/context';
import { StateIcon, stateWord } from '../../components/state';
import { duration, moment, number, oneLine, secondsBetween } from '../../format';
import { CommandIDs } from '../../tokens';

interface IRow {
  group: string;
  name: string;
  cells: React.ReactNode[];
  /** What decides whether the row differs. */
  keys: string[];
}

/** Jobs side by side; only what differs, unless asked for all. */
export function CompareView(props: { ids: readonly string[] }): JSX.Element {
  const { api, commands } = useServices();
  const trans = useTrans();
  const [jobs, setJobs] = React.useState<readonly JobDetail[]>([]);
  const [metrics, setMetrics] = React.useState<readonly (JobMetrics | null)[]>([]);
  const [error, setError] = React.useState<string | null>(null);
  const [all, setAll] = React.useState(false);
  const key = props.ids.join(',');

  const load = React.useCallback(async () => {
    const ids = key.split(',');
    try {
      const found = await Promise.all(ids.map(id => api.job(id)));
      setJobs(found);
      setError(null);
      setMetrics(await Promise.all(ids.map(id => api.metrics(id).catch(() => null))));
    } catch (reason) {
      setError(ApiError.from(reason).message);
    }
  }, [api, key]);
  React.useEffect(() => void load(), [load]);

  const rows = jobs.length ? makeRows(jobs, metrics, trans) : [];
  const differs = (row: IRow) => new Set(row.keys).size > 1;
  const shown = rows.filter(row => all || differs(row));
  let group = '';
  return (
    <div className="lst-Compare lst-Scroll">
      <div className="lst-Compare-bar">
        <h2>{trans.__('Compare %1 jobs', props.ids.length)}</h2>
        <div>
          <label className="lst-Check">
            <input
              type="checkbox"
              checked={!all}
              onChange={event => setAll(!event.target.checked)}
            />
            {trans.__('Only what differs')}
          </label>
          <Button onClick={() => void load()}>{trans.__('Refresh')}</Button>
        </div>
      </div>
      {error && <Banner kind="error">{error}</Banner>}
      {jobs.length > 0 && (
        <table className="lst-Table lst-Compare-table">
          <thead>
            <tr>
              <th />
              {jobs.map(job => (
                <th key={job.id}>
                  <span className="lst-Inline">
                    <StateIcon state={job.state} />
                    <button
                      type="button"
                      className="lst-Link"
                      title={job.name}
                      onClick={() => void commands.execute(CommandIDs.open, { id: job.id })}
                    >
                      {job.name}
                    </button>
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map(row => {
              const head = row.group !== group;
              group = row.group;
              return (
                <React.Fragment key={`${row.group}/${row.name}`}>
                  {head && (
                    <tr className="lst-Compare-group">
                      <th colSpan={jobs.length + 1}>{row.group}</th>
                    </tr>
                  )}
                  <tr data-differs={differs(row)}>
                    <th scope="row">{row.name}</th>
                    {row.cells.map((cell, at) => (
                      <td key={jobs[at].id}>{cell}</td>
                    ))}
                  </tr>
                </React.Fragment>
              );
            })}
          </tbody>
        </table>
      )}
      {jobs.length > 0 && shown.length === 0 && (
        <Empty>{trans.__('These jobs differ in nothing that is recorded.')}</Empty>
      )}
    </div>
  );
}

function makeRows(
  jobs: readonly JobDetail[],
  metrics: readonly (JobMetrics | null)[],
  trans: ReturnType<typeof useTrans>
): IRow[] {
  const row = (
    group: string,
    name: string,
    values: unknown[],
    cells?: React.ReactNode[]
  ): IRow => ({
    group,
    name,
    keys: values.map(value => JSON.stringify(value ?? null)),
    cells:
      cells ??
      values.map(value => (value === undefined || value === null ? '–' : oneLine(value, 60)))
  });
  const names = (of: (job: JobDetail) => object | undefined) =>
    [...new Set(jobs.flatMap(job => Object.keys(of(job) ?? {})))].sort((a, b) =>
      a.localeCompare(b)
    );
  const run = trans.__('Run');
  const spans = jobs.map(job => secondsBetween(job.started_at, job.ended_at));
  const rows = [
    row(
      run,
      trans.__('State'),
      jobs.map(job => job.state),
      jobs.map(job => stateWord(job.state, trans))
    ),
    row(
      run,
      trans.__('Time'),
      spans,
      spans.map(span => duration(span) || '–')
    ),
    row(
      run,
      trans.__('Started'),
      jobs.map(job => moment(job.started_at) || null)
    ),
    row(
      run,
      trans.__('Error'),
      jobs.map(job => job.error)
    )
  ];
  for (const name of names(job => job.parameters)) {
    rows.push(
      row(
        trans.__('Parameters'),
        name,
        jobs.map(job => job.parameters[name])
      )
    );
  }
  const logged = [...new Set(metrics.flatMap(each => Object.keys(each?.metrics ?? {})))].sort();
  for (const name of logged) {
    const last = metrics.map(each => each?.metrics[name]?.at(-1)?.value);
    rows.push(
      row(
        trans.__('Last metrics'),
        name,
        last,
        last.map(value => number(value))
      )
    );
  }
  const code = trans.__('Code');
  rows.push(
    row(
      code,
      trans.__('Source'),
      jobs.map(job => job.path)
    ),
    row(
      code,
      trans.__('Compute'),
      jobs.map(job => job.compute)
    ),
    row(
      code,
      trans.__('Content'),
      jobs.map(job => entryHash(job)),
      jobs.map(job => <code key={job.id}>{entryHash(job)?.slice(0, 10) ?? '–'}</code>)
    ),
    row(
      code,
      trans.__('Git commit'),
      jobs.map(job => job.provenance?.git_commit?.slice(0, 10))
    ),
    row(
      code,
      trans.__('Python'),
      jobs.map(job => job.provenance?.python_version)
    )
  );
  for (const name of names(job => job.provenance?.packages)) {
    rows.push(
      row(
        trans.__('Packages'),
        name,
        jobs.map(job => job.provenance?.packages?.[name])
      )
    );
  }
  return rows;
}

function entryHash(job: JobDetail): string | undefined {
  return job.snapshot?.files.find(file => file.path === job.snapshot?.entry)?.sha256;
}
