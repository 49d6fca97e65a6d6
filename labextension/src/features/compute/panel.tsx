import { addIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Compute } from '../../api/types';
import { Banner, Button, Empty, IconButton } from '../../components/basics';
import type { IServices } from '../../components/context';
import { StudioWidget, useServices, useSignal } from '../../components/context';
import { chartIcon, computeIcon, drainIcon, playIcon, testIcon } from '../../components/icons';
import { CommandIDs } from '../../tokens';
import { StatusLine } from '../status/line';
import type { StatusModel } from '../status/model';
import type { ComputesModel } from './model';
import { computeState, computeWords, hundredths, Slots } from './parts';

/** The sidebar of computes. */
export class ComputePanel extends StudioWidget {
  constructor(
    services: IServices,
    private _computes: ComputesModel,
    private _status: StatusModel
  ) {
    super(services);
    this.id = 'labstudio-compute';
    this.title.icon = computeIcon;
    this.title.caption = services.trans.__('Compute');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', services.trans.__('Compute'));
    this.addClass('lst-JobsPanel');
  }

  protected content(): JSX.Element {
    return <PanelView computes={this._computes} status={this._status} />;
  }
}

function PanelView(props: { computes: ComputesModel; status: StatusModel }): JSX.Element {
  const { computes } = props;
  const { commands, trans } = useServices();
  useSignal(computes.changed);
  const execute = (command: string) => void commands.execute(command);
  const only = computes.items.length === 1;
  return (
    <>
      <div className="lst-PanelHead">
        <h2>{trans.__('Compute')}</h2>
        <span className="lst-Fill" />
        <IconButton
          icon={chartIcon}
          label={trans.__('Usage and costs')}
          onClick={() => execute(CommandIDs.showUsage)}
        />
        <IconButton
          icon={addIcon}
          label={trans.__('Add a compute')}
          onClick={() => execute(CommandIDs.addCompute)}
        />
      </div>
      <StatusLine model={props.status} />
      {computes.error && <Banner kind="error">{computes.error.message}</Banner>}
      <ComputeList model={computes} />
      {only && (
        <Empty
          action={
            <Button kind="primary" icon={addIcon} onClick={() => execute(CommandIDs.addCompute)}>
              {trans.__('Add a compute')}
            </Button>
          }
        >
          {trans.__(
            'A Docker engine, a machine over SSH or a Ray cluster, once named, takes any job or notebook.'
          )}
        </Empty>
      )}
    </>
  );
}

function ComputeList(props: { model: ComputesModel }): JSX.Element {
  const { model } = props;
  const { commands, trans } = useServices();
  const list = React.useRef<HTMLDivElement>(null);
  const onKey = (event: React.KeyboardEvent) => {
    const at = model.items.findIndex(item => item.name === model.current);
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step && model.items.length) {
      const to = Math.max(0, Math.min(model.items.length - 1, at + step));
      model.current = model.items[to].name;
      (list.current?.children[to] as HTMLElement | undefined)?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter' && model.current) {
      void commands.execute(CommandIDs.openCompute, { name: model.current });
    } else if (event.key === 'Delete' && model.current) {
      void commands.execute(CommandIDs.removeCompute, { name: model.current });
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <div
      ref={list}
      className="lst-ComputeList"
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Computes')}
      aria-activedescendant={model.current ? `lst-compute-${model.current}` : undefined}
      onKeyDown={onKey}
    >
      {model.items.map(compute => (
        <ComputeRow
          key={compute.name}
          compute={compute}
          selected={compute.name === model.current}
          onSelect={() => {
            model.current = compute.name;
          }}
        />
      ))}
    </div>
  );
}

function ComputeRow(props: {
  compute: Compute;
  selected: boolean;
  onSelect: () => void;
}): JSX.Element {
  const { compute } = props;
  const { commands, trans } = useServices();
  const run = (command: string) => void commands.execute(command, { name: compute.name });
  const state = computeState(compute, trans);
  const draining = compute.state === 'draining';
  return (
    <div
      id={`lst-compute-${compute.name}`}
      className="lst-ComputeRow"
      role="option"
      aria-selected={props.selected}
      aria-label={`${compute.name}, ${state}`}
      data-compute={compute.name}
      data-state={compute.state}
      title={[compute.name, compute.description, compute.message].filter(Boolean).join('\n')}
      onMouseDown={props.onSelect}
      onDoubleClick={() => run(CommandIDs.openCompute)}
    >
      <span className="lst-Dot" data-state={compute.state} aria-hidden="true" />
      <div className="lst-JobRow-text">
        <div className="lst-JobRow-line">
          <div className="lst-JobRow-name" onClick={() => run(CommandIDs.openCompute)}>
            {compute.name}
          </div>
          <span className="lst-Kind">{compute.type}</span>
        </div>
        <div className="lst-JobRow-more">
          {compute.state !== 'ready' && (
            <span className="lst-ComputeRow-state" data-state={compute.state}>
              {compute.message || state}
            </span>
          )}
          {computeWords(compute, trans).map(words => (
            <span key={words}>{words}</span>
          ))}
          {compute.price_per_hour > 0 && (
            <span>{trans.__('%1/h', hundredths(compute.price_per_hour))}</span>
          )}
          {compute.spent > 0 && <span>{trans.__('%1 spent', hundredths(compute.spent))}</span>}
        </div>
        {compute.state !== 'invalid' && <Slots compute={compute} />}
      </div>
      <div className="lst-JobRow-actions" onMouseDown={event => event.stopPropagation()}>
        <IconButton
          icon={testIcon}
          label={trans.__('Test')}
          tabIndex={-1}
          onClick={() => run(CommandIDs.testCompute)}
        />
        <IconButton
          icon={draining ? playIcon : drainIcon}
          label={draining ? trans.__('Take new work again') : trans.__('Drain: take nothing new')}
          tabIndex={-1}
          onClick={() => run(draining ? CommandIDs.undrainCompute : CommandIDs.drainCompute)}
        />
      </div>
    </div>
  );
}
