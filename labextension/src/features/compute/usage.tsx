import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ApiError } from '../../api/client';
import type { UsageBy, UsageReport, UsageRow } from '../../api/types';
import { Banner, Empty, Tabs } from '../../components/basics';
import { useServices } from '../../components/context';
import { duration } from '../../format';
import { money } from './parts';

const SPANS = { week: 7, month: 30, year: 365, all: 0 } as const;
type Span = keyof typeof SPANS;

/** Who used how much of what, and what it cost: a bar for each, a column for each day. */
export function UsageView(): JSX.Element {
  const { api, trans } = useServices();
  const [by, setBy] = React.useState<UsageBy>('compute');
  const [span, setSpan] = React.useState<Span>('month');
  const [report, setReport] = React.useState<UsageReport | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const query = React.useMemo(
    () => ({
      by,
      since: SPANS[span] ? new Date(Date.now() - SPANS[span] * 86_400_000).toISOString() : undefined
    }),
    [by, span]
  );
  React.useEffect(() => {
    let wanted = true;
    api.usage(query).then(
      found => {
        if (wanted) {
          setReport(found);
          setProblem(null);
        }
      },
      reason => wanted && setProblem(ApiError.from(reason).message)
    );
    return () => {
      wanted = false;
    };
  }, [api, query]);
  const keys: readonly (readonly [UsageBy, string])[] = [
    ['compute', trans.__('Compute')],
    ['user', trans.__('User')],
    ['workspace', trans.__('Workspace')],
    ['experiment', trans.__('Experiment')],
    ['holder', trans.__('Job or kernel')]
  ];
  return (
    <div className="lst-Usage lst-Scroll">
      <header className="lst-Usage-head">
        <Tabs
          label={trans.__('Time')}
          current={span}
          onChange={id => setSpan(id as Span)}
          tabs={[
            { id: 'week', label: trans.__('7 days') },
            { id: 'month', label: trans.__('30 days') },
            { id: 'year', label: trans.__('A year') },
            { id: 'all', label: trans.__('All') }
          ]}
        />
        <span className="lst-Fill" />
        <label>
          {trans.__('By')}
          <span className="lst-Select">
            <select value={by} onChange={event => setBy(event.target.value as UsageBy)}>
              {keys.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </span>
        </label>
        <a className="lst-Button" href={api.usageCsvUrl(query)} download="usage.csv">
          <downloadIcon.react tag="span" elementSize="normal" />
          <span>{trans.__('CSV')}</span>
        </a>
      </header>
      {problem && <Banner kind="error">{problem}</Banner>}
      {report &&
        (report.rows.length === 0 ? (
          <Empty>{trans.__('Nothing ran in this time.')}</Empty>
        ) : (
          <>
            <Days report={report} />
            <Rows report={report} label={keys.find(each => each[0] === by)?.[1] ?? ''} />
          </>
        ))}
    </div>
  );
}

/** One column a day, of cost where there are prices, of hours otherwise. */
function Days(props: { report: UsageReport }): JSX.Element {
  const { trans } = useServices();
  const { days, total } = props.report;
  const priced = total.cost > 0;
  const value = (day: (typeof days)[number]) => (priced ? day.cost : day.seconds / 3600);
  const most = Math.max(...days.map(value), Number.MIN_VALUE);
  return (
    <figure
      className="lst-Usage-days"
      aria-label={priced ? trans.__('Cost by day') : trans.__('Hours by day')}
    >
      {days.map(day => (
        <div
          key={day.day}
          className="lst-Usage-day"
          title={`${day.day}: ${priced ? money(day.cost) : duration(day.seconds)}`}
        >
          <span style={{ height: `${(value(day) / most) * 100}%` }} />
          <small>{day.day.slice(5)}</small>
        </div>
      ))}
    </figure>
  );
}

function Rows(props: { report: UsageReport; label: string }): JSX.Element {
  const { trans } = useServices();
  const { rows, total } = props.report;
  const hours = (seconds: number) => (seconds / 3600).toFixed(2);
  const cells = (row: UsageReport['total']) => (
    <>
      <td data-number>{duration(row.seconds)}</td>
      <td data-number>{hours(row.cpu_s)}</td>
      <td data-number>{hours(row.gpu_s)}</td>
      <td data-number>{money(row.cost)}</td>
      <td data-number>{money(row.saved)}</td>
      <td data-number>{money(row.lost_cost)}</td>
    </>
  );
  const most = Math.max(...rows.map(weight), Number.MIN_VALUE);
  return (
    <table className="lst-Table" aria-label={trans.__('Usage')}>
      <thead>
        <tr>
          <th>{props.label}</th>
          <th aria-hidden="true" />
          <th data-number>{trans.__('Time')}</th>
          <th data-number>{trans.__('CPU h')}</th>
          <th data-number>{trans.__('GPU h')}</th>
          <th data-number>{trans.__('Cost')}</th>
          <th data-number title={trans.__('By being preemptible')}>
            {trans.__('Saved')}
          </th>
          <th data-number title={trans.__('To preemptions: work done again')}>
            {trans.__('Lost')}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(row => (
          <tr key={row.key}>
            <td>{row.label || '–'}</td>
            <td className="lst-Usage-bar" aria-hidden="true">
              <span style={{ width: `${(weight(row) / most) * 100}%` }} />
            </td>
            {cells(row)}
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <td>{trans.__('All')}</td>
          <td />
          {cells(total)}
        </tr>
      </tfoot>
    </table>
  );
}

function weight(row: UsageRow): number {
  return row.cost > 0 ? row.cost : row.seconds / 1e9;
}
