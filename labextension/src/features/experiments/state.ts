/** What a run table shows: small enough to be kept, saved as a view and compared. Pure. */

import type { Goal, IColumn } from './columns';
import { isSortable, MAX_WIDTH, MIN_WIDTH, nameFirst } from './columns';
import { both, quoteKey, quoteValue } from './filter';

export type Lifecycle = 'active' | 'archived' | 'deleted';
export const LIFECYCLES: readonly Lifecycle[] = ['active', 'archived', 'deleted'];
export type Since = '' | 'hour' | 'day' | 'week' | 'month';
export const SINCE: Record<Exclude<Since, ''>, number> = {
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000
};
/** MLflow's names of what a run is doing. */
export const STATUSES = ['RUNNING', 'FINISHED', 'FAILED', 'KILLED'] as const;

export interface ISort {
  key: string;
  descending: boolean;
}

export interface ITableState {
  /** Ids of experiments; all when empty. */
  experiments: readonly string[];
  /** In MLflow's filter language. */
  filter: string;
  text: string;
  status: string;
  lifecycle: Lifecycle;
  favourite: boolean;
  mine: boolean;
  since: Since;
  sort: readonly ISort[];
  /** The key that runs are grouped by; none when empty. */
  group: string;
  /** What most runs have, when null. */
  columns: readonly IColumn[] | null;
}

export const INITIAL: ITableState = {
  experiments: [],
  filter: '',
  text: '',
  status: '',
  lifecycle: 'active',
  favourite: false,
  mine: false,
  since: '',
  sort: [],
  group: '',
  columns: null
};

/** Whether two states show the same. */
export function same(a: ITableState, b: ITableState): boolean {
  return JSON.stringify(normal(a)) === JSON.stringify(normal(b));
}

/** Whether two states show the same runs in the same order, whatever the columns. */
export function sameRuns(a: ITableState, b: ITableState): boolean {
  return same({ ...a, columns: null }, { ...b, columns: null });
}

function normal(state: ITableState): unknown {
  return Object.fromEntries(
    Object.entries({ ...INITIAL, ...state }).sort(([a], [b]) => (a < b ? -1 : 1))
  );
}

/** Whether anything keeps runs out of sight. */
export function isFiltered(state: ITableState): boolean {
  const { experiments, sort, group, columns } = state;
  return !same(state, { ...INITIAL, experiments, sort, group, columns });
}

/** Show all runs of the experiments again. */
export function unfiltered(state: ITableState): ITableState {
  const { experiments, sort, group, columns } = state;
  return { ...INITIAL, experiments, sort, group, columns };
}

/** Sort by a key: up, down, as they come; with `add` after the keys that were there. */
export function toggleSort(
  sort: readonly ISort[],
  key: string,
  add: boolean,
  first: 'up' | 'down' = 'down'
): ISort[] {
  // Of several keys one alone is left: it begins anew.
  const old = add || sort.length === 1 ? sort.find(each => each.key === key) : undefined;
  const down = first === 'down';
  const now = !old
    ? { key, descending: down }
    : old.descending === down
      ? { key, descending: !down }
      : null;
  if (!add) {
    return now ? [now] : [];
  }
  return old
    ? sort.flatMap(each => (each.key === key ? (now ? [now] : []) : [each]))
    : [...sort, ...(now ? [now] : [])];
}

/** The part of the state that is a condition, in the filter language. */
export function condition(state: ITableState, user: string, now: number = Date.now()): string {
  return both(
    state.filter,
    state.mine ? `attributes.user_id = ${quoteValue(user)}` : null,
    state.status && `attributes.status = ${quoteValue(state.status)}`,
    // To the minute, so that the same question is asked the same way for a while.
    state.since &&
      `attributes.start_time >= ${Math.floor((now - SINCE[state.since]) / 60_000) * 60_000}`
  );
}

/** The order, as MLflow's own `order_by` says it. */
export function orderBy(sort: readonly ISort[]): string[] {
  return sort.map(each => `${quoteKey(each.key)} ${each.descending ? 'DESC' : 'ASC'}`);
}

/** Read what was kept: what is unknown or wrong is as it is at first. */
export function readState(kept: unknown): ITableState {
  const from = (kept && typeof kept === 'object' ? kept : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof from[name] === 'string' ? (from[name] as string) : '');
  const since = text('since');
  const lifecycle = LIFECYCLES.find(each => each === from.lifecycle) ?? 'active';
  return {
    experiments: list(from.experiments).filter(each => typeof each === 'string') as string[],
    filter: text('filter'),
    text: text('text'),
    status: STATUSES.find(each => each === from.status) ?? '',
    lifecycle,
    favourite: from.favourite === true,
    mine: from.mine === true,
    since: since in SINCE ? (since as Since) : '',
    sort: list(from.sort).flatMap(readSort),
    group: text('group'),
    columns: Array.isArray(from.columns) ? nameFirst(from.columns.flatMap(readColumn)) : null
  };
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function readSort(kept: unknown): ISort[] {
  const { key, descending } = (kept ?? {}) as Partial<ISort>;
  return typeof key === 'string' && isSortable(key)
    ? [{ key, descending: descending === true }]
    : [];
}

function readColumn(kept: unknown): IColumn[] {
  const { key, width, spark, goal } = (kept ?? {}) as Partial<IColumn>;
  if (typeof key !== 'string' || !key.includes('.')) {
    return [];
  }
  const goals: readonly Goal[] = ['max', 'min', 'none'];
  return [
    {
      key,
      ...(typeof width === 'number' && {
        width: Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, Math.round(width)))
      }),
      ...(spark === true && { spark }),
      ...(goals.includes(goal as Goal) && { goal })
    }
  ];
}
