import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../api/client';
import { ApiError } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import type { IRunParts, IRunQuery } from './api';
import { queryOf, RunsApi } from './api';
import type { IColumn, IKnownColumns } from './columns';
import { goalOf, kindOf, nameOf, TAGS, usualColumns } from './columns';
import { KnownKeys, NO_KEYS } from './known';
import { Pace } from './pace';
import { Results } from './results';
import { Selection } from './selection';
import type { ITableState } from './state';
import { same, sameRuns } from './state';

const LIVE_MS = 1_000;
const BEST_MS = 2_000;
const WANT_MS = 60;
/** As many as the server ranks at once. */
const BESTS = 20;
/** As many as the server draws at once. */
const SPARKS = 8;

/** Where the keyboard is: a cell of a row, or a head when the row is -1. */
export interface IFocus {
  row: number;
  column: number;
  /** The run that stands there, which the focus follows. */
  id: string | null;
}

/** One run table: what it shows, what was fetched of it, what is selected. */
export class TableModel extends Follower {
  constructor(
    api: Api,
    events: StudioEvents,
    state: ITableState,
    private _user: () => string
  ) {
    super(api, events);
    this.runs = new RunsApi(api);
    this._state = state;
    this._live = new Pace(() => this.refresh(), LIVE_MS);
    this._rank = new Pace(() => this._best(), BEST_MS);
    this._keys = new KnownKeys(this.runs, () => this._learned());
    this._keys.ask(state.experiments);
    void this.open();
  }

  readonly runs: RunsApi;
  focus: IFocus = { row: 0, column: 0, id: null };
  /** The saved view that the table was opened with or saved as. */
  view: string | null = null;

  get state(): ITableState {
    return this._state;
  }

  /** Show a saved view; its experiments too, when it names some. */
  useView(id: string | null, state: ITableState): void {
    this.view = id;
    this.change(state);
  }

  /** Whether something else is shown than that. */
  isTouched(state: ITableState): boolean {
    return !same(this._state, {
      ...state,
      experiments: this.view ? state.experiments : this._state.experiments
    });
  }

  /** Emitted when what the table shows was chosen anew, so that it is kept. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  /** The newest answer; the one before while another is on its way. */
  get results(): Results | null {
    return this._results;
  }

  /** Other runs than those that are shown were asked for. */
  get opening(): boolean {
    return this._opening !== null;
  }

  /** The question that is asked of the server. */
  get query(): IRunQuery {
    return queryOf(this._state, this._user());
  }

  /** The keys that the runs of these experiments have. */
  get known(): IKnownColumns {
    return this._keys.known;
  }

  /** Whether the usual columns are known: before that, none is chosen for good. */
  get settled(): boolean {
    return this._state.columns !== null || this._keys.isKnown;
  }

  get columns(): readonly IColumn[] {
    return this._state.columns ?? this._usual;
  }

  get selection(): Selection {
    return this._selection;
  }

  set selection(selection: Selection) {
    this._selection = selection;
    this.emit();
  }

  get selected(): number {
    return this._selection.count(this._results?.total ?? 0);
  }

  /** The server's sentence about the filter, when it is wrong. */
  get filterError(): string | null {
    return this.error?.status === 400 && this._state.filter ? this.error.message : null;
  }

  /** Show something else. */
  change(part: Partial<ITableState>): void {
    const old = this._state;
    this._state = { ...old, ...part };
    if (!sameRuns(old, this._state)) {
      this._selection = Selection.none;
      void this.open();
      if (String(old.experiments) !== String(this._state.experiments)) {
        this._keys.ask(this._state.experiments, true);
      }
    } else if (old.columns !== this._state.columns) {
      this._reparts();
      this._rank.ask();
    }
    this._stateChanged.emit();
    this.emit();
  }

  /** Ask anew, and show it once the answer is there. */
  async open(): Promise<void> {
    this._opening?.abort();
    const opening = (this._opening = new AbortController());
    const next = new Results({
      api: this.runs,
      query: this.query,
      group: this._state.group,
      metrics: () => this._shown('metrics').slice(0, 8),
      parts: () => this._parts(),
      open: this._open,
      landed: () => this._landed(),
      failed: reason => this._failed(reason)
    });
    await this.read(async () => {
      try {
        await next.begin(opening.signal);
      } catch (reason) {
        if (opening.signal.aborted) {
          return;
        }
        this._opening = null;
        throw reason;
      }
      if (!opening.signal.aborted && !this.isDisposed) {
        this._opening = null;
        this._results?.dispose();
        this._results = next;
        if (this.focus.row >= 0) {
          this.focus = { ...this.focus, row: 0, id: next.run(0)?.id ?? null };
        }
        this._rank.ask();
      }
    });
  }

