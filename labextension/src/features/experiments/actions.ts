import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { ApiError } from '../../api/client';
import type { Run } from '../../api/types';
import type { IServices } from '../../components/context';
import { CommandIDs } from '../../tokens';
import { NAME, NOTE, TAGS } from './columns';
import { csvLine } from './csv';
import type { Edit } from './edits';
import { Edits, opposite, tagsBack } from './edits';
import { quoteValue } from './filter';
import type { ExperimentsModel } from './lists';
import type { TableModel } from './model';
import { cellValue, columnWord } from './words';

const FEW = 200;

export type Open = 'columns' | 'help' | 'tags' | null;
export interface IPlaceOnPage {
  left: number;
  top: number;
  bottom: number;
}

/** What can be done in a run table, for its buttons, its keys, its menus and the palette. */
export class TableActions {
  constructor(
    private _services: IServices,
    readonly model: TableModel,
    readonly experiments: ExperimentsModel
  ) {
    this.edits = new Edits(model);
  }

  readonly edits: Edits;

  /** Emitted when a small panel or an editor opened or closed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The small panel that is open, and where. */
  open: Open = null;
  at: IPlaceOnPage = { left: 0, top: 0, bottom: 0 };
  /** The run whose note is being written. */
  writing: string | null = null;
  /** Runs that were written to a file so far, of how many. */
  exporting: { done: number; total: number } | null = null;
  /** Asked for by a key: the view moves the focus there. */
  focusFilter: () => void = () => undefined;

  show(open: Open, element?: Element | null): void {
    this.open = this.open === open ? null : open;
    if (element) {
      const { left, top, bottom } = element.getBoundingClientRect();
      this.at = { left, top, bottom };
    }
    this._changed.emit();
  }

  close = (): void => {
    this.open = null;
    this._changed.emit();
  };

  /** The run where the keyboard is. */
  get current(): Run | undefined {
    return this.model.results?.run(this.model.focus.row);
  }

  /** How many runs an action is about: those selected, else the one where the keyboard is. */
  get count(): number {
    return this.model.selected || Number(this.current !== undefined);
  }

  async targets(): Promise<readonly string[]> {
    return this.model.selected > 0 ? this.edits.selected() : this.current ? [this.current.id] : [];
  }

  openRun(run: Run | undefined = this.current): void {
    if (run) {
      void this._services.commands.execute(CommandIDs.openRun, { run: run.id });
    }
  }

  compare = () => this._with(ids => this._execute(CommandIDs.compareRuns, { runs: [...ids] }));
  register = () => this._execute(CommandIDs.registerModel, { run: this.current?.id });
  reproduce = () => this._execute(CommandIDs.reproduceRun, { run: this.current?.id });

  favourite = (run?: Run) => {
    const favourite = !(run ?? this._first())?.favourite;
    return this._edit(run ? [run.id] : null, { favourite }, count =>
      favourite
        ? this._trans._n('One run is a favourite.', '%1 runs are favourites.', count)
        : this._trans._n('One run is no favourite any more.', '%1 runs are none any more.', count)
    );
  };

  archive = () => {
    const archived = this.model.state.lifecycle !== 'archived';
    return this._edit(null, { archived }, count =>
      archived
        ? this._trans._n('Archived one run.', 'Archived %1 runs.', count)
        : this._trans._n('One run is back from the archive.', '%1 runs are back.', count)
    );
  };

  remove = () => {
    const deleted = this.model.state.lifecycle !== 'deleted';
    return this._edit(null, { deleted }, count =>
      deleted
        ? this._trans._n('Deleted one run.', 'Deleted %1 runs.', count)
        : this._trans._n('Restored one run.', 'Restored %1 runs.', count)
    );
  };

  undo = () => this._attempt(() => this.edits.undo());

  /** What was done is well: it is spoken of no more. */
  forget = (): void => {
    this.edits.done = null;
    this._changed.emit();
  };

  /** Set tags, or take them away with null, of the runs that are meant. */
  async tag(tags: Record<string, string | null>): Promise<void> {
    await this._with(async ids => {
      const wanted = new Set(ids);
      const before = await this._tagsOf(wanted, Object.keys(tags));
      await this.edits.edit(ids, { tags }, changed => {
        const done = new Set(changed);
        const back = tagsBack(
          before.filter(run => done.has(run.id)),
          Object.keys(tags)
        );
        const sentence = this._trans._n('Tagged one run.', 'Tagged %1 runs.', changed.length);
        return changed.length ? { sentence, back } : null;
      });
    });
  }

  write(run: Run | undefined = this.current): void {
    if (run && !this.model.columns.some(column => column.key === NOTE)) {
      this.model.change({ columns: [...this.model.columns, { key: NOTE }] });
    }
    const column = this.model.columns.findIndex(each => each.key === NOTE);
    if (run) {
      this.model.focus = { ...this.model.focus, column };
    }
    this.writing = run?.id ?? null;
    this._changed.emit();
  }

