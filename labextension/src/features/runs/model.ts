import { Throttler } from '@lumino/polling';

import type { Api } from '../../api/client';
import { ApiError } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import { RunsApi } from './api';
import type { EditRun, EditRuns, Reproduction, RunDetail } from './types';

/** A run logs many times a second: it is read again at most this often. */
const CALM_MS = 1_000;

/** One run, as it stands now. */
export class RunModel extends Follower {
  constructor(
    api: Api,
    events: StudioEvents,
    readonly id: string
  ) {
    super(api, events);
    this.runs = new RunsApi(api);
    void this.refresh();
  }

  readonly runs: RunsApi;

  get run(): RunDetail | null {
    return this._run;
  }

  get running(): boolean {
    return this._run?.status === 'RUNNING' || this._run?.status === 'SCHEDULED';
  }

  /** Reports of its reproductions, the newest first. */
  get reproductions(): readonly Reproduction[] {
    return this._reproductions;
  }

  /** Whether it has reports of clarify. */
  get clarified(): boolean {
    return this._clarified;
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      const [run, reproductions, top] = await Promise.all([
        this.runs.run(this.id),
        this.runs.reproductions(this.id),
        this.runs.artifacts(this.id, '')
      ]);
      this._run = run;
      this._reproductions = reproductions.items;
      this._clarified = top.items.some(item => item.folder && item.name === 'clarify');
    });
  }

  /** Change its name, note or tags; says what is wrong with that, or null. */
  async edit(edit: EditRun): Promise<ApiError | null> {
    try {
      this._run = await this.runs.update(this.id, edit);
      this.emit();
      return null;
    } catch (reason) {
      return ApiError.from(reason);
    }
  }

  /** Mark, archive, delete or restore it; says what is wrong with that, or null. */
  async mark(change: Omit<EditRuns, 'ids'>): Promise<string | null> {
    try {
      await this.runs.edit({ ids: [this.id], ...change });
      await this.refresh();
      return null;
    } catch (reason) {
      return ApiError.from(reason).message;
    }
  }

  override dispose(): void {
    this._soon.dispose();
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    const own = change.topic === 'runs' && (change.id === this.id || change.id === '*');
    if (own || (change.topic === 'models' && this._run?.models.length)) {
      void this._soon.invoke();
    }
  }

  protected override onPulse(): void {
    if (this._run === null || this.running) {
      void this._soon.invoke();
    }
  }

  private _soon = new Throttler(() => this.refresh(), { limit: CALM_MS, edge: 'trailing' });
  private _run: RunDetail | null = null;
  private _reproductions: readonly Reproduction[] = [];
  private _clarified = false;
}
