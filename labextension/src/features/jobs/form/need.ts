/** What a job takes of its compute, and the data that it declares, as they are typed. Pure. */
import type { CreateJob } from '../../../api/types';
import { parse } from '../values';
import type { Issues } from './draft';

/** Texts; an empty one asks for nothing. */
export interface INeedDraft {
  cpus: string;
  memory: string;
  gpus: string;
  /** A line for each: its name in the working folder, and where it is taken from. */
  inputs: string;
}

export const NO_NEED: INeedDraft = { cpus: '', memory: '', gpus: '', inputs: '' };

const UNITS: readonly (readonly [string, number])[] = [
  ['TiB', 2 ** 40],
  ['TB', 1e12],
  ['GiB', 2 ** 30],
  ['GB', 1e9],
  ['MiB', 2 ** 20],
  ['MB', 1e6],
  ['KiB', 2 ** 10],
  ['kB', 1e3],
  ['B', 1]
];

/** Bytes from `4GiB` or `500 MB`; NaN when it is no size with its unit. */
export function size(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)$/i.exec(text.trim());
  const unit = UNITS.find(([name]) => name.toLowerCase() === match?.[2].toLowerCase());
  return match && unit ? Math.round(Number(match[1]) * unit[1]) : NaN;
}

/** Bytes as they are typed, in the largest unit that says them exactly. */
export function sizeText(bytes: number): string {
  const [name, unit] = UNITS.find(each => bytes % each[1] === 0) ?? ['B', 1];
  return bytes ? `${bytes / unit}${name}` : '';
}

/** A spec's need and inputs in the form. */
export function fromNeed(spec: CreateJob): INeedDraft {
  const { cpus = 1, memory = 0, gpus = 0 } = spec.need ?? {};
  return {
    cpus: cpus === 1 ? '' : String(cpus),
    memory: typeof memory === 'number' ? sizeText(memory) : memory,
    gpus: gpus ? String(gpus) : '',
    inputs: pairsText(spec.inputs)
  };
}

/** What the form asks of the compute; what is wrong is noted by field. */
export function toNeed(draft: INeedDraft, issues: Issues): CreateJob['need'] {
  const cpus = parse(draft.cpus.trim() || '1', 'float');
  const gpus = parse(draft.gpus.trim() || '0', 'int');
  const memory = draft.memory.trim() ? size(draft.memory) : 0;
  if (!cpus.ok) {
    issues['need.cpus'] = cpus.problem;
  }
  if (Number.isNaN(memory)) {
    issues['need.memory'] = 'size';
  }
  if (!gpus.ok) {
    issues['need.gpus'] = gpus.problem;
  }
  return {
    cpus: cpus.ok ? (cpus.value as number) : 1,
    memory,
    gpus: gpus.ok ? (gpus.value as number) : 0
  };
}

/** Lines of `NAME=VALUE`; null when one is none. */
export function pairs(text: string): Record<string, string> | null {
  const found: Record<string, string> = {};
  for (const line of text.split('\n').filter(each => each.trim())) {
    const at = line.indexOf('=');
    if (at < 1) {
      return null;
    }
    found[line.slice(0, at).trim()] = line.slice(at + 1);
  }
  return found;
}

export function pairsText(values: Record<string, string> | undefined): string {
  return Object.entries(values ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}
