import { Debouncer } from '@lumino/polling';

import type { Api } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import type { Compute, ComputeDetail, TestReport } from '../../api/types';

/** Many jobs begin and end at once: the list is read again once for all of them. */
const QUIET_MS = 300;

/** Reads again when something changed that computes show. */
abstract class ComputeFollower extends Follower {
  override dispose(): void {
    this._soon.dispose();
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (['computes', 'jobs', 'kernels'].includes(change.topic)) {
      void this._soon.invoke();
    }
  }

  private _soon = new Debouncer(() => this.refresh(), QUIET_MS);
}

/** Every compute of the studio. */
export class ComputesModel extends ComputeFollower {
  constructor(api: Api, events: StudioEvents) {
    super(api, events);
    void this.refresh();
  }

  get items(): readonly Compute[] {
    return this._items;
  }

  get loading(): boolean {
    return this._loading;
  }

  /** The compute that commands without a name are about. */
  get current(): string | null {
    return this._current;
  }

  set current(name: string | null) {
    this._current = name;
    this.emit();
  }

  find(name: string | null): Compute | undefined {
    return this._items.find(item => item.name === name);
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      try {
        this._items = (await this.api.computes()).items;
      } finally {
        this._loading = false;
      }
    });
  }

  private _items: readonly Compute[] = [];
  private _loading = true;
  private _current: string | null = null;
}

/** One compute: what runs and waits there, and what its machine does. */
export class ComputeModel extends ComputeFollower {
  constructor(
    api: Api,
    events: StudioEvents,
    readonly name: string
  ) {
    super(api, events);
    void this.refresh();
  }

  get detail(): ComputeDetail | null {
    return this._detail;
  }

  /** What the last test found. */
  get report(): TestReport | null {
    return this._report;
  }

  get testing(): boolean {
    return this._testing;
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      this._detail = await this.api.compute(this.name);
    });
  }

  /** Try each thing that a job needs there. */
  async test(): Promise<void> {
    if (this._testing) {
      return;
    }
    this._testing = true;
    this.emit();
    await this.read(async () => {
      try {
        this._report = await this.api.testCompute(this.name);
      } finally {
        this._testing = false;
      }
    });
    await this.refresh();
  }

  private _detail: ComputeDetail | null = null;
  private _report: TestReport | null = null;
  private _testing = false;
}
