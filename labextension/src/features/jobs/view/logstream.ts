import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../../api/client';
import type { LogChunk } from '../../../api/types';
import { LogLines } from '../loglines';

const RETRY_MS = [300, 1_000, 3_000, 10_000];

/** An attempt's log, followed from byte to byte; a cut connection goes on where it stopped. */
export class LogStream implements IDisposable {
  constructor(
    private _api: Api,
    private _id: string,
    readonly attempt: number
  ) {
    this._connect();
  }

  readonly lines = new LogLines();

  /** Emitted at most 25 times a second, however fast the log grows. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The log's end was reached and nothing more will come. */
  get complete(): boolean {
    return this._complete;
  }

  get connected(): boolean {
    return this._connected;
  }

  get bytes(): number {
    return this._offset;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this._timer);
      this._close();
      Signal.clearData(this);
    }
  }

  private _connect(): void {
    const socket = this._api.logStream(this._id, this._offset, this.attempt);
    this._socket = socket;
    socket.onopen = () => {
      this._connected = true;
      this._emit();
    };
    socket.onmessage = message => {
      this._tries = 0;
      this._take(JSON.parse(String(message.data)) as LogChunk);
    };
    socket.onclose = () => {
      this._connected = false;
      this._socket = null;
      if (!this._complete && !this._isDisposed) {
        const wait = RETRY_MS[Math.min(this._tries++, RETRY_MS.length - 1)];
        this._timer = window.setTimeout(() => this._connect(), wait);
      }
      this._emit();
    };
  }

  private _take(chunk: LogChunk): void {
    if (chunk.offset !== this._offset && chunk.text !== '') {
      // A frame that does not follow on what is here would lose or repeat text: ask again.
      this._close();
      this._timer = window.setTimeout(() => this._connect(), RETRY_MS[0]);
      return;
    }
    this.lines.feed(chunk.text);
    this._offset = chunk.next_offset;
    if (chunk.complete) {
      this._complete = true;
      this._close();
    }
    this._emit();
  }

  private _close(): void {
    const socket = this._socket;
    this._socket = null;
    this._connected = false;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  private _emit(): void {
    if (!this._frame && !this._isDisposed) {
      this._frame = window.setTimeout(() => {
        this._frame = 0;
        if (!this._isDisposed) {
          this._changed.emit();
        }
      }, 40);
    }
  }

  private _socket: WebSocket | null = null;
  private _offset = 0;
  private _complete = false;
  private _connected = false;
  private _tries = 0;
  private _timer = 0;
  private _frame = 0;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
