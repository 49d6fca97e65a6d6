import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Job, JobKind, JobState } from '../api/types';
import { isActive } from '../api/types';
import { ago, duration, secondsBetween } from '../format';
import { useNow, useTrans } from './context';
import { stateIcons } from './icons';

/** The state's name in the reader's language. */
export function stateWord(state: JobState, trans: TranslationBundle): string {
  const words: Record<JobState, string> = {
    queued: trans.__('Queued'),
    starting: trans.__('Starting'),
    running: trans.__('Running'),
    succeeded: trans.__('Succeeded'),
    failed: trans.__('Failed'),
    stopped: trans.__('Stopped'),
    interrupted: trans.__('Interrupted')
  };
  return words[state];
}

export function kindWord(kind: JobKind, trans: TranslationBundle): string {
  const words: Record<JobKind, string> = {
    notebook: trans.__('Notebook'),
    script: trans.__('Script'),
    cell: trans.__('Cell'),
    function: trans.__('Function'),
    image: trans.__('Image')
  };
  return words[kind];
}

export function StateIcon(props: { state: JobState }): JSX.Element {
  const Icon = stateIcons[props.state];
  return (
    <span className="lst-StateIcon" data-state={props.state} aria-hidden="true">
      <Icon.react tag="span" />
    </span>
  );
}

/** What a job is doing, in a few words: the second line of a row. */
export function stateSentence(job: Job, trans: TranslationBundle): string {
  const word = stateWord(job.state, trans);
  if (job.stop_requested && isActive(job)) {
    return trans.__('Stopping…');
  }
  if (job.state === 'queued' && job.next_attempt_at && job.attempt > 0) {
    return trans.__('Waiting to try again (attempt %1)', job.attempt + 1);
  }
  if (job.state === 'running' || job.state === 'starting') {
    const progress = job.progress;
    if (progress?.phase === 'environment') {
      return trans.__('Building the environment');
    }
    if (progress?.phase === 'kernel') {
      return trans.__('Starting the kernel');
    }
    if (progress?.phase === 'collecting') {
      return trans.__('Collecting outputs');
    }
    if (progress?.cells) {
      return trans.__(
        'Cell %1 of %2',
        Math.min((progress.cell ?? 0) + 1, progress.cells),
        progress.cells
      );
    }
    return word;
  }
  return (job.state === 'failed' || job.state === 'interrupted') && job.error
    ? `${word} · ${job.error}`
    : word;
}

/** How long a job has run, ticking while it does. */
export function Elapsed(props: { job: Job }): JSX.Element {
  const { job } = props;
  const trans = useTrans();
  const ticking = isActive(job);
  const now = useNow(ticking);
  const waiting = !job.started_at;
  const seconds = secondsBetween(job.started_at ?? job.created_at, job.ended_at, now);
  // Tenths are for what has ended: while it ticks they would only flicker.
  const shown =
    ticking && seconds !== null && seconds < 10 ? `${Math.floor(seconds)} s` : duration(seconds);
  return (
    <span
      className="lst-Elapsed"
      title={waiting ? trans.__('Waiting since submission') : trans.__('Running time')}
    >
      {waiting && !ticking ? '' : shown}
    </span>
  );
}

export function When(props: { at: string | null | undefined }): JSX.Element | null {
  const now = useNow(true);
  return props.at ? (
    <time dateTime={props.at} title={new Date(props.at).toLocaleString()}>
      {ago(props.at, now)}
    </time>
  ) : null;
}

/** A thin bar: cells done of all, or moving while there is no number. */
export function ProgressBar(props: { job: Job }): JSX.Element | null {
  const { state, progress } = props.job;
  const trans = useTrans();
  if (state !== 'running' && state !== 'starting') {
    return null;
  }
  const known = !!progress?.cells && progress.phase === 'running';
  const share = known ? (progress.cell ?? 0) / (progress.cells ?? 1) : undefined;
  return (
    <div
      className="lst-Progress"
      role="progressbar"
      aria-label={trans.__('Progress')}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === undefined ? undefined : Math.round(share * 100)}
      data-known={known}
    >
      <div style={share === undefined ? undefined : { width: `${share * 100}%` }} />
    </div>
  );
}
