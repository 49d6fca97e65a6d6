import type { Api } from '../../../api/client';
import { ApiError } from '../../../api/client';
import type { StudioEvents } from '../../../api/events';
import { RegistryFollower } from '../model';
import type { Approval, ModelDetail, ModelEvent, VersionDetail } from '../types';

export const TABS = ['version', 'versions', 'approvals', 'history', 'webhooks'] as const;
export type Tab = (typeof TABS)[number];

/** One registered model, and the version of it that is looked at. */
export class OneModel extends RegistryFollower {
  constructor(
    api: Api,
    events: StudioEvents,
    readonly name: string,
    chosen: number | null
  ) {
    super(api, events);
    this._chosen = chosen;
    void this.refresh();
  }

  get detail(): ModelDetail | null {
    return this._detail;
  }

  /** Whether it was deleted while it was looked at. */
  get deleted(): boolean {
    return this._deleted;
  }

  /** The version that was chosen; null for the newest, whichever that is. */
  get chosen(): number | null {
    return this._chosen;
  }

  set chosen(version: number | null) {
    this._chosen = version;
    this.emit();
    void this._readVersion();
  }

  /** The number of the version that is looked at; null when there is none. */
  get number(): number | null {
    const { versions = [] } = this._detail ?? {};
    const known = versions.some(each => each.version === this._chosen);
    return known ? this._chosen : (versions[0]?.version ?? null);
  }

  /** All that is known of the version that is looked at, once that is read. */
  get version(): VersionDetail | null {
    return this._version?.version === this.number ? this._version : null;
  }

  /** Why it could not be read. */
  get versionError(): string | null {
    return this._versionError;
  }

  get approvals(): readonly Approval[] {
    return this._approvals;
  }

  get history(): readonly ModelEvent[] {
    return this._history;
  }

  get tab(): Tab {
    return this._tab;
  }

  set tab(tab: Tab) {
    this._tab = tab;
    this.emit();
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      try {
        this._detail = await this.registry.get(this.name);
      } catch (reason) {
        this._deleted = this._detail !== null && ApiError.from(reason).status === 404;
        throw reason;
      }
      const [approvals, history] = await Promise.all([
        this.registry.approvals(this.name),
        this.registry.changes({ model: this.name, limit: 200 })
      ]);
      this._approvals = approvals.items;
      this._history = history.items;
    });
    if (!this._deleted) {
      await this._readVersion();
    }
  }

  /** Do something to the model and read it again; the sentence of what went wrong, if it did. */
  async act(action: () => Promise<unknown>): Promise<string | null> {
    try {
      await action();
    } catch (reason) {
      return ApiError.from(reason).message;
    }
    await this.refresh();
    return null;
  }

  protected override concerns(name: string): boolean {
    return name === '*' || name === this.name || name.startsWith(`${this.name}/`);
  }

  private async _readVersion(): Promise<void> {
    const number = this.number;
    if (number === null) {
      return;
    }
    try {
      const version = await this.registry.version(this.name, number);
      if (number === this.number) {
        this._version = version;
        this._versionError = null;
      }
    } catch (reason) {
      this._versionError = ApiError.from(reason).message;
    }
    this.emit();
  }

  private _detail: ModelDetail | null = null;
  private _version: VersionDetail | null = null;
  private _versionError: string | null = null;
  private _approvals: readonly Approval[] = [];
  private _history: readonly ModelEvent[] = [];
  private _chosen: number | null;
  private _tab: Tab = 'version';
  private _deleted = false;
}
