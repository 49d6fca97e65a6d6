import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { ICodeCellModel } from '@jupyterlab/cells';
import type { ICell, INotebookContent } from '@jupyterlab/nbformat';
import { NotebookModel, StaticNotebook } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import { createElement } from 'react';

import { ApiError } from '../../../api/client';
import type { IServices } from '../../../components/context';
import { ComponentWidget } from '../../../components/context';
import { duration, secondsBetween } from '../../../format';
import type { JobModel } from './model';
import { NotebookNote } from './note';

const HOLD_MS = 2_500;
const MANY = 200;

export interface INotebookTools {
  rendermime: IRenderMimeRegistry;
  editorServices: IEditorServices;
}

/**
 * The output notebook, read-only, refreshed as cells end.
 *
 * Outputs come from code that ran elsewhere, so they are drawn as untrusted ones are: no script in
 * them runs here.
 */
export class NotebookTab extends Panel {
  constructor(
    private _services: IServices,
    tools: INotebookTools,
    private _model: JobModel
  ) {
    super();
    this.addClass('lst-NotebookTab');
    const { factoryService, mimeTypeService } = tools.editorServices;
    this._notebook = new StaticNotebook({
      rendermime: tools.rendermime.clone(),
      contentFactory: new StaticNotebook.ContentFactory({
        editorFactory: options => factoryService.newInlineEditor(options)
      }),
      mimeTypeService,
      notebookConfig: {
        ...StaticNotebook.defaultNotebookConfig,
        windowingMode: 'none',
        scrollPastEnd: false
      }
    });
    this._content = new NotebookModel({});
    this._content.readOnly = true;
    this._notebook.model = this._content;
    this._notebook.addClass('lst-Notebook');
    this.addWidget(
      new ComponentWidget(_services, () =>
        createElement(NotebookNote, {
          model: _model,
          problem: this._problem,
          onReveal: () => this._reveal()
        })
      )
    );
    this.addWidget(this._notebook);
    _model.changed.connect(this._onChanged, this);
    this._clock = window.setInterval(() => {
      if (this.isVisible && _model.active) {
        this._mark();
      }
    }, 1000);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      window.clearInterval(this._clock);
      this._model.changed.disconnect(this._onChanged, this);
      super.dispose();
      this._content.dispose();
    }
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    void this._load();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    if (this.isVisible) {
      void this._load();
    }
  }

  private _onChanged(): void {
    if (this._model.number !== this._attempt) {
      this._revealed = false;
    }
    if (this.isVisible) {
      void this._load();
    }
  }

  /** Read the notebook and draw what differs from what is there; one read at a time. */
  private async _load(): Promise<void> {
    if (this._loading) {
      this._again = true;
      return;
    }
    if (this._model.number === 0) {
      this._tell(this._services.trans.__('The notebook appears here once the job has started.'));
      return;
    }
    this._loading = true;
    this._attempt = this._model.number;
    try {
      const content = (await this._services.api.notebook(
        this._model.id,
        this._attempt
      )) as INotebookContent;
      content.cells.forEach(joinLines);
      if (!this.isDisposed) {
        this._tell(null);
        this._draw(content);
      }
    } catch (reason) {
      const error = ApiError.from(reason);
      if (!this._drawn.length || !this._model.active) {
        this._tell(error.message);
      }
    }
    this._loading = false;
    if (this._again && !this.isDisposed) {
      this._again = false;
      await this._load();
    }
  }

  private _tell(problem: string | null): void {
    if (this._problem !== problem && !this.isDisposed) {
      this._problem = problem;
      this.widgets[0].update();
    }
  }

  private _draw(content: INotebookContent): void {
    const shape = content.cells.map(cell => `${cell.cell_type}\n${String(cell.source)}`);
    const outputs = content.cells.map(cell => JSON.stringify([cell.outputs, cell.execution_count]));
    const same =
      shape.length === this._drawn.length && shape.every((text, at) => text === this._drawn[at]);
    if (!same) {
      const top = this._notebook.outerNode.scrollTop;
      for (const cell of content.cells) {
        cell.metadata = { ...cell.metadata, editable: false, deletable: false, trusted: false };
      }
      // All at once, so that the failing cell can be gone to; long ones are attached bit by bit.
      const windowingMode = content.cells.length > MANY ? 'defer' : 'none';
      if (this._notebook.notebookConfig.windowingMode !== windowingMode) {
        this._notebook.notebookConfig = { ...this._notebook.notebookConfig, windowingMode };
      }
      this._content.fromJSON(content);
      this._notebook.outerNode.scrollTop = top;
    } else {
      outputs.forEach((text, at) => {
        if (text !== this._outputs[at] && content.cells[at].cell_type === 'code') {
          const cell = this._content.cells.get(at) as ICodeCellModel;
          cell.outputs.fromJSON((content.cells[at].outputs ?? []) as never);
          cell.executionCount = (content.cells[at].execution_count ?? null) as number | null;
        }
      });
    }
    this._drawn = shape;
    this._outputs = outputs;
    this._notebook.widgets.forEach(cell => {
      cell.readOnly = true;
    });
    this._mark();
    if (!this._revealed && this._model.attempt?.error?.cell !== undefined) {
      this._revealed = true;
      this._reveal();
    }
  }

  /** Put each cell's time and state on it. */
  private _mark(): void {
    const times = new Map((this._model.attempt?.cells ?? []).map(cell => [cell.index, cell]));
    const failing = this._model.attempt?.error?.cell;
    this._notebook.widgets.forEach((cell, index) => {
      const time = times.get(index);
      const running = time?.state === 'running' && this._model.active;
      const seconds = running ? secondsBetween(time.started_at, null) : (time?.seconds ?? null);
      // papermill marks an error in cells of its own; the note above the notebook says it better.
      const tags = cell.model.getMetadata('tags') as unknown;
      cell.node.classList.toggle(
        'lst-mod-repeated',
        Array.isArray(tags) && tags.includes('papermill-error-cell-tag')
      );
      cell.node.dataset.lstState =
        index === failing ? 'failed' : running ? 'running' : (time?.state ?? '');
      cell.node.dataset.lstTime = duration(
        running && seconds !== null ? Math.floor(seconds) : seconds
      );
    });
  }

  /** Bring the failing cell to the top. Cells are attached and grow late: hold it for a while. */
  private _reveal(): void {
    const failing = this._model.attempt?.error?.cell;
    if (failing === null || failing === undefined) {
      return;
    }
    const box = this._notebook.outerNode;
    const until = Date.now() + HOLD_MS;
    const hold = () => {
      const cell = this._notebook.widgets[failing];
      if (cell?.node.isConnected && this.isVisible) {
        const shift = cell.node.getBoundingClientRect().top - box.getBoundingClientRect().top - 8;
        if (Math.abs(shift) > 2) {
          box.scrollTop += shift;
        }
      }
      if (Date.now() > until || this.isDisposed) {
        release();
      }
    };
    const timer = window.setInterval(hold, 100);
    // Whoever reads on is not pulled back.
    const signs = ['wheel', 'pointerdown', 'keydown'] as const;
    const release = () => {
      window.clearInterval(timer);
      signs.forEach(sign => this.node.removeEventListener(sign, release, true));
    };
    signs.forEach(sign => this.node.addEventListener(sign, release, true));
    hold();
  }

  private _notebook: StaticNotebook;
  private _content: NotebookModel;
  private _drawn: string[] = [];
  private _outputs: string[] = [];
  private _attempt = -1;
  private _revealed = false;
  private _loading = false;
  private _again = false;
  private _problem: string | null = null;
  private _clock = 0;
}

/** Files hold texts as lists of lines; the models want them whole. */
function joinLines(cell: ICell): void {
  const whole = (text: unknown) => (Array.isArray(text) ? text.join('') : text);
  cell.source = whole(cell.source) as string;
  for (const output of (cell.outputs ?? []) as Record<string, unknown>[]) {
    if ('text' in output) {
      output.text = whole(output.text);
    }
    for (const [type, value] of Object.entries(output.data ?? {})) {
      if (!/[/+]json$/.test(type)) {
        (output.data as Record<string, unknown>)[type] = whole(value);
      }
    }
  }
}
