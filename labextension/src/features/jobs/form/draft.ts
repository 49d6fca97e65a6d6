/** What stands in the form, and the request that it makes. Pure. */
import type {
  CreateJob,
  CreateSchedule,
  Json,
  JobDetail,
  ParameterSpec,
  RerunJob,
  Schedule,
  SourceInfo
} from '../../../api/types';
import type { Problem, ValueType } from '../values';
import { combinations, lines, parse, parseSweep, seconds, show } from '../values';
import type { INeedDraft } from './need';
import { fromNeed, NO_NEED, pairs, pairsText, toNeed } from './need';

export interface IField {
  name: string;
  type: ValueType;
  text: string;
  /** Several values, one job for each. */
  many: boolean;
  /** Not declared by the source. */
  extra: boolean;
  help: string | null;
  /** What stands in the source; left as it is, it is not sent. */
  initial: string | null;
}

export interface IDraft extends INeedDraft {
  /** What the form makes: new work, a rerun of a job, or changes to a schedule. */
  rerunOf: string | null;
  scheduleId: string | null;
  path: string;
  name: string;
  fields: IField[];
  requirements: string;
  requirementsFile: string;
  python: string;
  image: string;
  /** Null while what the source suggests has not been touched. */
  files: string | null;
  outputs: string;
  env: string;
  /** Empty while none was chosen: it runs where the notebook's kernel is, or here. */
  compute: string;
  experiment: string;
  timeout: string;
  retries: string;
  backoff: string;
  priority: string;
  keepKernel: string;
  autolog: boolean;
  scheduled: boolean;
  cron: string;
  timezone: string;
  missed: NonNullable<CreateSchedule['missed']>;
  overlap: NonNullable<CreateSchedule['overlap']>;
  /** Parts of the job that the form has no field for, kept as they came. */
  rest: CreateJob;
}

export type Issues = Record<string, Problem | 'duration' | 'size' | 'name' | 'required' | 'pairs'>;

export interface IRequest {
  job: CreateJob;
  grid: Record<string, Json[]>;
  count: number;
}

export function emptyDraft(timezone: string): IDraft {
  return {
    ...NO_NEED,
    rerunOf: null,
    scheduleId: null,
    path: '',
    name: '',
    fields: [],
    requirements: '',
    requirementsFile: '',
    python: '',
    image: '',
    files: null,
    outputs: '',
    env: '',
    compute: '',
    experiment: '',
    timeout: '',
    retries: '0',
    backoff: '5',
    priority: '0',
    keepKernel: '',
    autolog: true,
    scheduled: false,
    cron: '0 6 * * *',
    timezone,
    missed: 'last',
    overlap: 'skip',
    rest: {}
  };
}

/** A job's spec in the form. */
export function fromSpec(draft: IDraft, spec: CreateJob): IDraft {
  const { parameters, environment } = spec;
  const rest: CreateJob = { checkpoint: spec.checkpoint };
  if (spec.kernel_name) {
    rest.kernel_name = spec.kernel_name;
  }
  if (spec.tags && Object.keys(spec.tags).length) {
    rest.tags = spec.tags;
  }
  if (spec.retain_s) {
    rest.retain_s = spec.retain_s;
  }
  return {
    ...draft,
    ...fromNeed(spec),
    path: spec.path ?? '',
    name: spec.name ?? '',
    fields: Object.entries(parameters ?? {}).map(([name, value]) =>
      extraField(name, value as Json)
    ),
    requirements: (environment?.requirements ?? []).join('\n'),
    requirementsFile: environment?.requirements_file ?? '',
    python: environment?.python ?? '',
    image: environment?.image ?? '',
    files: spec.files ? spec.files.join('\n') : null,
    outputs: (spec.outputs ?? []).join('\n'),
    env: pairsText(spec.env),
    compute: spec.compute ?? '',
    experiment: spec.experiment ?? '',
    timeout: spec.timeout_s ? String(spec.timeout_s) : '',
    retries: String(spec.retries ?? 0),
    backoff: String(spec.retry_backoff_s ?? 5),
    priority: String(spec.priority ?? 0),
    keepKernel: spec.keep_kernel_s ? String(spec.keep_kernel_s) : '',
    autolog: spec.autolog ?? true,
    rest
  };
}

export function fromJob(draft: IDraft, job: JobDetail): IDraft {
  return {
    ...fromSpec(draft, { ...job.spec, parameters: job.parameters }),
    path: job.path ?? job.spec.path ?? '',
    name: job.name,
    rerunOf: job.id
  };
}

export function fromSchedule(draft: IDraft, schedule: Schedule): IDraft {
  return {
    ...fromSpec(draft, schedule.job),
    name: schedule.name,
    scheduleId: schedule.id,
    scheduled: true,
    cron: schedule.cron,
    timezone: schedule.timezone,
    missed: schedule.missed,
    overlap: schedule.overlap
  };
}

