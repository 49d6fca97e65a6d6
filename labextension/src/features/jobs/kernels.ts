import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../api/client';
import type { Job, JobDetail } from '../../api/types';

const DWELL_MS = 60;

/** Until when the kernels of failed jobs are kept, as far as somebody has looked. */
export class KeptKernels {
  constructor(private _api: Api) {}

  /** Emitted with the id of a job whose kernel was found, or is gone. */
  get changed(): ISignal<this, string> {
    return this._changed;
  }

  /** When a job's kernel ends; null when it keeps none, or not any more. */
  until(id: string): Date | null {
    const until = this._known.get(id)?.until ?? null;
    return until && until.getTime() > Date.now() ? until : null;
  }

  /** Take what a job says of its newest attempt. */
  take(job: JobDetail): void {
    const { attempt, revision } = job;
    const kept = job.attempts.find(each => each.number === attempt)?.kernel_kept_until;
    // What was ended here stays ended, whatever its runner had written down before.
    const until = kept && !this._ended.has(`${job.id}/${attempt}`) ? new Date(kept) : null;
    this._set(job.id, { attempt, revision, until });
  }

  /** Ask about a job that the pointer or the keyboard rests on, before its menu opens. */
  look(job: Job): void {
    window.clearTimeout(this._timer);
    const can = job.state === 'failed' && job.kind !== 'script';
    if (can && this._known.get(job.id)?.revision !== job.revision) {
      this._timer = window.setTimeout(() => {
        // It only decides what a menu shows: without an answer the menu shows less.
        this._api.job(job.id).then(
          detail => this.take(detail),
          () => undefined
        );
      }, DWELL_MS);
    }
  }

  /** A job's kernel is no more. */
  end(id: string): void {
    const known = this._known.get(id);
    if (known) {
      this._ended.add(`${id}/${known.attempt}`);
      this._set(id, { ...known, until: null });
    }
  }

  private _set(id: string, known: IKnown): void {
    const before = this.until(id)?.getTime();
    this._known.set(id, known);
    if (this.until(id)?.getTime() !== before) {
      this._changed.emit(id);
    }
  }

  private _known = new Map<string, IKnown>();
  private _ended = new Set<string>();
  private _timer = 0;
  private _changed = new Signal<this, string>(this);
}

interface IKnown {
  attempt: number;
  revision: number;
  until: Date | null;
}
