import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from './client';
import { ApiError } from './client';
import type { IChange, StudioEvents } from './events';

/** State that follows the studio: a part of it is read again when an event or a pulse says so. */
export abstract class Follower implements IDisposable {
  constructor(
    protected readonly api: Api,
    protected readonly events: StudioEvents
  ) {
    events.changed.connect(this.onChange, this);
    events.pulse.connect(this.onPulse, this);
  }

  /** Emitted whenever something was read anew. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Why the last reading failed. */
  get error(): ApiError | null {
    return this._error;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Read it again. */
  abstract refresh(): Promise<void>;

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.events.changed.disconnect(this.onChange, this);
      this.events.pulse.disconnect(this.onPulse, this);
      Signal.clearData(this);
    }
  }

  /** Something changed in the studio. */
  protected abstract onChange(events: StudioEvents, change: IChange): void;

  /** Time to look again, whatever was announced. */
  protected onPulse(): void {
    void this.refresh();
  }

  /** Read something, and keep why it failed. */
  protected async read(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this._error = null;
    } catch (reason) {
      this._error = ApiError.from(reason);
      this.events.failed();
    }
    this.emit();
  }

  protected emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _error: ApiError | null = null;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
