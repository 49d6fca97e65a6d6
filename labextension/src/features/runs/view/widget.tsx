import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { Banner, Button, Tabs } from '../../../components/basics';
import type { IServices } from '../../../components/context';
import { StudioWidget, useSignal, useTrans } from '../../../components/context';
import type { KeptKernels } from '../../jobs/kernels';
import type { RunModel } from '../model';
import type { ITools } from '../tools';
import { Tools } from '../tools';
import { ArtifactsTab } from './artifacts';
import { ChartsTab } from './charts';
import { RunHeader } from './header';
import { RunLog } from './log';
import { OverviewTab } from './overview';
import { ReproductionsTab } from './reproductions';

/** Everything about one run, live. It owns the model. */
export class RunWidget extends StudioWidget {
  constructor(
    services: IServices,
    private _tools: ITools,
    private _kernels: KeptKernels,
    readonly model: RunModel
  ) {
    super(services);
    this.addClass('lst-RunView');
    this.node.tabIndex = -1;
  }

  get tab(): string {
    return this._tab;
  }

  /** Emitted when a tab was chosen, so that it is restored after a reload. */
  get tabChanged(): ISignal<this, string> {
    return this._tabChanged;
  }

  /** Choose a tab, and an artifact to show in it. */
  open(tab?: string, path?: string): void {
    if (tab) {
      this._tab = tab;
      this._path = path ?? this._path;
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
        <View
          model={this.model}
          kernels={this._kernels}
          tab={this._tab}
          path={this._path}
          onTab={(tab, path) => this.open(tab, path)}
        />
      </Tools.Provider>
    );
  }

  private _tab = 'overview';
  private _path = '';
  private _tabChanged = new Signal<this, string>(this);
}

function View(props: {
  model: RunModel;
  kernels: KeptKernels;
  tab: string;
  path: string;
  onTab: (tab: string, path?: string) => void;
}): JSX.Element | null {
  const { model, path, onTab } = props;
  const trans = useTrans();
  useSignal(model.changed);
  const run = model.run;
  if (!run) {
    return model.error ? (
      <Banner
        kind="error"
        actions={<Button onClick={() => void model.refresh()}>{trans.__('Try again')}</Button>}
      >
        {model.error.message}
      </Banner>
    ) : null;
  }
  const tabs = [
    { id: 'overview', label: trans.__('Overview') },
    { id: 'charts', label: trans.__('Charts') },
    ...(run.system_metric_keys.length ? [{ id: 'system', label: trans.__('System') }] : []),
    { id: 'artifacts', label: trans.__('Artifacts') },
    ...(run.job_id ? [{ id: 'log', label: trans.__('Log') }] : []),
    ...(model.clarified ? [{ id: 'clarify', label: trans.__('Clarify') }] : []),
    ...(model.reproductions.length
      ? [
          {
            id: 'reproductions',
            label: trans.__('Reproductions'),
            badge: model.reproductions.length
          }
        ]
      : [])
  ];
  const tab = tabs.some(each => each.id === props.tab) ? props.tab : 'overview';
  return (
    <>
      <RunHeader model={model} run={run}>
        <Tabs tabs={tabs} current={tab} label={trans.__('Run')} onChange={each => onTab(each)} />
      </RunHeader>
      {model.error && <Banner kind="error">{model.error.message}</Banner>}
      <div className="lst-RunView-body" role="tabpanel" aria-label={tab}>
        {tab === 'overview' && (
          <OverviewTab model={model} run={run} onArtifact={each => onTab('artifacts', each)} />
        )}
        {tab === 'charts' && (
          <ChartsTab key="charts" model={model} metrics={run.metric_keys} name="run-curves" />
        )}
        {tab === 'system' && (
          <ChartsTab
            key="system"
            model={model}
            metrics={run.system_metric_keys}
            name="system-curves"
          />
        )}
        {tab === 'artifacts' && <ArtifactsTab key={path} model={model} top="" path={path} />}
        {tab === 'clarify' && <ArtifactsTab key="clarify" model={model} top="clarify" path="" />}
        {tab === 'log' && run.job_id && <RunLog job={run.job_id} kernels={props.kernels} />}
        {tab === 'reproductions' && <ReproductionsTab reproductions={model.reproductions} />}
      </div>
    </>
  );
}