/** What a source declares joins the form; what was typed for it stays. */
export function withSource(draft: IDraft, source: SourceInfo): IDraft {
  const typed = new Map(draft.fields.map(field => [field.name, field]));
  const declared = source.parameters.map((spec): IField => {
    const initial = show(spec.default as Json, spec.type);
    const old = typed.get(spec.name);
    typed.delete(spec.name);
    const base = {
      name: spec.name,
      type: spec.type,
      extra: false,
      help: spec.help ?? null,
      initial
    };
    if (!old) {
      return { ...base, text: initial, many: false };
    }
    // A value that came without a type is written the way of the type that is now known.
    const value = old.extra && !old.many ? parse(old.text, 'any') : null;
    const text = value?.ok ? show(value.value, spec.type) : old.text;
    const untouched = !old.extra && old.text === old.initial && !old.many;
    return { ...base, text: untouched ? initial : text, many: old.many };
  });
  const extras = [...typed.values()].filter(field => field.extra);
  return { ...draft, fields: [...declared, ...extras] };
}

export function extraField(name: string, value: Json | undefined): IField {
  return {
    name,
    type: 'any',
    text: show(value, 'any'),
    many: false,
    extra: true,
    help: null,
    initial: null
  };
}

/** How many jobs the form makes as it stands. */
export function countJobs(draft: IDraft): number {
  const grid: Record<string, Json[]> = {};
  for (const field of draft.fields.filter(each => each.many)) {
    const parsed = parseSweep(field.text, field.type);
    grid[field.name] = parsed.ok ? parsed.value : [];
  }
  return combinations(grid);
}

/** The request, or what is wrong by field. */
export function toRequest(draft: IDraft): { request: IRequest } | { issues: Issues } {
  const issues: Issues = {};
  const parameters: Record<string, Json> = {};
  const grid: Record<string, Json[]> = {};
  for (const field of draft.fields) {
    const key = `parameters.${field.name}`;
    if (field.extra && !/^[\p{L}_][\p{L}\p{N}_]*$/u.test(field.name)) {
      issues[key] = 'name';
      continue;
    }
    if (field.many) {
      const parsed = parseSweep(field.text, field.type);
      if (parsed.ok) {
        grid[field.name] = parsed.value;
      } else {
        issues[key] = parsed.problem;
      }
    } else if (field.initial === null || field.text !== field.initial) {
      const parsed = parse(field.text, field.type);
      if (parsed.ok) {
        parameters[field.name] = parsed.value;
      } else {
        issues[key] = parsed.problem;
      }
    }
  }
  const span = (key: string, text: string): number | null => {
    if (!text.trim()) {
      return null;
    }
    const value = seconds(text);
    if (Number.isNaN(value)) {
      issues[key] = 'duration';
    }
    return value;
  };
  const whole = (key: string, text: string): number => {
    const parsed = parse(text.trim() || '0', 'int');
    if (!parsed.ok) {
      issues[key] = parsed.problem;
    }
    return parsed.ok ? (parsed.value as number) : 0;
  };
  if (!draft.path.trim() && !draft.rerunOf) {
    issues.path = 'required';
  }
  const named = (key: 'env' | 'inputs'): Record<string, string> => {
    const found = pairs(draft[key]);
    if (!found) {
      issues[key] = 'pairs';
    }
    return found ?? {};
  };
  const job: CreateJob = {
    ...draft.rest,
    path: draft.path.trim(),
    parameters,
    compute: draft.compute || null,
    need: toNeed(draft, issues),
    environment: {
      requirements: draft.requirements
        .split('\n')
        .map(l => l.trim())
        .filter(Boolean),
      requirements_file: draft.requirementsFile.trim() || null,
      python: draft.python.trim() || null,
      image: draft.image.trim() || null
    },
    env: named('env'),
    inputs: named('inputs'),
    files: draft.files === null ? null : lines(draft.files),
    outputs: lines(draft.outputs),
    timeout_s: span('timeout_s', draft.timeout),
    retries: whole('retries', draft.retries),
    retry_backoff_s: span('retry_backoff_s', draft.backoff) ?? 5,
    priority: whole('priority', draft.priority),
    keep_kernel_s: span('keep_kernel_s', draft.keepKernel) ?? 0,
    autolog: draft.autolog
  };
  if (draft.name.trim()) {
    job.name = draft.name.trim();
  }
  if (draft.experiment.trim()) {
    job.experiment = draft.experiment.trim();
  }
  return Object.keys(issues).length
    ? { issues }
    : { request: { job, grid, count: combinations(grid) } };
}

/** The part of a request that a rerun may change. */
export function toRerun(request: IRequest, draft: IDraft): RerunJob {
  const { job } = request;
  // A rerun takes the parameters whole, so that what stands in the form is what runs.
  const parameters: Record<string, Json> = { ...(job.parameters as Record<string, Json>) };
  for (const field of draft.fields.filter(each => !each.many)) {
    const parsed = parse(field.text, field.type);
    if (parsed.ok && (field.text !== field.initial || field.name in parameters)) {
      parameters[field.name] = parsed.value;
    }
  }
  return {
    name: job.name ?? null,
    parameters,
    compute: job.compute,
    timeout_s: job.timeout_s,
    retries: job.retries,
    priority: job.priority,
    keep_kernel_s: job.keep_kernel_s
  };
}

/** The field of the form that the server's `field` is about. */
export function fieldFor(field: string): string {
  const name = field.replace(/^(job|body|spec)\./, '');
  if (name.startsWith('parameters.') || name.startsWith('grid.')) {
    return `parameters.${name.split('.')[1]}`;
  }
  if (name.startsWith('environment')) {
    const part = name.split('.')[1];
    return ['requirements_file', 'python', 'image'].includes(part) ? part : 'requirements';
  }
  if (name.startsWith('need.')) {
    return name;
  }
  return name.split('.')[0];
}

export type { ParameterSpec };
