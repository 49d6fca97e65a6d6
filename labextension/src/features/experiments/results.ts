import type { Run, RunGroup, RunPage } from '../../api/types';
import type { IRunParts, IRunQuery, RunsApi } from './api';
import { both } from './filter';
import { Layout } from './layout';
import { Pages } from './pages';

/** The head of a group of runs. */
export interface IHead {
  group: RunGroup;
  open: boolean;
}

interface ISection {
  head: IHead | null;
  pages: Pages<Run>;
}

/** What is asked of runs that are only counted or named. */
export const NO_PARTS: readonly string[] = ['attributes.run_id'];

export interface IResultsOptions {
  api: RunsApi;
  query: IRunQuery;
  group: string;
  /** Metrics whose extremes a group's head shows. */
  metrics: () => readonly string[];
  /** The part of runs that is shown just now. */
  parts: () => IRunParts;
  /** Groups that are open, by their value. */
  open: ReadonlySet<string>;
  landed: () => void;
  failed: (reason: unknown) => void;
}

/** The runs that one question finds, in groups or not, as far as they were looked at. */
export class Results {
  constructor(private _options: IResultsOptions) {
    this._sections = _options.group ? [] : [this._section(null)];
  }

  layout = new Layout([]);
  /** Runs in all, those of closed groups too. */
  total = 0;
  /** The runs with the highest and the lowest value of each metric, among all that were found. */
  best: NonNullable<RunPage['best']> = {};

  get query(): IRunQuery {
    return this._options.query;
  }

  get isGrouped(): boolean {
    return this._options.group !== '';
  }

  get loading(): boolean {
    return this._sections.some(section => section.pages.loading);
  }

  /** Ask for the first time. */
  async begin(signal: AbortSignal): Promise<void> {
    if (this.isGrouped) {
      await this._heads(signal);
    } else {
      const [{ pages }] = this._sections;
      const { api, query, parts } = this._options;
      const page = await api.runs(query, parts(), 0, pages.size, signal);
      pages.begin(page);
    }
    this._arrange();
  }

  /** A run, a group's head, or nothing while it is on its way. */
  row(index: number): Run | IHead | undefined {
    const place = this.layout.at(index);
    if (!place) {
      return undefined;
    }
    const section = this._sections[place.section];
    return place.row < 0 ? (section.head ?? undefined) : section.pages.get(place.row);
  }

  /** The run of a row, if it is one and is here. */
  run(index: number): Run | undefined {
    const row = this.row(index);
    return row && 'id' in row ? row : undefined;
  }

  /** Where a run stands near a row, as it may have moved there; -1 when it is not seen there. */
  find(id: string, near: number, reach = 200): number {
    for (let step = 0; step <= reach; step++) {
      for (const index of step ? [near - step, near + step] : [near]) {
        if (this.run(index)?.id === id) {
          return index;
        }
      }
    }
    return -1;
  }

  /** Runs that are here. */
  *loaded(): Iterable<Run> {
    for (const section of this._sections) {
      yield* section.pages.loaded();
    }
  }

  /** Fetch what is missing of the rows in view. */
  async want(first: number, last: number): Promise<void> {
    this._view = [first, last];
    await Promise.all(
      this._sections.map(({ head, pages }, at) => {
        const [from, to] = this.layout.within(at, first, last);
        // However few there are, one is asked for: by that it is learned that there are more.
        const least = head ? to : Math.max(1, to);
        return pages.want(Math.min(from, Math.max(0, least - 1)), least);
      })
    );
  }

  /** Fetch again what is in view; what is out of sight, once it is looked at. */
  async refresh(signal: AbortSignal): Promise<void> {
    if (this.isGrouped) {
      await this._heads(signal);
      this._arrange();
    }
    this._sections.forEach(section => section.pages.expire());
    await this.want(...this._view);
  }

  /** Open or close a group. */
  setOpen(index: number, open: boolean): void {
    const place = this.layout.at(index);
    const section = place && this._sections[place.section];
    if (section?.head && section.head.open !== open && (!open || canOpen(section.head.group))) {
      section.head = { ...section.head, open };
      section.pages.total ||= section.head.group.count;
      this._arrange();
    }
  }

  /** The ids of the runs of a stretch of rows, also of those that are not here yet. */
  async ids(first: number, last: number, signal: AbortSignal): Promise<string[]> {
    const found: string[] = [];
    for (let at = 0; at < this._sections.length; at++) {
      const [from, to] = this.layout.within(at, first, last);
      const runs = to > from ? await this._sections[at].pages.range(from, to, signal) : [];
      found.push(...runs.map(run => run.id));
    }
    return found;
  }

  /** Ask which runs are best by these metrics. */
  async rank(metrics: readonly string[], signal: AbortSignal): Promise<void> {
    const { api, query } = this._options;
    const parts = { best: metrics, column: NO_PARTS };
    const { best = {} } = metrics.length ? await api.runs(query, parts, 0, 1, signal) : {};
    if (JSON.stringify(best) !== JSON.stringify(this.best)) {
      this.best = best;
    }
  }

  patch(change: (run: Run) => Run): void {
    this._sections.forEach(section => section.pages.patch(change));
  }

  dispose(): void {
    this._sections.forEach(section => section.pages.dispose());
  }

  /** Ask for the groups, and keep the runs of those that were there before. */
  private async _heads(signal: AbortSignal): Promise<void> {
    const { api, query, group, metrics, open } = this._options;
    const answer = await api.groups(group, query, metrics(), signal);
    const old = new Map(this._sections.map(each => [String(each.head?.group.value), each]));
    this._sections = answer.items.map(item => {
      const known = old.get(String(item.value));
      const section = known ?? this._section(item);
      const before = known?.head;
      const changed = JSON.stringify(before?.group) !== JSON.stringify(item);
      section.head =
        before && !changed
          ? before
          : { group: item, open: before?.open ?? open.has(String(item.value)) };
      section.pages.total = item.count;
      return section;
    });
  }

  private _section(group: RunGroup | null): ISection {
    const { api, query, parts, landed, failed } = this._options;
    const own = group ? within(query, group) : query;
    const pages = new Pages<Run>((at, limit, signal) => api.runs(own, parts(), at, limit, signal), {
      landed: () => {
        this._arrange();
        landed();
      },
      failed
    });
    return { head: group && { group, open: false }, pages };
  }

  private _arrange(): void {
    this.layout = new Layout(
      this._sections.map(({ head, pages }) => ({
        head: head !== null,
        rows: head && !head.open ? 0 : pages.total
      }))
    );
    this.total = this._sections.reduce(
      (sum, { head, pages }) => sum + (head ? head.group.count : pages.total),
      0
    );
  }

  private _sections: ISection[];
  private _view: [number, number] = [0, 0];
}

/** The question for the runs of one group. */
function within(query: IRunQuery, group: RunGroup): IRunQuery {
  return group.experiment
    ? { ...query, experiment: [group.experiment] }
    : { ...query, filter: both(query.filter, group.filter) };
}

/** Whether a group's runs can be asked for. */
export function canOpen(group: RunGroup): boolean {
  return group.filter !== null || !!group.experiment;
}
