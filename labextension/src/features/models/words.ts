/** Words and orders for models. Pure: no DOM, no JupyterLab. */
import { number, oneLine } from '../../format';
import type { Column, ComparedValue, DashboardItem, Model } from './types';

/** A model's aliases and the versions that they name, the newest version first. */
export function aliasesOf(model: Pick<Model, 'aliases'>): [string, number][] {
  return Object.entries(model.aliases).sort(
    ([a, one], [b, other]) => other - one || a.localeCompare(b)
  );
}

/** A column of a signature on one line: `age: long`, `image: float32 (-1, 28, 28)`. */
export function columnWords(column: Column): string {
  const shape = column.shape ? ` (${column.shape.join(', ')})` : '';
  const fallback =
    column.default === null || column.default === undefined
      ? ''
      : ` = ${oneLine(column.default, 40)}`;
  return `${column.name || '·'}: ${column.type}${shape}${column.required === false ? '?' : ''}${fallback}`;
}

/** A compared value as it is shown. */
export function valueWords(value: string | number | null | undefined): string {
  return value === null || value === undefined
    ? '–'
    : typeof value === 'number'
      ? number(value)
      : value;
}

/** Whether a metric is of the machine and not of the model. */
export function isSystem(metric: string): boolean {
  return metric.startsWith('system/');
}

/** The rows to show: those of the model that differ, or all. */
export function compared(rows: readonly ComparedValue[], all: boolean): readonly ComparedValue[] {
  return all ? rows : rows.filter(row => row.differs && !isSystem(row.key));
}

export type Key =
  'model' | 'version' | 'card' | 'risk' | 'evaluation' | 'bias' | 'drift' | 'endpoint';

const RISKS = ['High', 'Medium', 'Low'];
const CARDS = ['rejected', 'draft', 'pending', 'approved', 'archived'];

/** What a column of the dashboard is ordered by; nothing known comes last. */
export function sortValue(item: DashboardItem, key: Key): string | number | null {
  switch (key) {
    case 'model':
      return item.model.toLowerCase();
    case 'version':
      return item.version ?? null;
    case 'card':
      // What asks for someone comes first: none, then stale ones, then by state.
      return item.card_state ? (item.card_stale ? 0 : 1) + CARDS.indexOf(item.card_state) : -1;
    case 'risk': {
      const at = RISKS.indexOf(item.risk ?? '');
      return at < 0 ? null : at;
    }
    case 'evaluation':
      return item.evaluated_at ? -Date.parse(item.evaluated_at) : null;
    default:
      return item[key] || null;
  }
}

/** Sorted by a column, up or down; what is not known stays at the end either way. */
export function sorted(
  items: readonly DashboardItem[],
  key: Key,
  down: boolean
): readonly DashboardItem[] {
  return [...items].sort((a, b) => {
    const [one, other] = [sortValue(a, key), sortValue(b, key)];
    if (one === null || other === null) {
      return one === other ? a.model.localeCompare(b.model) : one === null ? 1 : -1;
    }
    const order = one < other ? -1 : one > other ? 1 : 0;
    return (down ? -order : order) || a.model.localeCompare(b.model);
  });
}

/** Those whose model, alias, risk, card or endpoint have the text in them. */
export function matching(items: readonly DashboardItem[], text: string): readonly DashboardItem[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return items.filter(item => {
    const all = [
      item.model,
      item.alias,
      item.risk,
      item.card_state,
      item.card_stale ? 'stale' : '',
      item.endpoint
    ]
      .join(' ')
      .toLowerCase();
    return words.every(word => all.includes(word));
  });
}
