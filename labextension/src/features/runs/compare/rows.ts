/** What is known of runs, as rows. Pure. */
import { number } from '../../../format';
import type { Comparison } from '../types';

export interface ICompareRow {
  key: string;
  values: Readonly<Record<string, string | number | null | undefined>>;
  /** What more there is to say of a value. */
  notes?: Readonly<Record<string, string>>;
}

export interface ISection {
  name: 'params' | 'metrics' | 'tags' | 'environment' | 'data' | 'hardware';
  rows: ICompareRow[];
}

/** Everything that was recorded of the runs. */
export function sections(comparison: Comparison): ISection[] {
  const metrics = comparison.metrics.map(({ key, values }) => ({
    key,
    values: map(values, each => each.last),
    notes: map(values, each => `${number(each.low)} … ${number(each.high)}, step ${each.step}`)
  }));
  return [
    { name: 'params', rows: comparison.params },
    { name: 'metrics', rows: metrics },
    // The studio's own tags are facts, which stand elsewhere.
    { name: 'tags', rows: comparison.tags.filter(each => !each.key.startsWith('labstudio.')) },
    { name: 'environment', rows: comparison.environment },
    { name: 'data', rows: comparison.data },
    { name: 'hardware', rows: comparison.hardware }
  ];
}

/** Whether runs differ in a row; one that has no value differs from one that has. */
export function differs(row: ICompareRow, ids: readonly string[]): boolean {
  return new Set(ids.map(id => JSON.stringify(row.values[id] ?? null))).size > 1;
}

function map<T, U>(
  values: Readonly<Record<string, T>>,
  change: (value: T) => U
): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
