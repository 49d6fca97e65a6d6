import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../api/client';
import { ApiError } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import type { Status } from '../../api/types';

/** What the studio says of itself. */
export class StatusModel implements IDisposable {
  constructor(
    private _api: Api,
    private _events: StudioEvents
  ) {
    _events.pulse.connect(this._onPulse, this);
    _events.changed.connect(this._onChange, this);
    void this.refresh();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Null until the first answer. */
  get status(): Status | null {
    return this._status;
  }

  /** Why there is no answer. */
  get error(): ApiError | null {
    return this._error;
  }

  /** One sentence when something needs attention. */
  get message(): string | null {
    if (this._error) {
      return this._error.message;
    }
    if (!this._status) {
      return null;
    }
    const { daemon, message } = this._status;
    return daemon.state === 'running' ? message : daemon.message;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  async refresh(): Promise<void> {
    try {
      this._status = await this._api.status();
      this._error = null;
    } catch (reason) {
      this._error = ApiError.from(reason);
      this._events.failed();
    }
    if (this._isDisposed) {
      return;
    }
    this._changed.emit();
    // A daemon that is coming up says so within seconds: look again soon, once.
    if (this._status && this._status.daemon.state !== 'running' && !this._timer) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, 2_000);
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this._timer);
      this._events.pulse.disconnect(this._onPulse, this);
      this._events.changed.disconnect(this._onChange, this);
      Signal.clearData(this);
    }
  }

  private _onPulse(): void {
    void this.refresh();
  }

  private _onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'daemon') {
      void this.refresh();
    }
  }

  private _status: Status | null = null;
  private _error: ApiError | null = null;
  private _timer = 0;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
