/** MLflow's filter language, as far as it takes to write it: what may come next, and quoting. Pure. */

import type { IKnownColumns } from './columns';
import { kindOf, nameOf } from './columns';

export type Expected = 'key' | 'operator' | 'value' | 'and';

export interface IPlace {
  expected: Expected;
  /** What of it was typed already. */
  prefix: string;
  /** What a completion replaces. */
  from: number;
  to: number;
  /** The key that the operator or the value is about, without quotes. */
  key: string | null;
}

export interface ISuggestion {
  /** What is put into the filter. */
  insert: string;
  label: string;
  detail?: string;
}

type Kind = 'word' | 'operator' | 'string' | 'bracket';
interface IToken {
  kind: Kind;
  text: string;
  from: number;
  to: number;
}

const TOKEN =
  /(?<string>'[^']*'?|"[^"]*"?)|(?<operator>!=|>=|<=|=|<|>)|(?<bracket>[(),])|(?<word>(?:[^\s=<>!'"`(),]|`[^`]*`?|(?<=\.)"[^"]*"?)+)/gu;
const WORD_OPERATORS = new Set(['LIKE', 'ILIKE', 'IN', 'NOT']);

export function tokens(text: string): IToken[] {
  return [...text.matchAll(TOKEN)].map(match => {
    const groups = match.groups ?? {};
    const kind = (['string', 'operator', 'bracket', 'word'] as const).find(
      each => groups[each] !== undefined
    );
    const from = match.index ?? 0;
    return { kind: kind ?? 'word', text: match[0], from, to: from + match[0].length };
  });
}

