export interface IPage<T> {
  items: readonly T[];
  total: number;
}

export type FetchPage<T> = (at: number, limit: number, signal: AbortSignal) => Promise<IPage<T>>;

const SIZE = 100;
const KEPT = 60;

interface IBlock<T> {
  items: readonly T[];
  stale: boolean;
}

/** A long list of which only what is looked at is fetched, in blocks. Pure but for its source. */
export class Pages<T> {
  constructor(
    private _fetch: FetchPage<T>,
    private _on: { landed: () => void; failed: (reason: unknown) => void },
    readonly size = SIZE
  ) {}

  /** How many there are, as the newest answer says. */
  total = 0;

  get loading(): boolean {
    return this._pending.size > 0;
  }

  get(index: number): T | undefined {
    return this._blocks.get(Math.floor(index / this.size))?.items[index % this.size];
  }

  /** All that is here. */
  *loaded(): Iterable<T> {
    for (const block of this._blocks.values()) {
      yield* block.items;
    }
  }

  /** Fetch what is missing of a stretch, and give up what is on its way for others. */
  async want(first: number, last: number): Promise<void> {
    const loads: Promise<void>[] = [];
    const needed = new Set<number>();
    for (let at = Math.floor(first / this.size); at * this.size < last; at++) {
      needed.add(at);
    }
    for (const [at, request] of this._pending) {
      if (!needed.has(at)) {
        request.abort();
        this._pending.delete(at);
      }
    }
    for (const at of needed) {
      const block = this._blocks.get(at);
      if (block) {
        // What was looked at last is forgotten last.
        this._blocks.delete(at);
        this._blocks.set(at, block);
      }
      if ((!block || block.stale) && !this._pending.has(at)) {
        loads.push(this._load(at));
      }
    }
    await Promise.all(loads);
  }

  /** A stretch whole, also what is out of sight. */
  async range(first: number, last: number, signal: AbortSignal): Promise<readonly T[]> {
    const found: T[] = [];
    for (let at = first; at < last;) {
      const item = this.get(at);
      if (item !== undefined) {
        found.push(item);
        at += 1;
        continue;
      }
      const page = await this._fetch(at, Math.min(last - at, 10 * this.size), signal);
      if (page.items.length === 0) {
        break;
      }
      found.push(...page.items);
      at += page.items.length;
    }
    return found;
  }

  /** Everything may have changed: what is wanted next is fetched anew, and shown until it came. */
  expire(): void {
    for (const request of this._pending.values()) {
      request.abort();
    }
    this._pending.clear();
    for (const block of this._blocks.values()) {
      block.stale = true;
    }
  }

  /** Change what is here, before the server says so. */
  patch(change: (item: T) => T): void {
    for (const block of this._blocks.values()) {
      block.items = block.items.map(change);
    }
  }

  /** Take the first block from an answer that came with something else. */
  begin(page: IPage<T>): void {
    this._land(0, page);
  }

  dispose(): void {
    this.expire();
    this._blocks.clear();
  }

  private async _load(at: number): Promise<void> {
    const request = new AbortController();
    this._pending.set(at, request);
    try {
      const page = await this._fetch(at * this.size, this.size, request.signal);
      if (!request.signal.aborted) {
        this._pending.delete(at);
        this._land(at, page);
        this._on.landed();
      }
    } catch (reason) {
      if (!request.signal.aborted) {
        this._pending.delete(at);
        this._on.failed(reason);
      }
    }
  }

  private _land(at: number, page: IPage<T>): void {
    const old = this._blocks.get(at)?.items ?? [];
    // What did not change stays the same object, so that its row is not drawn again.
    const items = page.items.map((item, index) =>
      JSON.stringify(item) === JSON.stringify(old[index]) ? old[index] : item
    );
    this._blocks.delete(at);
    this._blocks.set(at, { items, stale: false });
    this.total = page.total;
    for (const each of this._blocks.keys()) {
      if (this._blocks.size <= KEPT && each * this.size < this.total) {
        continue;
      }
      if (each !== at) {
        this._blocks.delete(each);
      }
    }
  }

  private _blocks = new Map<number, IBlock<T>>();
  private _pending = new Map<number, AbortController>();
}
