import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Api } from '../../../api/client';
import { ApiError } from '../../../api/client';
import type { Compute, Job, Schedule, SchedulePreview, SourceInfo } from '../../../api/types';
import type { IDraft, Issues } from './draft';
import { countJobs, fieldFor, toRequest, toRerun, withSource } from './draft';

const DEBOUNCE_MS = 300;

export type Made = { jobs: Job[] } | { schedule: Schedule };

/** A form being filled in. What was typed outlives errors and reloads. */
export class FormModel implements IDisposable {
  constructor(
    private _api: Api,
    private _trans: TranslationBundle,
    /** Where the draft is kept until it is sent. */
    readonly key: string,
    draft: IDraft
  ) {
    this._draft = draft;
    void this._loadComputes();
    if (this._draft.path) {
      void this.inspect();
    }
    if (this._draft.scheduled) {
      void this._preview();
    }
  }

  static stored(key: string): IDraft | null {
    const text = window.sessionStorage.getItem(key);
    try {
      return text ? (JSON.parse(text) as IDraft) : null;
    } catch {
      return null;
    }
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get draft(): IDraft {
    return this._draft;
  }

  get source(): SourceInfo | null {
    return this._source;
  }

  get computes(): readonly Compute[] {
    return this._computes;
  }

  /** The compute that it runs on as the form stands: chosen, the kernel's, or this machine. */
  get compute(): string {
    return this._draft.compute || this._source?.compute || 'local';
  }

  /** What is known of that compute. */
  get place(): Compute | undefined {
    return this._computes.find(each => each.name === this.compute);
  }

  get preview(): SchedulePreview | null {
    return this._previewed;
  }

  /** The sentence under a field, if something is wrong with it. */
  error(field: string): string | null {
    return this._errors[field] ?? null;
  }

  /** What is wrong with no field in particular. */
  get problem(): string | null {
    return this._problem;
  }

  get sending(): boolean {
    return this._sending;
  }

  get count(): number {
    return countJobs(this._draft);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Change the draft; the fields named lose their errors. */
  set(change: Partial<IDraft>, ...fields: string[]): void {
    const old = this._draft;
    this._draft = { ...old, ...change };
    for (const field of [...Object.keys(change), ...fields]) {
      delete this._errors[field];
    }
    this._problem = null;
    try {
      window.sessionStorage.setItem(this.key, JSON.stringify(this._draft));
    } catch {
      // The browser's storage is full or forbidden: the draft then lives as long as its tab.
    }
    if (this._draft.path !== old.path) {
      this._later('inspect', () => this.inspect());
    }
    const { cron, timezone, scheduled } = this._draft;
    if (scheduled && (cron !== old.cron || timezone !== old.timezone || !old.scheduled)) {
      this._later('preview', () => this._preview());
    }
    this._changed.emit();
  }

  /** Ask what the source offers. */
  async inspect(): Promise<void> {
    const path = this._draft.path.trim();
    if (!path) {
      this._source = null;
      this._changed.emit();
      return;
    }
    try {
      const source = await this._api.source(path);
      if (path === this._draft.path.trim()) {
        this._source = source;
        this._draft = withSource(this._draft, source);
        delete this._errors.path;
      }
    } catch (reason) {
      if (path === this._draft.path.trim() && !this._draft.rerunOf) {
        this._source = null;
        this._errors.path = ApiError.from(reason).message;
      }
    }
    this._emit();
  }

  /** Send it. Null when something is wrong: the fields then say what. */
  async send(): Promise<Made | null> {
    const result = toRequest(this._draft);
    this._errors = {};
    this._problem = null;
    if ('issues' in result) {
      this._explain(result.issues);
      this._emit();
      return null;
    }
    this._sending = true;
    this._emit();
    try {
      const made = await this._send(result.request);
      window.sessionStorage.removeItem(this.key);
      return made;
    } catch (reason) {
      const error = ApiError.from(reason);
      if (error.field) {
        this._errors[fieldFor(error.field)] = error.message;
      }
      this._problem = error.message;
      return null;
    } finally {
      this._sending = false;
      this._emit();
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Object.values(this._timers).forEach(timer => window.clearTimeout(timer));
      Signal.clearData(this);
    }
  }

  private async _send(request: { job: object; grid: Record<string, unknown[]> }): Promise<Made> {
    const { draft, _api } = { draft: this._draft, _api: this._api };
    const { job, grid } = request as Parameters<typeof toRerun>[0];
    if (draft.scheduled) {
      const { cron, timezone, missed, overlap } = draft;
      const common = { name: draft.name.trim() || null, cron, timezone, missed, overlap, job };
      const schedule = draft.scheduleId
        ? await _api.updateSchedule(draft.scheduleId, common)
        : await _api.createSchedule(common);
      return { schedule };
    }
    if (draft.rerunOf) {
      const changes = toRerun(request as Parameters<typeof toRerun>[0], draft);
      return { jobs: [await _api.rerunJob(draft.rerunOf, changes)] };
    }
    if (Object.keys(grid).length > 0) {
      return { jobs: (await _api.createSweep({ job, grid })).items };
    }
    return { jobs: [await _api.createJob(job)] };
  }

  private _explain(issues: Issues): void {
    const trans = this._trans;
    const words: Record<Issues[string], string> = {
      integer: trans.__('A whole number is wanted, such as 3.'),
      number: trans.__('A number is wanted, such as 0.5.'),
      boolean: trans.__('True or False is wanted.'),
      list: trans.__('A JSON list is wanted, such as [1, 2].'),
      dict: trans.__('A JSON object is wanted, such as {"a": 1}.'),
      json: trans.__('This is not JSON.'),
      empty: trans.__('At least one value is wanted; separate several with commas.'),
      duration: trans.__('A span of time is wanted, such as 90, 15m or 2h.'),
      name: trans.__(
        'A name has letters, digits and underscores, and does not begin with a digit.'
      ),
      required: trans.__('Choose a notebook or script.'),
      size: trans.__('A size with its unit is wanted, such as 4GB.'),
      pairs: trans.__('Each line is NAME=value.')
    };
    for (const [field, issue] of Object.entries(issues)) {
      this._errors[field] = words[issue];
    }
  }

  private async _preview(): Promise<void> {
    const { cron, timezone } = this._draft;
    try {
      const preview = await this._api.previewSchedule(cron, timezone);
      if (cron === this._draft.cron && timezone === this._draft.timezone) {
        this._previewed = preview;
        delete this._errors.cron;
        delete this._errors.timezone;
      }
    } catch (reason) {
      const error = ApiError.from(reason);
      this._previewed = null;
      this._errors[error.field === 'timezone' ? 'timezone' : 'cron'] = error.message;
    }
    this._emit();
  }

  private async _loadComputes(): Promise<void> {
    try {
      this._computes = (await this._api.computes()).items;
    } catch {
      // The list is a convenience: without it the name in the draft is what is sent.
    }
    this._emit();
  }

  private _later(name: string, action: () => Promise<void>): void {
    window.clearTimeout(this._timers[name]);
    this._timers[name] = window.setTimeout(() => void action(), DEBOUNCE_MS);
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _draft: IDraft;
  private _source: SourceInfo | null = null;
  private _computes: readonly Compute[] = [];
  private _previewed: SchedulePreview | null = null;
  private _errors: Record<string, string> = {};
  private _problem: string | null = null;
  private _sending = false;
  private _timers: Record<string, number> = {};
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}

/** The reader's own time zone. */
export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}
