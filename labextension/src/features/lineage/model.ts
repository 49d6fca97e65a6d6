import { Debouncer } from '@lumino/polling';

import type { Api } from '../../api/client';
import { ApiError } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import type { Graph, Lineage, Node, Stale, Verification } from './api';
import { LineageApi } from './api';
import type { Direction } from './graph';
import { merge, Ways } from './graph';

/** How many steps from the object in the middle are fetched at first. */
const DEPTH = 6;
const QUIET_MS = 500;

/** What is told at the side: which models saw a file, what is stale, whether the record is whole. */
export type Answer =
  | { kind: 'trained'; of: Node; models: readonly Node[] }
  | { kind: 'stale'; items: readonly Stale[] }
  | { kind: 'verified'; result: Verification };

/** The lineage around one object: its graph as far as it was walked, and what is chosen in it. */
export class LineageModel extends Follower {
  constructor(api: Api, events: StudioEvents, object: string) {
    super(api, events);
    this._lineage = new LineageApi(api);
    this._object = object;
    this._loading = object !== '';
    void this.refresh();
  }

  /** The object that was asked for, none at first; a file stands for the data that it holds. */
  get object(): string {
    return this._object;
  }

  /** The node in the middle. */
  get middle(): string {
    return this._middle || this._object;
  }

  get graph(): Graph {
    return this._graph;
  }

  get ways(): Ways {
    return this._ways;
  }

  /** What the server left out, or why there is nothing. */
  get message(): string | null {
    return this._message;
  }

  get loading(): boolean {
    return this._loading;
  }

  /** The node whose details are shown. */
  get selected(): string | null {
    return this._selected;
  }

  set selected(id: string | null) {
    this._selected = id;
    this.emit();
  }

  get answer(): Answer | null {
    return this._answer;
  }

  find(id: string | null): Node | undefined {
    return this._graph.nodes.find(node => node.id === id);
  }

  /** The nodes that no longer stand on what they were made from, and why. */
  get stale(): ReadonlyMap<string, string> {
    return this._stale;
  }

  /** Whether what stands beside a node in a direction may not have been fetched. */
  open(id: string, direction: Direction): boolean {
    return this._open[direction].has(id);
  }

  /** Put another object into the middle. */
  focus(object: string): void {
    if (object !== this._object) {
      this._object = object;
      this._middle = this.find(object) ? object : '';
      this._expanded = [];
      this._selected = null;
      this._loading = true;
      this.emit();
      void this.refresh();
    }
  }

  /** Walk one step on from a node. */
  async expand(id: string, direction: Direction): Promise<void> {
    if (this.open(id, direction)) {
      this._expanded = [...this._expanded, { id, direction }];
      await this.refresh();
    }
  }

  async refresh(): Promise<void> {
    const object = this._object;
    if (!object) {
      return;
    }
    await this.read(async () => {
      try {
        const { first, all } = await this._walk(object);
        if (object === this._object) {
          this._take(first, all);
        }
      } catch (reason) {
        const error = ApiError.from(reason);
        if (object !== this._object) {
          return;
        }
        this._graph = NOTHING;
        if (error.status !== 404) {
          throw reason;
        }
        this._message = error.message;
      } finally {
        this._loading &&= object !== this._object;
      }
    });
    // Files are read to know whether they changed: the graph does not wait for that.
    await this._mark(object);
  }

  /** Which models came of a file or table. */
  async trainedOn(data: Node): Promise<void> {
    await this.read(async () => {
      const down = await this._lineage.walk(data.id, 'down', 100);
      const models = down.nodes.filter(node => node.kind === 'model');
      this._answer = { kind: 'trained', of: data, models };
    });
  }

  /** What is stale now, anywhere. */
  async staleNow(): Promise<void> {
    await this.read(async () => {
      this._answer = { kind: 'stale', items: (await this._lineage.stale()).items };
    });
  }

  /** Check every entry of the chain. */
  async verify(): Promise<void> {
    await this.read(async () => {
      this._answer = { kind: 'verified', result: await this._lineage.verify() };
    });
  }

  /** Close the answer. */
  dismiss(): void {
    this._answer = null;
    this.emit();
  }

  async search(text: string): Promise<readonly Node[]> {
    return (await this._lineage.search(text)).items;
  }

  override dispose(): void {
    this._soon.dispose();
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'lineage' || change.topic === 'models') {
      void this._soon.invoke();
    }
  }

  private async _walk(object: string): Promise<{ first: Lineage; all: Graph }> {
    const [first, ...rest] = await Promise.all([
      this._lineage.walk(object, 'both', DEPTH),
      ...this._expanded.map(({ id, direction }) => this._lineage.walk(id, direction, 1))
    ]);
    return { first, all: rest.reduce<Graph>(merge, first) };
  }

  private _take(first: Lineage, all: Graph): void {
    this._middle = first.root;
    this._message = first.cut ? (first.message ?? null) : null;
    this._graph = all;
    this._ways = new Ways(all);
    for (const direction of ['up', 'down'] as const) {
      const far = this._ways.distances(first.root, direction);
      const walked = (id: string) =>
        (far.get(id) ?? DEPTH) < DEPTH ||
        this._expanded.some(each => each.id === id && each.direction === direction);
      this._open[direction] = new Set(
        all.nodes.filter(node => !walked(node.id)).map(node => node.id)
      );
    }
    if (!this.find(this._selected)) {
      this._selected = this.find(first.root) ? first.root : null;
    }
  }

  private async _mark(object: string): Promise<void> {
    if (this._graph.nodes.length === 0) {
      return;
    }
    await this.read(async () => {
      const { items } = await this._lineage.stale(object);
      if (object === this._object) {
        this._stale = new Map(items.map(item => [item.node.id, item.reason]));
      }
    });
  }

  private _lineage: LineageApi;
  private _object: string;
  private _middle = '';
  private _graph: Graph = NOTHING;
  private _ways = new Ways(NOTHING);
  private _message: string | null = null;
  private _expanded: readonly { id: string; direction: Direction }[] = [];
  /** For each direction the nodes beyond which nothing was fetched. */
  private _open: Record<Direction, ReadonlySet<string>> = { up: new Set(), down: new Set() };
  private _stale: ReadonlyMap<string, string> = new Map();
  private _selected: string | null = null;
  private _answer: Answer | null = null;
  private _loading: boolean;
  private _soon = new Debouncer(() => this.refresh(), QUIET_MS);
}

const NOTHING: Graph = { nodes: [], edges: [] };
