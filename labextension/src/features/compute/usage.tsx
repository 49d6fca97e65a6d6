import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ApiError } from '../../api/client';
import type { UsageBy, UsageReport, UsageRow } from '../../api/types';
import { Banner, Empty, Tabs } from '../../components/basics';
import { useServices } from '../../components/context';
import { duration } from '../../format';
import { hundredths } from './parts';

const SPANS = { week: 7, month: 30, year: 365, all: 0 } as const;
type Span = keyof typeof SPANS;
type Day = UsageReport['days'][number];
type Used = UsageReport['total'];

const DAY_MS = 86_400_000;
/** So many days are named under the columns. */
const LABELS = 8;

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
      since: SPANS[span] ? new Date(Date.now() - SPANS[span] * DAY_MS).toISOString() : undefined
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
            <Days report={report} span={SPANS[span]} />
            <Rows report={report} label={keys.find(each => each[0] === by)?.[1] ?? ''} />
          </>
        ))}
    </div>
  );
}

/** One column a day, of cost where there are prices, of hours otherwise. */
function Days(props: { report: UsageReport; span: number }): JSX.Element {
  const { trans } = useServices();
  const priced = props.report.total.cost > 0;
  const days = allDays(props.report.days, props.span);
  const value = (day: Day) => (priced ? day.cost : day.seconds);
  const words = (day: Day) => (priced ? hundredths(day.cost) : duration(day.seconds));
  const most = days.reduce((one, other) => (value(other) > value(one) ? other : one));
  const title = priced ? trans.__('Cost by day') : trans.__('Time by day');
  const every = Math.ceil(days.length / LABELS);
  return (
    <figure className="lst-Usage-days" aria-label={title}>
      <figcaption>{trans.__('%1, at most %2', title, words(most))}</figcaption>
      <div>
        {days.map((day, index) => (
          <div
            key={day.day}
            className="lst-Usage-day"
            title={`${shortDay(day.day)}: ${words(day)}`}
            data-end={index === days.length - 1}
          >
            <span style={{ height: `${(value(day) / (value(most) || 1)) * 100}%` }} />
            <small>{(days.length - 1 - index) % every === 0 && shortDay(day.day)}</small>
          </div>
        ))}
      </div>
    </figure>
  );
}

/** The days to today, also those on which nothing ran; `span` 0 begins with the first. */
function allDays(used: readonly Day[], span: number): Day[] {
  const known = new Map(used.map(day => [day.day, day]));
  const today = Math.floor(Date.now() / DAY_MS);
  const first = Math.floor(Date.parse(used[0].day) / DAY_MS);
  const begin = span && span <= 30 ? Math.min(first, today - span + 1) : first;
  return Array.from({ length: today - begin + 1 }, (_, index) => {
    const day = new Date((begin + index) * DAY_MS).toISOString().slice(0, 10);
    return known.get(day) ?? { day, seconds: 0, cost: 0 };
  });
}

/** A day of UTC, as the ledger counts them. */
function shortDay(day: string): string {
  return new Date(day).toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC'
  });
}

function Rows(props: { report: UsageReport; label: string }): JSX.Element {
  const { trans } = useServices();
  const { rows, total } = props.report;
  const figures = [
    { head: trans.__('Time'), cell: (row: Used) => duration(row.seconds), shown: true },
    { head: trans.__('CPU h'), cell: (row: Used) => hundredths(row.cpu_s / 3600), shown: true },
    {
      head: trans.__('GPU h'),
      cell: (row: Used) => hundredths(row.gpu_s / 3600),
      shown: total.gpu_s
    },
    { head: trans.__('Cost'), cell: (row: Used) => hundredths(row.cost), shown: total.cost },
    {
      head: trans.__('Saved'),
      title: trans.__('By being preemptible'),
      cell: (row: Used) => hundredths(row.saved),
      shown: total.saved
    },
    {
      head: trans.__('Lost'),
      title: trans.__('To preemptions: work done again'),
      cell: (row: Used) => hundredths(row.lost_cost),
      shown: total.lost_cost
    }
  ].filter(figure => figure.shown);
  const cells = (row: Used) =>
    figures.map(figure => (
      <td key={figure.head} data-number>
        {figure.cell(row)}
      </td>
    ));
  const most = Math.max(...rows.map(weight), Number.MIN_VALUE);
  return (
    <table className="lst-Table" aria-label={trans.__('Usage')}>
      <thead>
        <tr>
          <th>{props.label}</th>
          <th aria-hidden="true" />
          {figures.map(figure => (
            <th key={figure.head} data-number title={figure.title}>
              {figure.head}
            </th>
          ))}
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
