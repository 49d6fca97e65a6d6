import type { TranslationBundle } from '@jupyterlab/translation';

import type { Run, RunGroup } from '../../api/types';
import { duration, number, secondsBetween } from '../../format';
import { guessGoal, kindOf, nameOf, NAME, TAGS } from './columns';
import type { Since } from './state';

/** What a column is called. */
export function columnWord(key: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    [NAME]: trans.__('Name'),
    'attributes.status': trans.__('Status'),
    'attributes.experiment': trans.__('Experiment'),
    'attributes.start_time': trans.__('Started'),
    'attributes.end_time': trans.__('Ended'),
    'attributes.duration': trans.__('Duration'),
    'attributes.user_id': trans.__('User'),
    'attributes.note': trans.__('Note'),
    [TAGS]: trans.__('Tags'),
    'attributes.notebook': trans.__('Notebook'),
    'attributes.job_id': trans.__('Job'),
    'attributes.run_id': trans.__('Run ID')
  };
  return words[key] ?? nameOf(key);
}

/** What kind of thing a column shows; nothing for attributes. */
export function kindWord(key: string, trans: TranslationBundle): string {
  const words = {
    attributes: '',
    metrics: trans.__('metric'),
    params: trans.__('parameter'),
    tags: trans.__('tag')
  };
  return words[kindOf(key)];
}

/** What a run is doing, in the reader's language. */
export function statusWord(status: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    RUNNING: trans.__('Running'),
    SCHEDULED: trans.__('Scheduled'),
    FINISHED: trans.__('Finished'),
    FAILED: trans.__('Failed'),
    KILLED: trans.__('Stopped')
  };
  return words[status] ?? status;
}

export function sinceWord(since: Since, trans: TranslationBundle): string {
  const words: Record<Since, string> = {
    '': trans.__('Any time'),
    hour: trans.__('Last hour'),
    day: trans.__('Last 24 hours'),
    week: trans.__('Last 7 days'),
    month: trans.__('Last 30 days')
  };
  return words[since];
}

const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const YEAR = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  year: 'numeric'
});
const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const THIS_YEAR = new Date().getFullYear();

/** A moment, short enough for a cell. Formats are made once: a table makes many words. */
export function shortMoment(iso: string | null | undefined): string {
  if (!iso) {
    return '';
  }
  const date = new Date(iso);
  return date.getFullYear() === THIS_YEAR
    ? `${DAY.format(date)} ${TIME.format(date)}`
    : YEAR.format(date);
}

/** What a cell says, as it is shown and copied. */
export function cellText(run: Run, key: string, experiment: (id: string) => string): string {
  const name = nameOf(key);
  switch (kindOf(key)) {
    case 'metrics':
      return name in run.metrics ? number(run.metrics[name]) : '';
    case 'params':
      return run.params[name] ?? '';
    case 'tags':
      return run.tags[name] ?? '';
  }
  switch (name) {
    case 'run_name':
      return run.name;
    case 'experiment':
      return run.experiment ?? experiment(run.experiment_id);
    case 'start_time':
      return shortMoment(run.started_at);
    case 'end_time':
      return shortMoment(run.ended_at);
    case 'duration':
      return run.ended_at ? duration(secondsBetween(run.started_at, run.ended_at)) : '';
    case 'user_id':
      return run.user ?? '';
    case 'tags':
      return Object.entries(run.tags)
        .map(([tag, value]) => `${tag}=${value}`)
        .join(' ');
    case 'note':
      return run.note ?? '';
    case 'status':
      return run.status;
    case 'notebook':
      return run.notebook ?? '';
    case 'job_id':
      return run.job_id ?? '';
    default:
      return run.id;
  }
}

/** The same in full, for a clipboard or a file: numbers are not rounded, times are RFC 3339. */
export function cellValue(run: Run, key: string, experiment: (id: string) => string): string {
  switch (key) {
    case 'attributes.start_time':
      return run.started_at ?? '';
    case 'attributes.end_time':
      return run.ended_at ?? '';
    case 'attributes.duration':
      return run.duration_s === null || run.duration_s === undefined ? '' : String(run.duration_s);
    default: {
      const metric = kindOf(key) === 'metrics' ? run.metrics[nameOf(key)] : undefined;
      return metric === undefined || metric === null
        ? cellText(run, key, experiment)
        : String(metric);
    }
  }
}

/** What a group is called. */
export function groupLabel(group: RunGroup, trans: TranslationBundle): string {
  const name = nameOf(group.key);
  const value = group.value === null ? trans.__('none') : group.label || group.value;
  return group.experiment ? value : `${name}: ${value}`;
}

/** Where the first press on a head begins: with what is good or new. */
export function guessFirst(key: string): 'up' | 'down' {
  const small = kindOf(key) === 'metrics' ? guessGoal(nameOf(key)) === 'min' : true;
  return small && key !== 'attributes.start_time' ? 'up' : 'down';
}
