/** What a column of the run table is: its key, and what is known of it by its name. Pure. */

export type ColumnKind = 'attributes' | 'params' | 'metrics' | 'tags';
export type Goal = 'max' | 'min' | 'none';

export interface IColumn {
  /** `metrics.auc`, as MLflow's filters name it, but never quoted. */
  key: string;
  /** In pixels; its kind's own when left out. */
  width?: number;
  /** A metric's course is drawn in its cell. */
  spark?: boolean;
  /** Which value of a metric is best; guessed by its name when left out. */
  goal?: Goal;
}

/** A key that runs have, and how many have it. */
export interface IKeyCount {
  key: string;
  count: number;
}

export interface IKnownColumns {
  attributes: readonly string[];
  params: readonly IKeyCount[];
  metrics: readonly IKeyCount[];
  tags: readonly IKeyCount[];
}

export const NAME = 'attributes.run_name';
export const NOTE = 'attributes.note';
export const TAGS = 'attributes.tags';
/** Attributes that the table shows, in the order in which the chooser offers them. */
export const ATTRIBUTES: readonly string[] = [
  'start_time',
  'duration',
  'status',
  'experiment',
  'user_id',
  'note',
  'tags',
  'notebook',
  'end_time',
  'job_id',
  'run_id'
].map(name => `attributes.${name}`);

const SORTABLE = new Set(['run_name', 'start_time', 'end_time', 'status', 'user_id', 'run_id']);
const WIDTHS: Record<string, number> = {
  'attributes.run_name': 220,
  'attributes.start_time': 124,
  'attributes.end_time': 124,
  'attributes.duration': 84,
  'attributes.status': 92,
  'attributes.experiment': 150,
  'attributes.user_id': 110,
  'attributes.note': 220,
  'attributes.tags': 200,
  'attributes.notebook': 170,
  'attributes.job_id': 150,
  'attributes.run_id': 150
};
export const MIN_WIDTH = 48;
export const MAX_WIDTH = 800;
const SPARK_WIDTH = 168;

export function kindOf(key: string): ColumnKind {
  const kind = key.slice(0, key.indexOf('.'));
  return kind === 'params' || kind === 'metrics' || kind === 'tags' ? kind : 'attributes';
}

/** The part after the kind. */
export function nameOf(key: string): string {
  return key.slice(key.indexOf('.') + 1);
}

export function widthOf(column: IColumn): number {
  const own = column.spark ? SPARK_WIDTH : kindOf(column.key) === 'metrics' ? 96 : 116;
  return column.width ?? WIDTHS[column.key] ?? own;
}

/** Whether the server can order runs by it. */
export function isSortable(key: string): boolean {
  return kindOf(key) !== 'attributes' || SORTABLE.has(nameOf(key));
}

/** Whether runs can be grouped by it. */
export function isGroupable(key: string): boolean {
  const kind = kindOf(key);
  return kind === 'params' || kind === 'tags' || key === 'attributes.experiment';
}

const SMALL_IS_GOOD = new Set(
  (
    'loss error errors err rmse mse mae mape smape msle rmsle nll logloss perplexity ppl cer wer ' +
    'brier latency ms seconds duration time fpr fnr fid regret deviance aic bic hamming divergence kl ' +
    'ece distance misclassification cost'
  ).split(' ')
);
const NEITHER = new Set(
  'epoch epochs step steps iteration lr count samples seed system'.split(' ')
);

/** Which end of a metric is the good one, as far as its name tells. */
export function guessGoal(name: string): Goal {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
  if (words.some(word => NEITHER.has(word)) || name.includes('learning_rate')) {
    return 'none';
  }
  // scikit-learn turns errors into scores by their sign.
  return words[0] !== 'neg' && words.some(word => SMALL_IS_GOOD.has(word)) ? 'min' : 'max';
}

export function goalOf(column: IColumn): Goal {
  return column.goal ?? guessGoal(nameOf(column.key));
}

/** The columns of a table that nobody has arranged: what most runs have. */
export function usualColumns(known: IKnownColumns): IColumn[] {
  const most = (kind: 'metrics' | 'params', limit: number) =>
    [...known[kind]]
      .filter(each => !each.key.startsWith('system/'))
      .sort((a, b) => b.count - a.count)
      .slice(0, limit)
      .map(each => ({ key: `${kind}.${each.key}` }));
  return [
    { key: NAME },
    { key: 'attributes.start_time' },
    { key: 'attributes.duration' },
    ...most('metrics', 5),
    ...most('params', 5),
    { key: TAGS }
  ];
}

/** The name stands before all others, once. */
export function nameFirst(columns: readonly IColumn[]): IColumn[] {
  const seen = new Set([NAME]);
  const name = columns.find(column => column.key === NAME) ?? { key: NAME };
  return [
    name,
    ...columns.filter(column => !seen.has(column.key) && Boolean(seen.add(column.key)))
  ];
}

/** Put a column in another's place. */
export function moveColumn(columns: readonly IColumn[], from: number, to: number): IColumn[] {
  const moved = [...columns];
  const [column] = moved.splice(from, 1);
  if (column) {
    moved.splice(Math.max(0, Math.min(moved.length, to)), 0, column);
  }
  return moved;
}

/** Add a column at the end, or take it away. */
export function toggleColumn(columns: readonly IColumn[], key: string): IColumn[] {
  return columns.some(column => column.key === key)
    ? columns.filter(column => column.key !== key)
    : [...columns, { key }];
}

/** Change what is kept of one column. */
export function changeColumn(
  columns: readonly IColumn[],
  key: string,
  change: Partial<IColumn>
): IColumn[] {
  return columns.map(column => (column.key === key ? { ...column, ...change } : column));
}

/** Where each column begins, and where the last one ends. */
export function offsets(columns: readonly IColumn[]): number[] {
  const edges = [0];
  for (const column of columns) {
    edges.push(edges[edges.length - 1] + widthOf(column));
  }
  return edges;
}

/** The columns that overlap a stretch, with one to either side. */
export function inStretch(edges: readonly number[], from: number, to: number): [number, number] {
  const count = edges.length - 1;
  let first = 0;
  while (first < count && edges[first + 1] <= from) {
    first++;
  }
  let last = first;
  while (last < count && edges[last] < to) {
    last++;
  }
  return [Math.max(0, first - 1), Math.min(count, last + 1)];
}
