import { Debouncer } from '@lumino/polling';

import type { Api } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import { ModelsApi } from './api';
import type { DashboardItem, Model } from './types';

const QUIET_MS = 300;
/** As many models as one answer brings. */
const PAGE = 100;
/** How often cards are looked at when nothing is announced: files change without a word. */
const MARK_MS = 60_000;

/** Reads again when something changed in the registry. */
export abstract class RegistryFollower extends Follower {
  constructor(api: Api, events: StudioEvents) {
    super(api, events);
    this.registry = new ModelsApi(api);
  }

  /** The registry over REST. */
  readonly registry: ModelsApi;

  override dispose(): void {
    this._soon.dispose();
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'models' && this.concerns(change.id)) {
      void this._soon.invoke();
    }
  }

  /** Whether what is shown depends on a model; `*` stands for any. */
  protected concerns(_name: string): boolean {
    return true;
  }

  private _soon = new Debouncer(() => this.refresh(), QUIET_MS);
}

/** Registered models as the sidebar lists them; nothing is read before it is first looked at. */
export class ModelsModel extends RegistryFollower {
  /** The sidebar is looked at. */
  wake(): void {
    if (!this._awake) {
      this._awake = true;
      void this.refresh();
    }
  }

  get items(): readonly Model[] {
    return this._items;
  }

  get loading(): boolean {
    return this._loading;
  }

  get text(): string {
    return this._text;
  }

  get favourites(): boolean {
    return this._favourites;
  }

  /** Part of the names to list. */
  filter(text: string, favourites: boolean): void {
    this._text = text;
    this._favourites = favourites;
    this._loading = true;
    this.emit();
    void this.refresh();
  }

  /** The model that commands without a name are about. */
  get current(): string | null {
    return this._current;
  }

  set current(name: string | null) {
    this._current = name;
    this.emit();
  }

  find(name: string | null): Model | undefined {
    return this._items.find(item => item.name === name);
  }

  /** Why a model's card no longer says what is; null when it does or there is none. */
  stale(name: string): string | null {
    const item = this._board.get(name);
    return item?.card_stale ? (item.stale_reasons?.join('\n') ?? '') : null;
  }

  async refresh(): Promise<void> {
    if (this._awake) {
      await this._list();
      await this._mark();
    }
  }

  protected override onPulse(): void {
    if (this._awake) {
      void this._list();
      if (Date.now() - this._marked > MARK_MS) {
        void this._mark();
      }
    }
  }

  private async _list(): Promise<void> {
    const [text, favourites] = [this._text, this._favourites];
    const same = () => text === this._text && favourites === this._favourites;
    await this.read(async () => {
      try {
        const wanted = Math.max(1, Math.ceil(this._items.length / PAGE));
        let cursor: string | undefined;
        const found: Model[] = [];
        for (let page = 0; page < wanted; page++) {
          const next = await this._page(cursor);
          found.push(...next.items);
          cursor = next.next_cursor ?? undefined;
          if (!cursor) {
            break;
          }
        }
        if (same()) {
          this._items = found;
          this._cursor = cursor ?? null;
        }
      } finally {
        this._loading &&= !same();
      }
    });
  }

  /** Fetch the page after the last one. */
  async loadMore(): Promise<void> {
    const cursor = this._cursor;
    if (cursor && !this._more) {
      this._more = true;
      await this.read(async () => {
        try {
          const page = await this._page(cursor);
          if (cursor === this._cursor) {
            this._items = [...this._items, ...page.items];
            this._cursor = page.next_cursor ?? null;
          }
        } finally {
          this._more = false;
        }
      });
    }
  }

  /** Mark a model as one that matters to the reader, or no longer. */
  async favourite(name: string, favourite: boolean): Promise<void> {
    await this.read(async () => {
      await this.registry.update(name, { favourite });
    });
    await this.refresh();
  }

  private _page(cursor?: string) {
    return this.registry.list({
      text: this._text || undefined,
      favourite: this._favourites || undefined,
      cursor
    });
  }

  /** Whether a card is stale takes longer to know than that there is a model. */
  private async _mark(): Promise<void> {
    if (this._items.length === 0) {
      return;
    }
    this._marked = Date.now();
    await this.read(async () => {
      const { items } = await this.registry.dashboard();
      this._board = new Map(items.map(item => [item.model, item]));
    });
  }

  private _awake = false;
  private _marked = 0;
  private _items: readonly Model[] = [];
  private _board: ReadonlyMap<string, DashboardItem> = new Map();
  private _cursor: string | null = null;
  private _more = false;
  private _text = '';
  private _favourites = false;
  private _loading = true;
  private _current: string | null = null;
}

/** Every model with what whoever is responsible for it wants to see. */
export class DashboardModel extends RegistryFollower {
  constructor(api: Api, events: StudioEvents) {
    super(api, events);
    void this.refresh();
  }

  get items(): readonly DashboardItem[] | null {
    return this._items;
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      this._items = (await this.registry.dashboard()).items;
    });
  }

  private _items: readonly DashboardItem[] | null = null;
}