/** What may stand where the caret is. */
export function placeAt(text: string, caret: number): IPlace {
  const before = tokens(text.slice(0, caret));
  const last = before[before.length - 1];
  // What the caret still touches is being typed.
  const open = last && last.to === caret && last.kind !== 'bracket' ? last : null;
  const rest = tokens(text).find(token => open && token.from === open.from);
  let expected: Expected = 'key';
  let key: string | null = null;
  for (const token of open ? before.slice(0, -1) : before) {
    [expected, key] = next(expected, key, token);
  }
  const closed =
    open && expected === 'value' && open.kind === 'string' && /^(['"]).*\1$/.test(open.text);
  if (open && (open.kind === 'operator' || closed)) {
    [expected, key] = next(expected, key, open);
    return { expected, key, prefix: '', from: caret, to: caret };
  }
  return {
    expected,
    key,
    prefix: open?.text ?? '',
    from: open?.from ?? caret,
    to: open ? Math.max(caret, rest?.to ?? caret) : caret
  };
}

function next(expected: Expected, key: string | null, token: IToken): [Expected, string | null] {
  const upper = token.text.toUpperCase();
  if (token.kind === 'word' && upper === 'AND') {
    return ['key', null];
  }
  if (token.kind === 'operator') {
    return ['value', key];
  }
  if (token.kind === 'word' && (upper === 'IS' || upper === 'NULL') && expected !== 'key') {
    return [upper === 'NULL' ? 'and' : 'operator', key];
  }
  if (token.kind === 'word' && WORD_OPERATORS.has(upper) && expected !== 'key') {
    return [upper === 'NOT' ? 'operator' : 'value', key];
  }
  if (token.kind === 'bracket') {
    return [token.text === ')' ? 'and' : expected, key];
  }
  if (expected === 'key') {
    return ['operator', unquoteKey(token.text)];
  }
  return [expected === 'value' ? 'and' : expected, key];
}

/** A key as the filter language writes it. */
export function quoteKey(key: string): string {
  const name = nameOf(key);
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !RESERVED.has(name.toUpperCase())) {
    return key;
  }
  const quote = name.includes('`') ? '"' : '`';
  return `${kindOf(key)}.${quote}${name}${quote}`;
}

// Words that the parser of the language takes for something else.
const RESERVED = new Set('AND OR NOT LIKE ILIKE IN IS NULL ORDER GROUP BY'.split(' '));

export function unquoteKey(text: string): string {
  const dot = text.indexOf('.');
  const name = text.slice(dot + 1).replace(/^[`"]|[`"]$/g, '');
  if (dot < 0) {
    return `attributes.${name}`;
  }
  const kind = text.slice(0, dot).toLowerCase();
  const full: Record<string, string> = {
    metric: 'metrics',
    param: 'params',
    parameter: 'params',
    parameters: 'params',
    tag: 'tags',
    attribute: 'attributes',
    attr: 'attributes',
    run: 'attributes'
  };
  return `${full[kind] ?? kind}.${name}`;
}

export function quoteValue(value: string): string {
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}

const NUMERIC_ATTRIBUTES = new Set(['start_time', 'end_time', 'created', 'duration']);
const NUMBERS = ['>', '>=', '=', '!=', '<', '<='];
const TEXTS = ['=', '!=', 'LIKE', 'ILIKE'];
const MISSING = ['IS NULL', 'IS NOT NULL'];

export function operatorsOf(key: string): readonly string[] {
  const kind = kindOf(key);
  if (kind === 'metrics' || NUMERIC_ATTRIBUTES.has(nameOf(key))) {
    return NUMBERS;
  }
  return kind === 'attributes' ? TEXTS : [...TEXTS, ...MISSING];
}

/** Whether values of a key can be looked up. */
export function hasValues(key: string): boolean {
  return operatorsOf(key) !== NUMBERS;
}

/** What may be put there; `values` are those that runs have for the key of a value. */
export function suggest(
  place: IPlace,
  known: IKnownColumns,
  values: readonly string[],
  limit = 50
): ISuggestion[] {
  switch (place.expected) {
    case 'key':
      return keys(place.prefix, known).slice(0, limit);
    case 'operator':
      return operatorsOf(place.key ?? '')
        .filter(each => each.startsWith(place.prefix.toUpperCase()))
        .map(asIs);
    case 'value': {
      const typed = place.prefix.replace(/^['"]/, '').toLowerCase();
      return values
        .filter(value => value.toLowerCase().includes(typed))
        .slice(0, limit)
        .map(value => ({ insert: `${quoteValue(value)} `, label: value }));
    }
    default:
      return 'AND'.startsWith(place.prefix.toUpperCase()) ? [asIs('AND')] : [];
  }
}

/** A word of the language itself. */
function asIs(word: string): ISuggestion {
  return { insert: `${word} `, label: word };
}

function keys(prefix: string, known: IKnownColumns): ISuggestion[] {
  const wanted = prefix.replace(/[`"]/g, '').toLowerCase();
  const all = [
    ...(['metrics', 'params', 'tags'] as const).flatMap(kind =>
      known[kind].map(each => ({ key: `${kind}.${each.key}`, count: each.count }))
    ),
    ...known.attributes.map(name => ({ key: `attributes.${name}`, count: null }))
  ];
  const rank = (key: string) => {
    const lower = key.toLowerCase();
    return lower.startsWith(wanted) || nameOf(lower).startsWith(wanted) ? 0 : 1;
  };
  return all
    .filter(each => each.key.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a.key) - rank(b.key))
    .map(each => ({
      insert: `${quoteKey(each.key)} `,
      label: each.key,
      detail: each.count === null ? undefined : String(each.count)
    }));
}

/** Put a suggestion into the text, and say where the caret goes. */
export function accept(text: string, place: IPlace, insert: string): { text: string; at: number } {
  const rest = text.slice(place.to);
  const kept = insert.endsWith(' ') && rest.startsWith(' ') ? rest.slice(1) : rest;
  return { text: text.slice(0, place.from) + insert + kept, at: place.from + insert.length };
}

/** Several conditions as one; those that are empty are left out. */
export function both(...parts: readonly (string | null | undefined)[]): string {
  return parts
    .map(part => part?.trim() ?? '')
    .filter(Boolean)
    .join(' AND ');
}
