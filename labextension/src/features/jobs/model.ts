import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../api/client';
import { ApiError } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import type { Job, JobKind, JobPage, JobState } from '../../api/types';

const PAGE = 100;
const SETTLE_MS = 250;
const SINGLES = 20;

export interface IFilters {
  states: readonly JobState[];
  kinds: readonly JobKind[];
  query: string;
}

/** The list of jobs, newest first, as far as it has been scrolled; and what is selected in it. */
export class JobsModel implements IDisposable {
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

  get items(): readonly Job[] {
    return this._items;
  }

  get counts(): Readonly<Partial<Record<JobState, number>>> {
    return this._counts;
  }

  get filters(): IFilters {
    return this._filters;
  }

  set filters(filters: IFilters) {
    this._filters = filters;
    this._generation += 1;
    this._items = [];
    this._cursor = null;
    this._loading = true;
    this._changed.emit();
    void this.refresh();
  }

  get loading(): boolean {
    return this._loading;
  }

  get hasMore(): boolean {
    return this._cursor !== null;
  }

  get error(): ApiError | null {
    return this._error;
  }

  /** Ids selected in the panel, in the order in which they were. */
  get selection(): readonly string[] {
    return this._selection;
  }

  set selection(ids: readonly string[]) {
    this._selection = [...ids];
    this._changed.emit();
  }

  /** The job whose view is in front, if one is. */
  viewed: string | null = null;

  /** What commands without an id are about. */
  get targets(): readonly string[] {
    return this.viewed ? [this.viewed] : this._selection;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  find(id: string): Job | undefined {
    return this._items.find(job => job.id === id);
  }

  /** Fetch the newest page and merge it into what is there. */
  async refresh(): Promise<void> {
    const generation = this._generation;
    const first = this._items.length === 0;
    try {
      const page = await this._page();
      if (generation === this._generation && !this._isDisposed) {
        this._merge(page, first);
        this._error = null;
      }
    } catch (reason) {
      this._error = ApiError.from(reason);
      this._events.failed();
    }
    if (generation === this._generation && !this._isDisposed) {
      this._loading = false;
      this._changed.emit();
    }
  }

  /** Fetch the page after the last one. */
  async loadMore(): Promise<void> {
    if (!this._cursor || this._loadingMore) {
      return;
    }
    this._loadingMore = true;
    const generation = this._generation;
    try {
      const page = await this._page(this._cursor);
      if (generation === this._generation) {
        const known = new Set(this._items.map(job => job.id));
        this._items = [...this._items, ...page.items.filter(job => !known.has(job.id))];
        this._cursor = page.next_cursor ?? null;
        this._changed.emit();
      }
    } catch (reason) {
      this._error = ApiError.from(reason);
      this._changed.emit();
    } finally {
      this._loadingMore = false;
    }
  }

  /** Take what an action answered at once, before its event comes. */
  take(job: Job): void {
    const at = this._items.findIndex(item => item.id === job.id);
    if (at >= 0) {
      this._items = this._items.map((item, index) => (index === at ? job : item));
    } else if (this._fits(job)) {
      this._items = [job, ...this._items];
    }
    this._changed.emit();
    this._schedule(job.id);
  }

  /** Forget a job that was deleted. */
  drop(id: string): void {
    this._items = this._items.filter(job => job.id !== id);
    this._selection = this._selection.filter(item => item !== id);
    this._changed.emit();
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

  private _page(cursor?: string): Promise<JobPage> {
    const { states, kinds, query } = this._filters;
    return this._api.listJobs({ state: states, kind: kinds, query, cursor, limit: PAGE });
  }

  private _fits(job: Job): boolean {
    const { states, kinds, query } = this._filters;
    return (
      (states.length === 0 || states.includes(job.state)) &&
      (kinds.length === 0 || kinds.includes(job.kind)) &&
      `${job.name} ${job.path ?? ''}`.toLowerCase().includes(query.toLowerCase())
    );
  }

  private _merge(page: JobPage, first: boolean): void {
    this._counts = page.counts;
    if (first || !page.next_cursor) {
      this._items = page.items;
      this._cursor = page.next_cursor ?? null;
      return;
    }
    // Everything down to the page's end is as the page says; what was scrolled to below it stays.
    const fresh = new Set(page.items.map(job => job.id));
    const last = page.items[page.items.length - 1];
    const below = this._items.filter(
      job => !fresh.has(job.id) && (job.created_at < last.created_at || job.id < last.id)
    );
    this._items = [...page.items, ...below];
    if (below.length === 0) {
      this._cursor = page.next_cursor;
    }
  }

  /** Refetch what changed, once for everything that changes within a moment. */
  private _schedule(id: string): void {
    this._dirty.add(id);
    if (!this._timer) {
      this._timer = window.setTimeout(() => void this._settle(), SETTLE_MS);
    }
  }

  private async _settle(): Promise<void> {
    const dirty = [...this._dirty];
    this._dirty.clear();
    await this.refresh();
    const below = new Set(this._items.slice(PAGE).map(job => job.id));
    for (const id of dirty.filter(item => below.has(item)).slice(0, SINGLES)) {
      try {
        const job = await this._api.job(id);
        this._items = this._items.map(item => (item.id === id ? job : item));
      } catch (reason) {
        if (ApiError.from(reason).status === 404) {
          this.drop(id);
        }
      }
    }
    this._changed.emit();
    this._timer = 0;
    if (this._dirty.size > 0 && !this._isDisposed) {
      this._timer = window.setTimeout(() => void this._settle(), SETTLE_MS);
    }
  }

  private _onChange(_: StudioEvents, change: IChange): void {
    if (change.topic !== 'jobs') {
      return;
    }
    if (change.kind === 'deleted') {
      this.drop(change.id);
    }
    this._schedule(change.id);
  }

  private async _onPulse(): Promise<void> {
    const before = new Map(this._items.map(job => [job.id, job.revision]));
    const quiet = this._dirty.size === 0 && !this._timer;
    await this.refresh();
    const found = this._items.some(job => (before.get(job.id) ?? -1) < job.revision);
    if (quiet && before.size > 0 && found && this._dirty.size === 0 && !this._timer) {
      this._events.missed();
    }
  }

  private _items: readonly Job[] = [];
  private _counts: JobPage['counts'] = {};
  private _cursor: string | null = null;
  private _filters: IFilters = { states: [], kinds: [], query: '' };
  private _generation = 0;
  private _loading = true;
  private _loadingMore = false;
  private _error: ApiError | null = null;
  private _selection: string[] = [];
  private _dirty = new Set<string>();
  private _timer = 0;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
