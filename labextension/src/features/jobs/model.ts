import type { Api } from '../../api/client';
import { ApiError } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import type { Job, JobKind, JobPage, JobState } from '../../api/types';
import { KeptKernels } from './kernels';

const PAGE = 100;
const SETTLE_MS = 250;
const SINGLES = 20;

export interface IFilters {
  states: readonly JobState[];
  kinds: readonly JobKind[];
  query: string;
}

/** The list of jobs, newest first, as far as it has been scrolled; and what is selected in it. */
export class JobsModel extends Follower {
  constructor(api: Api, events: StudioEvents) {
    super(api, events);
    this.kernels = new KeptKernels(api);
    void this.refresh();
  }

  /** The kernels that failed jobs keep. */
  readonly kernels: KeptKernels;

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
    this.emit();
    void this.refresh();
  }

  get loading(): boolean {
    return this._loading;
  }

  /** Ids selected in the panel, in the order in which they were. */
  get selection(): readonly string[] {
    return this._selection;
  }

  set selection(ids: readonly string[]) {
    this._selection = [...ids];
    const job = ids.length === 1 ? this.find(ids[0]) : undefined;
    if (job) {
      this.kernels.look(job);
    }
    this.emit();
  }

  /** The job whose view is in front, if one is. */
  viewed: string | null = null;

  /** What commands without an id are about. */
  get targets(): readonly string[] {
    return this.viewed ? [this.viewed] : this._selection;
  }

  find(id: string): Job | undefined {
    return this._items.find(job => job.id === id);
  }

  /** Fetch the newest page and merge it into what is there. */
  async refresh(): Promise<void> {
    const generation = this._generation;
    const first = this._items.length === 0;
    await this.read(async () => {
      try {
        const page = await this._page();
        if (generation === this._generation) {
          this._merge(page, first);
        }
      } finally {
        this._loading &&= generation !== this._generation;
      }
    });
  }

  /** Fetch the page after the last one. */
  async loadMore(): Promise<void> {
    if (!this._cursor || this._loadingMore) {
      return;
    }
    this._loadingMore = true;
    const generation = this._generation;
    await this.read(async () => {
      const page = await this._page(this._cursor ?? undefined);
      if (generation === this._generation) {
        const known = new Set(this._items.map(job => job.id));
        this._items = [...this._items, ...page.items.filter(job => !known.has(job.id))];
        this._cursor = page.next_cursor ?? null;
      }
    });
    this._loadingMore = false;
  }

  /** Take what an action answered at once, before its event comes. */
  take(job: Job): void {
    const at = this._items.findIndex(item => item.id === job.id);
    if (at >= 0) {
      this._items = this._items.map((item, index) => (index === at ? job : item));
    } else if (this._fits(job)) {
      this._items = [job, ...this._items];
    }
    this.emit();
    this._schedule(job.id);
  }

  /** Forget a job that was deleted. */
  drop(id: string): void {
    this._items = this._items.filter(job => job.id !== id);
    this._selection = this._selection.filter(item => item !== id);
    this.emit();
  }

  override dispose(): void {
    window.clearTimeout(this._timer);
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic !== 'jobs') {
      return;
    }
    if (change.kind === 'deleted') {
      this.drop(change.id);
    }
    this._schedule(change.id);
  }

  protected override onPulse(): void {
    void this._check();
  }

  private _page(cursor?: string): Promise<JobPage> {
    const { states, kinds, query } = this._filters;
    return this.api.listJobs({ state: states, kind: kinds, query, cursor, limit: PAGE });
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
        const job = await this.api.job(id);
        this._items = this._items.map(item => (item.id === id ? job : item));
      } catch (reason) {
        if (ApiError.from(reason).status === 404) {
          this.drop(id);
        }
      }
    }
    this.emit();
    this._timer = 0;
    if (this._dirty.size > 0 && !this.isDisposed) {
      this._timer = window.setTimeout(() => void this._settle(), SETTLE_MS);
    }
  }

  /** Read again, and notice what no event had announced. */
  private async _check(): Promise<void> {
    const before = new Map(this._items.map(job => [job.id, job.revision]));
    const quiet = this._dirty.size === 0 && !this._timer;
    await this.refresh();
    const found = this._items.some(job => (before.get(job.id) ?? -1) < job.revision);
    if (quiet && before.size > 0 && found && this._dirty.size === 0 && !this._timer) {
      this.events.missed();
    }
  }

  private _items: readonly Job[] = [];
  private _counts: JobPage['counts'] = {};
  private _cursor: string | null = null;
  private _filters: IFilters = { states: [], kinds: [], query: '' };
  private _generation = 0;
  private _loading = true;
  private _loadingMore = false;
  private _selection: string[] = [];
  private _dirty = new Set<string>();
  private _timer = 0;
}
