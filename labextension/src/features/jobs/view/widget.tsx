import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import { Panel } from '@lumino/widgets';
import * as React from 'react';

import type { IServices } from '../../../components/context';
import { ComponentWidget } from '../../../components/context';
import { FilesTab } from './files';
import { Header } from './header';
import { LogTab } from './log';
import { MetricsTab } from './metrics';
import type { JobModel } from './model';
import type { INotebookTools } from './notebook';
import { NotebookTab } from './notebook';
import { OverviewTab } from './overview';

export { JobModel } from './model';

export const TABS = ['overview', 'log', 'notebook', 'metrics', 'files'] as const;
export type Tab = (typeof TABS)[number];

/** Everything about one job, live. It owns the model. */
export class JobView extends Panel {
  constructor(
    private _services: IServices,
    private _tools: INotebookTools,
    readonly model: JobModel,
    tab?: Tab
  ) {
    super();
    this.addClass('lst-JobView');
    this.node.tabIndex = -1;
    this._tab = tab ?? null;
    this._header = new ComponentWidget(_services, () => (
      <Header model={this.model} tab={this.tab} onTab={next => this.showTab(next as Tab)} />
    ));
    this.addWidget(this._header);
    this.model.changed.connect(this._arrange, this);
  }

  /** The tab that is shown: the one chosen, or what matters most as the job stands. */
  get tab(): Tab {
    if (this._tab) {
      return this._tab;
    }
    const job = this.model.job;
    if (!job || job.attempt === 0) {
      return 'overview';
    }
    const notebook = job.kind !== 'script';
    return notebook && (job.state === 'failed' || job.state === 'succeeded') ? 'notebook' : 'log';
  }

  /** Emitted when a tab was chosen, so that it is restored after a reload. */
  get tabChanged(): ISignal<this, Tab> {
    return this._tabChanged;
  }

  /** Choose a tab. */
  showTab(tab: Tab): void {
    this._tab = tab;
    this._arrange();
    this._tabChanged.emit(tab);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      this.model.dispose();
      Signal.clearData(this);
    }
  }

  protected override onActivateRequest(_msg: Message): void {
    this.node.focus();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._arrange();
  }

  private _arrange(): void {
    if (!this.model.job || this.isDisposed) {
      this._header.update();
      return;
    }
    const tab = this.tab;
    if (tab !== this._shown) {
      this._shown = tab;
      if (!this._bodies.has(tab)) {
        const body = this._make(tab);
        body.addClass('lst-JobView-body');
        body.hide();
        this._bodies.set(tab, body);
        this.addWidget(body);
      }
      this._bodies.forEach((body, name) => (name === tab ? body.show() : body.hide()));
      this._bodies.forEach(body => body instanceof ComponentWidget && body.update());
    }
    this._header.update();
  }

  private _make(tab: Tab): Widget {
    const model = this.model;
    const is = (name: Tab) => this._shown === name;
    switch (tab) {
      case 'log':
        return new ComponentWidget(this._services, () => <LogTab model={model} />);
      case 'notebook':
        return new NotebookTab(this._services, this._tools, model);
      case 'metrics':
        return new ComponentWidget(this._services, () => (
          <MetricsTab model={model} visible={is('metrics')} />
        ));
      case 'files':
        return new ComponentWidget(this._services, () => (
          <FilesTab model={model} visible={is('files')} />
        ));
      default:
        return new ComponentWidget(this._services, () => <OverviewTab model={model} />);
    }
  }

  private _header: ComponentWidget;
  private _tab: Tab | null;
  private _shown: Tab | null = null;
  private _bodies = new Map<Tab, Widget>();
  private _tabChanged = new Signal<this, Tab>(this);
}
