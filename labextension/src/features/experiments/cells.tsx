import * as React from 'react';

import type { Run } from '../../api/types';
import { useNow } from '../../components/context';
import { duration, secondsBetween } from '../../format';
import type { IColumn } from './columns';
import { kindOf, nameOf, NAME, TAGS } from './columns';
import { cellText } from './words';

const MARKS: Record<string, string> = {
  RUNNING: 'M8 1.800a6.200 6.200 0 1 1-5.400 3.100',
  SCHEDULED:
    'M8 14.200A6.200 6.200 0 1 0 8 1.800a6.200 6.200 0 0 0 0 12.400zM8 4.700V8l2.200 1.500',
  FINISHED: 'M4 8.500l2.800 2.800L12.200 5.400',
  FAILED: 'M4.700 4.700l6.600 6.600M11.300 4.700l-6.600 6.600',
  KILLED: 'M5 5h6v6H5z'
};

/** A run's status as a mark; drawn in place, since a long list makes many. */
export function StatusMark(props: { status: string }): JSX.Element {
  return (
    <svg className="lst-RunMark" data-status={props.status} viewBox="0 0 16 16" aria-hidden="true">
      <path d={MARKS[props.status] ?? MARKS.SCHEDULED} />
    </svg>
  );
}

const STAR =
  'M8 1.800l1.900 4 4.400.500-3.300 3 .900 4.300L8 11.500l-3.900 2.100.900-4.300-3.300-3 4.400-.500z';

export function Star(props: { on: boolean }): JSX.Element {
  return (
    <svg className="lst-Star" data-on={props.on} viewBox="0 0 16 16" aria-hidden="true">
      <path d={STAR} />
    </svg>
  );
}

const SPARK = { width: 72, height: 20 };

/** The course of a metric, as a line. */
export const Sparkline = React.memo(function Sparkline(props: {
  values: readonly (number | null)[];
}): JSX.Element | null {
  const points = props.values.flatMap((y, x) =>
    y === null || !Number.isFinite(y) ? [] : [{ x, y }]
  );
  if (points.length === 0) {
    return null;
  }
  const low = Math.min(...points.map(each => each.y));
  const high = Math.max(...points.map(each => each.y));
  const { width, height } = SPARK;
  const left = (x: number) => 1 + (x / Math.max(1, props.values.length - 1)) * (width - 4);
  const top = (y: number) =>
    high === low ? height / 2 : height - 2 - ((y - low) / (high - low)) * (height - 4);
  const at = points.map(each => `${left(each.x).toFixed(1)},${top(each.y).toFixed(1)}`);
  const last = points[points.length - 1];
  return (
    <svg className="lst-Spark" width={width} height={height} aria-hidden="true">
      {points.length > 1 && <polyline points={at.join(' ')} />}
      <circle cx={left(last.x)} cy={top(last.y)} r="1.6" />
    </svg>
  );
});

/** Tags that people set; what MLflow and the studio note for themselves is not shown. */
export function ownTags(run: Run): [string, string][] {
  return Object.entries(run.tags).filter(([key]) => !/^(mlflow|labstudio)\./.test(key));
}

export function tagText(key: string, value: string): string {
  return value === '' || value === 'true' ? key : `${key}: ${value}`;
}

/** How long a run takes, ticking while it runs. */
export function Ticking(props: { started: string | null | undefined }): JSX.Element {
  const now = useNow(true);
  const seconds = secondsBetween(props.started, null, now);
  return <>{duration(seconds === null ? null : Math.floor(seconds)).replace('.0 s', ' s')}</>;
}

/** What a cell shows. */
export function content(
  run: Run,
  column: IColumn,
  experiment: (id: string) => string
): React.ReactNode {
  const { key } = column;
  if (key === NAME) {
    return (
      <>
        <StatusMark status={run.status} />
        <span className="lst-RunName">{run.name}</span>
      </>
    );
  }
  if (key === TAGS) {
    return ownTags(run).map(([tag, value]) => (
      <span key={tag} className="lst-Chip" title={`${tag}: ${value}`}>
        {tagText(tag, value)}
      </span>
    ));
  }
  if (key === 'attributes.duration' && run.status === 'RUNNING') {
    return <Ticking started={run.started_at} />;
  }
  const text = cellText(run, key, experiment);
  if (kindOf(key) === 'metrics' && column.spark) {
    return (
      <>
        <Sparkline values={run.spark?.[nameOf(key)] ?? []} />
        <span>{text}</span>
      </>
    );
  }
  return text;
}

/** Numbers stand at the right. */
export function isNumber(key: string, text: string): boolean {
  return (
    kindOf(key) === 'metrics' ||
    key === 'attributes.duration' ||
    (kindOf(key) === 'params' && text !== '' && Number.isFinite(Number(text)))
  );
}