  /** Take the note that was written; null leaves it as it was. */
  async wrote(note: string | null): Promise<void> {
    const id = this.writing;
    this.writing = null;
    this._changed.emit();
    if (id !== null && note !== null) {
      await this._attempt(() => this.edits.annotate(id, note));
    }
  }

  /** Edit the cell where the keyboard is, if it is one that is written by hand. */
  editCell(element: Element | null): void {
    const key = this.model.columns[this.model.focus.column]?.key;
    if (key === TAGS) {
      this.show('tags', element);
    } else if (this.current) {
      this.write();
    }
  }

  copyCell(): void {
    const key = this.model.columns[this.model.focus.column]?.key;
    if (this.current && key) {
      Clipboard.copyToSystem(cellValue(this.current, key, this._experiment));
    }
  }

  copyId = () => this._with(ids => Clipboard.copyToSystem(ids.join('\n')));

  /** Write every run that the filters let through, as the columns are, to a CSV file. */
  async exportCsv(): Promise<void> {
    if (this._export) {
      this._export.abort();
      return;
    }
    const { signal } = (this._export = new AbortController());
    const columns = this.model.columns.map(column => column.key);
    const { query, results, runs } = this.model;
    const parts: string[] = [
      csvLine([...columns.map(key => this._heading(key)), this._trans.__('Run ID')])
    ];
    try {
      this.exporting = { done: 0, total: results?.total ?? 0 };
      this._changed.emit();
      for await (const page of runs.every(query, { column: columns }, signal)) {
        for (const run of page.items) {
          parts.push(
            csvLine([...columns.map(key => cellValue(run, key, this._experiment)), run.id])
          );
        }
        this.exporting = { done: parts.length - 1, total: page.total };
        this._changed.emit();
      }
      save(new Blob(['\ufeff', ...parts], { type: 'text/csv' }), 'runs.csv');
    } catch (reason) {
      if (!signal.aborted) {
        Notification.error(ApiError.from(reason).message);
      }
    } finally {
      this._export = null;
      this.exporting = null;
      this._changed.emit();
    }
  }

  dispose(): void {
    this._export?.abort();
    Signal.clearData(this);
  }

  /** A metric and a parameter of one name must differ in a file. */
  private _heading(key: string): string {
    return key.startsWith('attributes.') || key === NAME ? columnWord(key, this._trans) : key;
  }

  private _first(): Run | undefined {
    if (this.model.selected > 0) {
      for (const run of this.model.results?.loaded() ?? []) {
        if (this.model.selection.has(run.id)) {
          return run;
        }
      }
    }
    return this.current;
  }

  private async _edit(
    ids: readonly string[] | null,
    edit: Edit,
    sentence: (count: number) => string
  ): Promise<void> {
    const act = (wanted: readonly string[]) =>
      this.edits.edit(wanted, edit, changed =>
        changed.length
          ? { sentence: sentence(changed.length), back: [{ ids: changed, edit: opposite(edit) }] }
          : null
      );
    await (ids ? this._attempt(() => act(ids)) : this._with(act));
  }

  /** What those runs have for these tags now. */
  private async _tagsOf(
    wanted: ReadonlySet<string>,
    keys: readonly string[]
  ): Promise<Pick<Run, 'id' | 'tags'>[]> {
    const found: Pick<Run, 'id' | 'tags'>[] = [];
    const parts = { column: keys.map(key => `tags.${key}`) };
    const { signal } = new AbortController();
    const named = [...wanted].map(quoteValue).join(', ');
    // Asking for them by name is quickest while they are few.
    const query =
      wanted.size > FEW
        ? this.model.query
        : {
            filter: `attributes.run_id IN (${named})`,
            lifecycle: this.model.state.lifecycle
          };
    for await (const page of this.model.runs.every(query, parts, signal)) {
      found.push(...page.items.filter(run => wanted.has(run.id)));
      if (found.length >= wanted.size) {
        break;
      }
    }
    return found;
  }

  private async _with(act: (ids: readonly string[]) => unknown): Promise<void> {
    await this._attempt(async () => {
      const ids = await this.targets();
      if (ids.length > 0) {
        await act(ids);
      }
    });
  }

  private async _execute(command: string, args: Record<string, unknown>): Promise<void> {
    await this._attempt(() => this._services.commands.execute(command, args as never));
  }

  private async _attempt(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (reason) {
      Notification.error(ApiError.from(reason).message);
    }
  }

  private _experiment = (id: string) => this.experiments.name(id);
  private get _trans() {
    return this._services.trans;
  }
  private _export: AbortController | null = null;
  private _changed = new Signal<this, void>(this);
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
