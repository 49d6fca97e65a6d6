import type { EditRuns, Run } from '../../api/types';
import type { TableModel } from './model';
import { NO_PARTS } from './results';
import { Selection } from './selection';

export type Edit = Partial<Omit<EditRuns, 'ids'>>;

/** What was done last, and the way back. */
export interface IDone {
  sentence: string;
  back: readonly { ids: readonly string[]; edit: Edit }[];
}

const AT_ONCE = 1000;

/** A run as it is after an edit. Pure. */
export function edited(run: Run, edit: Edit): Run {
  const tags = { ...run.tags };
  for (const [key, value] of Object.entries(edit.tags ?? {})) {
    if (value === null) {
      delete tags[key];
    } else {
      tags[key] = value;
    }
  }
  return {
    ...run,
    tags: edit.tags ? tags : run.tags,
    favourite: edit.favourite ?? run.favourite,
    archived: edit.archived ?? run.archived,
    lifecycle: edit.deleted === true ? 'deleted' : edit.deleted === false ? 'active' : run.lifecycle
  };
}

/** The edits that give each run the tags that it had. Pure. */
export function tagsBack(
  runs: readonly Pick<Run, 'id' | 'tags'>[],
  keys: readonly string[]
): { ids: string[]; edit: Edit }[] {
  const ways = new Map<string, { ids: string[]; edit: Edit }>();
  for (const run of runs) {
    const tags = Object.fromEntries(keys.map(key => [key, run.tags[key] ?? null]));
    const way = ways.get(JSON.stringify(tags)) ?? { ids: [], edit: { tags } };
    way.ids.push(run.id);
    ways.set(JSON.stringify(tags), way);
  }
  return [...ways.values()];
}

/** The edit that undoes another, but for tags. Pure. */
export function opposite(edit: Edit): Edit {
  const not = (value: boolean | null | undefined) =>
    typeof value === 'boolean' ? !value : undefined;
  return {
    favourite: not(edit.favourite),
    archived: not(edit.archived),
    deleted: not(edit.deleted)
  };
}

/** What is done to the runs of a table: shown at once, and undone. */
export class Edits {
  constructor(private _model: TableModel) {}

  /** What was done last, as long as it can be undone. */
  done: IDone | null = null;
  /** Of many runs that are being edited, how many were. */
  progress: { done: number; total: number } | null = null;

  /** The ids of what is selected, also of what was never looked at. */
  async selected(): Promise<readonly string[]> {
    const { all, ids } = this._model.selection;
    if (!all) {
      return [...ids];
    }
    const found: string[] = [];
    const { signal } = new AbortController();
    const { runs, query } = this._model;
    for await (const page of runs.every(query, { column: NO_PARTS }, signal)) {
      found.push(...page.items.map(run => run.id).filter(id => !ids.has(id)));
    }
    return found;
  }

  /** Edit any number of runs. */
  async edit(
    ids: readonly string[],
    edit: Edit,
    done: (changed: readonly string[]) => IDone | null
  ): Promise<void> {
    const wanted = new Set(ids);
    this._patch(run => (wanted.has(run.id) ? edited(run, edit) : run));
    const changed: string[] = [];
    try {
      let left = [...ids];
      while (left.length > 0) {
        this.progress =
          ids.length > AT_ONCE ? { done: ids.length - left.length, total: ids.length } : null;
        this._model.touch();
        const answer = await this._model.runs.edit(left.slice(0, AT_ONCE), edit);
        changed.push(...answer.changed);
        left = [...answer.left, ...left.slice(AT_ONCE)];
      }
    } finally {
      this.progress = null;
      this.done = done(changed) ?? this.done;
      if (typeof (edit.archived ?? edit.deleted) === 'boolean') {
        // They are out of sight now.
        this._model.selection = Selection.none;
      }
      await this._model.refresh();
    }
  }

  async annotate(id: string, note: string): Promise<void> {
    this._patch(run => (run.id === id ? { ...run, note } : run));
    try {
      await this._model.runs.update(id, { note });
    } finally {
      await this._model.refresh();
    }
  }

  /** Take back what was done last. */
  async undo(): Promise<void> {
    const { done } = this;
    this.done = null;
    for (const { ids, edit } of done?.back ?? []) {
      await this.edit(ids, edit, () => null);
    }
  }

  private _patch(change: (run: Run) => Run): void {
    this._model.results?.patch(change);
    this._model.touch();
  }
}