  async refresh(): Promise<void> {
    const results = this._results;
    if (!results || this._opening) {
      return this._opening ? undefined : this.open();
    }
    this._refreshing?.abort();
    const { signal } = (this._refreshing = new AbortController());
    await this.read(async () => {
      try {
        await results.refresh(signal);
        this._rank.ask();
      } catch (reason) {
        if (!signal.aborted) {
          throw reason;
        }
      }
    });
  }

  /** The rows that are in view; what is missing of them is fetched a moment later. */
  want(first: number, last: number): void {
    this._view = [first, last];
    this._wanting ||= window.setTimeout(() => {
      this._wanting = 0;
      void this._results?.want(...this._view);
    }, WANT_MS);
  }

  /** Whether somebody can see it: what is hidden is not kept up to date. */
  set visible(visible: boolean) {
    this._visible = visible;
    if (visible && this._missed) {
      this._missed = false;
      this._live.ask();
    }
  }

  setOpen(row: number, open: boolean): void {
    const head = this._results?.row(row);
    if (head && 'group' in head) {
      const value = String(head.group.value);
      this._open[open ? 'add' : 'delete'](value);
      this._results?.setOpen(row, open);
      this.want(...this._view);
      this.emit();
    }
  }

  /** What is shown was changed from outside: draw it. */
  touch(): void {
    this.emit();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      window.clearTimeout(this._wanting);
      this._opening?.abort();
      this._refreshing?.abort();
      this._live.dispose();
      this._rank.dispose();
      this._keys.dispose();
      this._results?.dispose();
      super.dispose();
    }
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'runs') {
      this._look();
    }
  }

  protected override onPulse(): void {
    this._look();
  }

  private _look(): void {
    if (this._visible) {
      this._live.ask();
      this._keys.ask(this._state.experiments);
    } else {
      this._missed = true;
    }
  }

  private _shown(kind: 'metrics' | 'params' | 'tags'): string[] {
    return this.columns.filter(each => kindOf(each.key) === kind).map(each => nameOf(each.key));
  }

  /** Only what has a column is fetched. */
  private _parts(): IRunParts {
    const columns = this.columns;
    return {
      column: columns.map(each => (each.key === TAGS ? 'tags' : each.key)),
      spark: columns
        .filter(each => each.spark)
        .map(each => nameOf(each.key))
        .slice(0, SPARKS)
    };
  }

  private _reparts(): void {
    const parts = JSON.stringify(this._parts());
    if (parts !== this._fetched) {
      this._fetched = parts;
      void this.refresh();
    }
  }

  private _learned(): void {
    const usual = usualColumns(this.known);
    if (JSON.stringify(usual) !== JSON.stringify(this._usual)) {
      this._usual = usual;
      this._reparts();
      this._rank.ask();
    }
    this.emit();
  }

  private async _best(): Promise<void> {
    const results = this._results;
    const metrics = this.columns
      .filter(each => kindOf(each.key) === 'metrics' && goalOf(each) !== 'none')
      .map(each => nameOf(each.key));
    try {
      await results?.rank(metrics.slice(0, BESTS), new AbortController().signal);
    } catch {
      // The rows say why the server does not answer; without it no value is marked.
      return;
    }
    this.emit();
  }

  private _landed(): void {
    const { row, id } = this.focus;
    const results = this._results;
    if (results && id !== null && row >= 0) {
      const now = results.find(id, row);
      const there = Math.min(row, Math.max(0, results.layout.count - 1));
      this.focus = {
        ...this.focus,
        row: now < 0 ? there : now,
        id: now < 0 ? (results.run(there)?.id ?? null) : id
      };
    }
    this.emit();
  }

  private _failed(reason: unknown): void {
    void this.read(() => Promise.reject(ApiError.from(reason)));
  }

  private _state: ITableState;
  private _results: Results | null = null;
  private _selection = Selection.none;
  private _opening: AbortController | null = null;
  private _refreshing: AbortController | null = null;
  private _open = new Set<string>();
  private _usual: readonly IColumn[] = usualColumns(NO_KEYS);
  private _fetched = '';
  private _view: [number, number] = [0, 0];
  private _wanting = 0;
  private _visible = true;
  private _missed = false;
  private _live: Pace;
  private _rank: Pace;
  private _keys: KnownKeys;
  private _stateChanged = new Signal<this, void>(this);
}
