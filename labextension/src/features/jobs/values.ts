/** What is typed into the form, as the values that are sent. Pure. */
import type { Json, ParameterSpec } from '../../api/types';

export type ValueType = ParameterSpec['type'];

/** A parsed value, or one sentence saying why there is none. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: Problem };
export type Problem = 'integer' | 'number' | 'boolean' | 'list' | 'dict' | 'json' | 'empty';

const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (problem: Problem): Parsed<never> => ({ ok: false, problem });

/** A value as it is shown in the form. */
export function show(value: Json | undefined, type: ValueType): string {
  if (value === undefined) {
    return '';
  }
  if (typeof value === 'string' && (type === 'str' || type === 'any')) {
    // A text that would be read back as something else keeps its quotes.
    return type === 'any' && guess(value) !== value ? JSON.stringify(value) : value;
  }
  if (value === null) {
    return 'None';
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Read one value of a type. */
export function parse(text: string, type: ValueType): Parsed<Json> {
  const trimmed = text.trim();
  if (type !== 'str' && /^(None|null)$/.test(trimmed)) {
    return good(null);
  }
  switch (type) {
    case 'str':
      return good(text);
    case 'int':
      return /^[+-]?\d[\d_]*$/.test(trimmed)
        ? good(Number(trimmed.replace(/_/g, '')))
        : bad('integer');
    case 'float': {
      const value = Number(trimmed.replace(/_/g, ''));
      return trimmed !== '' && Number.isFinite(value) ? good(value) : bad('number');
    }
    case 'bool':
      return /^(true|false)$/i.test(trimmed)
        ? good(trimmed.toLowerCase() === 'true')
        : bad('boolean');
    case 'list':
    case 'dict': {
      const value = json(trimmed);
      const fits =
        type === 'list'
          ? Array.isArray(value)
          : typeof value === 'object' && value !== null && !Array.isArray(value);
      return fits ? good(value as Json) : bad(type);
    }
    default:
      return good(guess(trimmed));
  }
}

/** Read the values of a sweep: a JSON list, or values separated by commas. */
export function parseSweep(text: string, type: ValueType): Parsed<Json[]> {
  const trimmed = text.trim();
  const whole = trimmed.startsWith('[') ? json(trimmed) : undefined;
  if (Array.isArray(whole) && (type !== 'list' || whole.every(Array.isArray))) {
    return whole.length ? good(whole) : bad('empty');
  }
  if (type === 'list' || type === 'dict') {
    const items = json(`[${trimmed}]`);
    return Array.isArray(items) && items.length ? good(items) : bad(type);
  }
  const values: Json[] = [];
  for (const part of split(trimmed)) {
    const parsed = parse(type === 'str' ? part.trim() : part, type);
    if (!parsed.ok) {
      return parsed;
    }
    values.push(parsed.value);
  }
  return values.length ? good(values) : bad('empty');
}

/** How many jobs a grid makes. */
export function combinations(grid: Record<string, readonly unknown[]>): number {
  return Object.values(grid).reduce((count, values) => count * values.length, 1);
}

/** `value` as JSON if it reads as such, else as text; Python's constants are understood. */
export function guess(text: string): Json {
  const constant: Record<string, Json> = { None: null, True: true, False: false };
  if (Object.hasOwn(constant, text)) {
    return constant[text];
  }
  const value = json(text);
  return value === undefined ? text : value;
}

/** Lines, or words separated by commas, without the empty ones. */
export function lines(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map(line => line.trim())
    .filter(line => line !== '');
}

/** Seconds from `90`, `90s`, `15m`, `2h`, `1d`, `1h30m`; NaN when it is none of these. */
export function seconds(text: string): number {
  const trimmed = text.trim().toLowerCase().replace(/\s+/g, '');
  if (/^\d+(\.\d+)?$/.test(trimmed)) {
    return Number(trimmed);
  }
  if (!/^(\d+(\.\d+)?(d|h|m|s|min))+$/.test(trimmed)) {
    return NaN;
  }
  const unit: Record<string, number> = { d: 86_400, h: 3_600, m: 60, min: 60, s: 1 };
  let total = 0;
  for (const match of trimmed.matchAll(/(\d+(?:\.\d+)?)(min|d|h|m|s)/g)) {
    total += Number(match[1]) * unit[match[2]];
  }
  return total;
}

function split(text: string): string[] {
  const parts: string[] = [];
  for (const match of text.matchAll(/\s*("(?:[^"\\]|\\.)*"|[^,]*)\s*(?:,|$)/g)) {
    const part = match[1];
    if (part.startsWith('"')) {
      parts.push(String(json(part) ?? part));
    } else if (part.trim() !== '') {
      parts.push(part.trim());
    }
  }
  return parts;
}

function json(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
