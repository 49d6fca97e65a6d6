import type { Message } from '@lumino/messaging';
import * as React from 'react';

import type { IServices } from '../../components/context';
import { StudioWidget } from '../../components/context';
import { TableActions } from './actions';
import type { ExperimentsModel, ViewsModel } from './lists';
import type { TableModel } from './model';
import { RunTable } from './table';

/** One run table in the main area. It owns its model. */
export class TableWidget extends StudioWidget {
  constructor(
    services: IServices,
    readonly model: TableModel,
    experiments: ExperimentsModel,
    private _views: ViewsModel,
    /** Tells this table from others, also after a reload. */
    readonly key: string
  ) {
    super(services);
    this.addClass('lst-TableWidget');
    this.node.tabIndex = -1;
    this.actions = new TableActions(services, model, experiments);
  }

  readonly actions: TableActions;

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      this.actions.dispose();
      this.model.dispose();
    }
  }

  protected content(): JSX.Element {
    return <RunTable actions={this.actions} views={this._views} />;
  }

  protected override onActivateRequest(_msg: Message): void {
    const cell = this.node.querySelector<HTMLElement>('.lst-RunGrid [tabindex="0"]');
    (cell ?? this.node).focus({ preventScroll: true });
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.model.visible = true;
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.model.visible = false;
  }
}
