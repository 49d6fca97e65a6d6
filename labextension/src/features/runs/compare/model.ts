import { Throttler } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../../api/client';
import type { IChange, StudioEvents } from '../../../api/events';
import { Follower } from '../../../api/follower';
import { RunsApi } from '../api';
import type { IStyle } from '../colours';
import { COUNT, styles } from '../colours';
import type { ComparedRun, Comparison } from '../types';

const CALM_MS = 2_000;

/** Runs side by side: which of them are shown, how they are drawn, and which is looked at. */
export class CompareModel extends Follower {
  constructor(api: Api, events: StudioEvents, ids: readonly string[]) {
    super(api, events);
    this.runs = new RunsApi(api);
    this._ids = [...new Set(ids)];
    this.name = [...ids].sort().join('-');
    this._styles = styles(this._ids);
    void this.refresh();
  }

  readonly runs: RunsApi;
  /** What this comparison is found by again, whatever is removed from it later. */
  readonly name: string;

  /** Emitted when runs were hidden, removed, selected or given another colour. */
  get chosen(): ISignal<this, void> {
    return this._chosen;
  }

  /** Emitted when another run is looked at. */
  get frontChanged(): ISignal<this, void> {
    return this._frontChanged;
  }

  get comparison(): Comparison | null {
    return this._comparison;
  }

  /** All that are compared. */
  get ids(): readonly string[] {
    return this._ids;
  }

  /** Those that are not hidden. */
  get shown(): readonly string[] {
    return this._ids.filter(id => !this._hidden.has(id));
  }

  /** Those that are not hidden, and in what was selected in a chart. */
  get visible(): readonly string[] {
    const { _selected: selected } = this;
    return selected ? this.shown.filter(id => selected.has(id)) : this.shown;
  }

  get selected(): ReadonlySet<string> | null {
    return this._selected;
  }

  get front(): string | null {
    return this._front;
  }

  /** Whether some of them still run. */
  get running(): boolean {
    return !!this._comparison?.runs.some(run => run.status === 'RUNNING');
  }

  run(id: string): ComparedRun | undefined {
    return this._comparison?.runs.find(run => run.id === id);
  }

  /** What a run is called here: with a part of its id where another has the same name. */
  label(id: string): string {
    const name = this.run(id)?.name ?? id.slice(0, 8);
    const same = this._comparison?.runs.filter(run => run.name === name).length ?? 0;
    return same > 1 ? `${name} ${id.slice(0, 4)}` : name;
  }

  style(id: string): IStyle {
    return this._styles.get(id) ?? { colour: 0, dash: [] };
  }

  params(id: string): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { key, values } of this._comparison?.params ?? []) {
      if (values[id] !== undefined && values[id] !== null) {
        found[key] = String(values[id]);
      }
    }
    return found;
  }

  toggle(id: string): void {
    const hidden = new Set(this._hidden);
    if (!hidden.delete(id)) {
      hidden.add(id);
    }
    this._hidden = hidden;
    this._chosen.emit();
  }

  /** Show this one only; all again when it is the only one. */
  only(id: string): void {
    const alone = this.shown.length === 1 && this.shown[0] === id;
    this._hidden = new Set(alone ? [] : this._ids.filter(each => each !== id));
    this._chosen.emit();
  }

  remove(id: string): void {
    this._ids = this._ids.filter(each => each !== id);
    this._chosen.emit();
  }

  /** Draw only these of those that are shown; null for all of them. */
  select(ids: readonly string[] | null): void {
    this._selected = ids && ids.length < this.shown.length ? new Set(ids) : null;
    this._chosen.emit();
  }

  /** Give a run the next colour. */
  recolour(id: string): void {
    const style = this.style(id);
    this._styles = new Map(this._styles).set(id, {
      ...style,
      colour: (style.colour + 1) % COUNT
    });
    this._chosen.emit();
  }

  look(id: string | null): void {
    if (id !== this._front) {
      this._front = id;
      this._frontChanged.emit();
    }
  }

  /** Look at what a pointer has come to. What another one came to since is not its to leave. */
  follow(id: string | null, left: string | null): void {
    if (id !== null || this._front === left) {
      this.look(id);
    }
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      this._comparison = await this.runs.compare(this._ids);
    });
  }

  override dispose(): void {
    this._soon.dispose();
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'runs' && (change.id === '*' || this._ids.includes(change.id))) {
      void this._soon.invoke();
    }
  }

  protected override onPulse(): void {
    if (this._comparison === null || this.running) {
      void this._soon.invoke();
    }
  }

  private _soon = new Throttler(() => this.refresh(), { limit: CALM_MS, edge: 'trailing' });
  private _comparison: Comparison | null = null;
  private _ids: readonly string[];
  private _hidden: ReadonlySet<string> = new Set();
  private _selected: ReadonlySet<string> | null = null;
  private _front: string | null = null;
  private _styles: ReadonlyMap<string, IStyle>;
  private _chosen = new Signal<this, void>(this);
  private _frontChanged = new Signal<this, void>(this);
}
