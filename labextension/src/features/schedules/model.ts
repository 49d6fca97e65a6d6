import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../api/client';
import { ApiError } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import type { Schedule } from '../../api/types';

/** All schedules of the user. */
export class SchedulesModel implements IDisposable {
  constructor(
    private _api: Api,
    private _events: StudioEvents
  ) {
    _events.changed.connect(this._onChange, this);
    _events.pulse.connect(this._onPulse, this);
    void this.refresh();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get items(): readonly Schedule[] {
    return this._items;
  }

  get loading(): boolean {
    return this._loading;
  }

  get error(): ApiError | null {
    return this._error;
  }

  /** The schedule that commands without an id are about. */
  get current(): string | null {
    return this._current;
  }

  set current(id: string | null) {
    this._current = id;
    this._changed.emit();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  find(id: string): Schedule | undefined {
    return this._items.find(item => item.id === id);
  }

  async refresh(): Promise<void> {
    try {
      this._items = (await this._api.listSchedules()).items;
      this._error = null;
    } catch (reason) {
      this._error = ApiError.from(reason);
      this._events.failed();
    }
    this._loading = false;
    this._changed.emit();
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._events.changed.disconnect(this._onChange, this);
      this._events.pulse.disconnect(this._onPulse, this);
      Signal.clearData(this);
    }
  }

  private _onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'schedules') {
      void this.refresh();
    }
  }

  private _onPulse(): void {
    void this.refresh();
  }

  private _items: readonly Schedule[] = [];
  private _loading = true;
  private _error: ApiError | null = null;
  private _current: string | null = null;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
