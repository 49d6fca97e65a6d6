import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JobState } from '../../api/types';
import { StateIcon } from '../../components/state';

/** MLflow's statuses, as the studio shows states. */
const STATES: Record<string, JobState> = {
  RUNNING: 'running',
  SCHEDULED: 'queued',
  FINISHED: 'succeeded',
  FAILED: 'failed',
  KILLED: 'stopped'
};

export function statusState(status: string): JobState {
  return STATES[status] ?? 'interrupted';
}

/** A run's status in the reader's language. */
export function statusWord(status: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    RUNNING: trans.__('Running'),
    SCHEDULED: trans.__('Scheduled'),
    FINISHED: trans.__('Finished'),
    FAILED: trans.__('Failed'),
    KILLED: trans.__('Killed')
  };
  return words[status] ?? status;
}

export function StatusIcon(props: { status: string }): JSX.Element {
  return <StateIcon state={statusState(props.status)} />;
}
