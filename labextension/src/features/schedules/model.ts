import type { Api } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import type { Schedule } from '../../api/types';

/** All schedules of the user. */
export class SchedulesModel extends Follower {
  constructor(api: Api, events: StudioEvents) {
    super(api, events);
    void this.refresh();
  }

  get items(): readonly Schedule[] {
    return this._items;
  }

  get loading(): boolean {
    return this._loading;
  }

  /** The schedule that commands without an id are about. */
  get current(): string | null {
    return this._current;
  }

  set current(id: string | null) {
    this._current = id;
    this.emit();
  }

  find(id: string): Schedule | undefined {
    return this._items.find(item => item.id === id);
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      try {
        this._items = (await this.api.listSchedules()).items;
      } finally {
        this._loading = false;
      }
    });
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'schedules') {
      void this.refresh();
    }
  }

  private _items: readonly Schedule[] = [];
  private _loading = true;
  private _current: string | null = null;
}
