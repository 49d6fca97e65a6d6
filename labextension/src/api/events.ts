import type { Event } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

export type Topic =
  | 'jobs'
  | 'schedules'
  | 'daemon'
  | 'computes'
  | 'kernels'
  | 'moves'
  | 'runs'
  | 'views'
  | 'models'
  | 'lineage';

/** Something changed. What it is now, REST says. */
export interface IChange {
  topic: Topic;
  id: string;
  kind: 'created' | 'changed' | 'deleted';
  revision: number;
}

const SCHEMA = /^https:\/\/schema\.labstudio\.org\/([a-z]+)\/v\d+$/;
const CALM_MS = 20_000;
const ALONE_MS = 3_000;

/**
 * The studio's events from Jupyter Server's stream, and one poll behind them.
 *
 * The stream has no replay and does not say when it was down. So `pulse` asks everybody to
 * refetch now and then: seldom while events arrive, often once a refetch found something that
 * no event had announced, never while the page is hidden.
 */
export class StudioEvents implements IDisposable {
  constructor(manager: Event.IManager) {
    this._manager = manager;
    manager.stream.connect(this._onEvent, this);
    window.addEventListener('online', this._wake);
    document.addEventListener('visibilitychange', this._wake);
    this._poll = new Poll({
      factory: () => this._beat(),
      frequency: { interval: CALM_MS, backoff: true, max: 120_000 },
      standby: 'when-hidden',
      name: 'labstudio:pulse',
      auto: false
    });
    void this._poll.start();
  }

  /** One change that the server announced. */
  get changed(): ISignal<this, IChange> {
    return this._changed;
  }

  /** Time to refetch, whatever the stream says. */
  get pulse(): ISignal<this, void> {
    return this._pulse;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  /** A refetch found a change that was never announced: the stream is down, poll quickly. */
  missed(): void {
    if (this._poll.frequency.interval !== ALONE_MS) {
      this._poll.frequency = { interval: ALONE_MS, backoff: true, max: 60_000 };
      void this._poll.schedule({ interval: ALONE_MS });
    }
  }

  /** A refetch failed: the next pulse comes later. */
  failed(): void {
    this._failures += 1;
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._poll.dispose();
    window.removeEventListener('online', this._wake);
    document.removeEventListener('visibilitychange', this._wake);
    this._manager.stream.disconnect(this._onEvent, this);
    Signal.clearData(this);
  }

  private async _beat(): Promise<void> {
    const failures = this._failures;
    this._failures = 0;
    this._pulse.emit();
    if (failures > 0) {
      throw new Error('The studio did not answer.');
    }
  }

  private _wake = (): void => {
    if (document.visibilityState === 'visible') {
      this._pulse.emit();
    }
  };

  private _onEvent(_: Event.IManager, emission: Event.Emission): void {
    const match = SCHEMA.exec(emission.schema_id);
    if (!match) {
      return;
    }
    if (this._poll.frequency.interval !== CALM_MS) {
      this._poll.frequency = { interval: CALM_MS, backoff: true, max: 120_000 };
    }
    const data = emission as unknown as Omit<IChange, 'topic'>;
    this._changed.emit({
      topic: match[1] as Topic,
      id: String(data.id),
      kind: data.kind,
      revision: Number(data.revision ?? 0)
    });
  }

  private _manager: Event.IManager;
  private _poll: Poll;
  private _failures = 0;
  private _changed = new Signal<this, IChange>(this);
  private _pulse = new Signal<this, void>(this);
}
