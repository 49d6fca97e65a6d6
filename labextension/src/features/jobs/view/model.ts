import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../../api/client';
import { ApiError } from '../../../api/client';
import type { IChange, StudioEvents } from '../../../api/events';
import type { Attempt, JobDetail } from '../../../api/types';
import { isActive } from '../../../api/types';

const SETTLE_MS = 150;

/** One job, as it stands now, and which of its attempts is looked at. */
export class JobModel implements IDisposable {
  constructor(
    private _api: Api,
    private _events: StudioEvents,
    readonly id: string
  ) {
    _events.changed.connect(this._onChange, this);
    _events.pulse.connect(this._onPulse, this);
    void this.refresh();
  }

  /** Emitted whenever the job was read anew. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get job(): JobDetail | null {
    return this._job;
  }

  get error(): ApiError | null {
    return this._error;
  }

  get active(): boolean {
    return this._job !== null && isActive(this._job);
  }

  /** The attempt that is looked at; null for the newest, whichever that is. */
  get chosen(): number | null {
    return this._chosen;
  }

  set chosen(attempt: number | null) {
    this._chosen = attempt;
    this._changed.emit();
  }

  /** The number of the attempt that is looked at; 0 before the first. */
  get number(): number {
    return this._chosen ?? this._job?.attempt ?? 0;
  }

  get attempt(): Attempt | null {
    return this._job?.attempts.find(each => each.number === this.number) ?? null;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  async refresh(): Promise<void> {
    try {
      this._job = await this._api.job(this.id);
      this._error = null;
    } catch (reason) {
      this._error = ApiError.from(reason);
      this._events.failed();
    }
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this._timer);
      this._events.changed.disconnect(this._onChange, this);
      this._events.pulse.disconnect(this._onPulse, this);
      Signal.clearData(this);
    }
  }

  private _onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'jobs' && change.id === this.id && !this._timer) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, SETTLE_MS);
    }
  }

  private _onPulse(): void {
    if (this._job === null || this.active) {
      void this.refresh();
    }
  }

  private _job: JobDetail | null = null;
  private _error: ApiError | null = null;
  private _chosen: number | null = null;
  private _timer = 0;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
