import type { Api } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import type { Experiment, Run, View } from '../../api/types';
import { RunsApi } from './api';
import { Pace } from './pace';
import type { ITableState } from './state';
import { readState } from './state';

const LIVE_MS = 2_000;
const RUNNING = 5;

/** The experiments, and the newest runs that are running. */
export class ExperimentsModel extends Follower {
  constructor(api: Api, events: StudioEvents) {
    super(api, events);
    this._runs = new RunsApi(api);
    this._live = new Pace(() => this.refresh(), LIVE_MS);
    void this.refresh();
  }

  items: readonly Experiment[] = [];
  running: readonly Run[] = [];
  loading = true;

  name(id: string): string {
    return this.items.find(each => each.id === id)?.name ?? id;
  }

  /** Whether somebody can see it: what is hidden is not kept up to date. */
  set visible(visible: boolean) {
    this._visible = visible;
    if (visible && this._missed) {
      this._missed = false;
      this._live.ask();
    }
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      try {
        const [experiments, running] = await Promise.all([
          this._runs.experiments(),
          this._runs.runs(
            { filter: "attributes.status = 'RUNNING'", lifecycle: 'active' },
            { column: ['attributes.run_name'] },
            0,
            RUNNING
          )
        ]);
        this.items = experiments.items;
        this.running = running.items;
      } finally {
        this.loading = false;
      }
    });
  }

  /** Mark an experiment as one's favourite, or not. */
  async favour(id: string, favourite: boolean): Promise<void> {
    this.items = this.items.map(each => (each.id === id ? { ...each, favourite } : each));
    this.emit();
    await this.read(async () => {
      await this._runs.favour(id, favourite);
    });
    await this.refresh();
  }

  override dispose(): void {
    this._live.dispose();
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'runs') {
      this.onPulse();
    }
  }

  protected override onPulse(): void {
    if (this._visible) {
      this._live.ask();
    } else {
      this._missed = true;
    }
  }

  private _runs: RunsApi;
  private _live: Pace;
  private _visible = true;
  private _missed = false;
}

export interface ISavedView extends View {
  state: ITableState;
  /** Nobody else may change it. */
  mine: boolean;
}

/** Saved views of run tables: one's own, and those that others share. */
export class ViewsModel extends Follower {
  constructor(
    api: Api,
    events: StudioEvents,
    private _user: () => string
  ) {
    super(api, events);
    this._runs = new RunsApi(api);
    void this.refresh();
  }

  items: readonly ISavedView[] = [];

  find(id: string | null): ISavedView | undefined {
    return this.items.find(each => each.id === id);
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      const { items } = await this._runs.views();
      this.items = items.map(view => ({
        ...view,
        state: readState(view.content),
        mine: view.user === this._user()
      }));
    });
  }

  async create(name: string, content: ITableState): Promise<View> {
    const view = await this._runs.createView(name, content);
    await this.refresh();
    return view;
  }

  async update(
    id: string,
    change: { name?: string; shared?: boolean; content?: ITableState }
  ): Promise<void> {
    await this._runs.updateView(id, change);
    await this.refresh();
  }

  async remove(id: string): Promise<void> {
    await this._runs.deleteView(id);
    await this.refresh();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'views') {
      void this.refresh();
    }
  }

  private _runs: RunsApi;
}
