import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { Banner, Button, Empty, Tabs } from '../../../components/basics';
import type { IServices } from '../../../components/context';
import { StudioWidget, useSignal, useTrans } from '../../../components/context';
import type { ITools } from '../tools';
import { Tools } from '../tools';
import { CodeTab } from './code';
import { CurvesTab } from './curves';
import { Legend } from './legend';
import type { CompareModel } from './model';
import { ParametersTab } from './parameters';
import { PredictionsTab } from './predictions';
import { TableTab } from './table';

/** Runs side by side. It owns the model. */
export class CompareWidget extends StudioWidget {
  constructor(
    services: IServices,
    private _tools: ITools,
    readonly model: CompareModel
  ) {
    super(services);
    this.addClass('lst-CompareRuns');
    this.node.tabIndex = -1;
  }

  get tab(): string {
    return this._tab;
  }

  /** Emitted when a tab was chosen, so that it is restored after a reload. */
  get tabChanged(): ISignal<this, string> {
    return this._tabChanged;
  }

  /** Choose a tab. */
  showTab(tab: string | undefined): void {
    if (tab) {
      this._tab = tab;
      this._tabChanged.emit(tab);
      this.update();
    }
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

  protected content(): JSX.Element {
    return (
      <Tools.Provider value={this._tools}>
        <View model={this.model} tab={this._tab} onTab={tab => this.showTab(tab)} />
      </Tools.Provider>
    );
  }

  private _tab = 'table';
  private _tabChanged = new Signal<this, string>(this);
}

function View(props: {
  model: CompareModel;
  tab: string;
  onTab: (tab: string) => void;
}): JSX.Element | null {
  const { model } = props;
  const trans = useTrans();
  useSignal(model.changed);
  useSignal(model.chosen);
  const tabs = [
    { id: 'table', label: trans.__('Table'), view: TableTab },
    { id: 'curves', label: trans.__('Curves'), view: CurvesTab },
    { id: 'parameters', label: trans.__('Parameters'), view: ParametersTab },
    { id: 'predictions', label: trans.__('Predictions'), view: PredictionsTab },
    { id: 'code', label: trans.__('Code'), view: CodeTab }
  ];
  const { id, label, view: Tab } = tabs.find(each => each.id === props.tab) ?? tabs[0];
  if (!model.comparison) {
    return model.error ? (
      <Banner
        kind="error"
        actions={<Button onClick={() => void model.refresh()}>{trans.__('Try again')}</Button>}
      >
        {model.error.message}
      </Banner>
    ) : null;
  }
  return (
    <>
      <header className="lst-Header">
        <Tabs tabs={tabs} current={id} label={trans.__('Compare runs')} onChange={props.onTab} />
      </header>
      {model.error && <Banner kind="error">{model.error.message}</Banner>}
      <div className="lst-CompareRuns-body">
        <Legend model={model} />
        <div className="lst-CompareRuns-tab" role="tabpanel" aria-label={label}>
          {model.visible.length === 0 ? (
            <Empty>{trans.__('Every run is hidden. Show one in the list of runs.')}</Empty>
          ) : (
            <Tab model={model} />
          )}
        </div>
      </div>
    </>
  );
}
