import { refreshIcon, searchIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { Banner, Button, Empty, IconButton } from '../../components/basics';
import type { IServices } from '../../components/context';
import { StudioWidget, useServices, useSignal } from '../../components/context';
import { experimentsIcon, tableIcon } from '../../components/icons';
import { When } from '../../components/state';
import { CommandIDs } from '../../tokens';
import { Star, StatusMark, Ticking } from './cells';
import type { ExperimentsModel, ISavedView, ViewsModel } from './lists';

export interface IPanelModels {
  experiments: ExperimentsModel;
  views: ViewsModel;
}

/** The sidebar: experiments, saved views, and what is running. */
export class ExperimentsPanel extends StudioWidget {
  constructor(
    services: IServices,
    private _models: IPanelModels
  ) {
    super(services);
    this.id = 'labstudio-experiments';
    this.title.icon = experimentsIcon;
    this.title.caption = services.trans.__('Experiments');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', services.trans.__('Experiments'));
    this.addClass('lst-JobsPanel');
    this.addClass('lst-ExperimentsPanel');
  }

  protected content(): JSX.Element {
    return <PanelView models={this._models} />;
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._models.experiments.visible = true;
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._models.experiments.visible = false;
  }
}

function PanelView(props: { models: IPanelModels }): JSX.Element {
  const { experiments, views } = props.models;
  const { commands, trans } = useServices();
  useSignal(experiments.changed);
  useSignal(views.changed);
  const [text, setText] = React.useState('');
  const wanted = text.trim().toLowerCase();
  const matches = (name: string) => name.toLowerCase().includes(wanted);
  const shown = experiments.items.filter(each => matches(each.name));
  // What is newest stands first, in each half.
  const sorted = [...shown.filter(e => e.favourite), ...shown.filter(e => !e.favourite)];
  const shownViews = views.items.filter(view => matches(view.name));
  const runs = experiments.items.reduce((sum, each) => sum + (each.runs ?? 0), 0);
  const open = (args: { experiment?: string; view?: string }) =>
    void commands.execute(CommandIDs.openExperiment, args);
  return (
    <>
      <div className="lst-PanelHead">
        <h2>{trans.__('Experiments')}</h2>
        <span className="lst-Fill" />
        <IconButton
          icon={refreshIcon}
          label={trans.__('Refresh')}
          onClick={() => void experiments.refresh()}
        />
        <IconButton icon={tableIcon} label={trans.__('All runs')} onClick={() => open({})} />
      </div>
      {experiments.error && (
        <Banner
          kind="error"
          actions={
            <Button onClick={() => void experiments.refresh()}>{trans.__('Try again')}</Button>
          }
        >
          {experiments.error.message}
        </Banner>
      )}
      <div className="lst-Filters">
        <div className="lst-Filters-text">
          <searchIcon.react tag="span" elementSize="normal" />
          <input
            type="search"
            value={text}
            spellCheck={false}
            placeholder={trans.__('Find an experiment or view')}
            aria-label={trans.__('Find an experiment or view')}
            onChange={event => setText(event.target.value)}
          />
        </div>
      </div>
      <div className="lst-ExperimentsPanel-lists" onKeyDown={moveByArrows}>
        {experiments.running.length > 0 && !wanted && (
          <section>
            <h3>{trans.__('Running')}</h3>
            {experiments.running.map(run => (
              <Item
                key={run.id}
                kind="run"
                id={run.id}
                icon={<StatusMark status={run.status} />}
                name={run.name}
                more={run.experiment}
                aside={<Ticking started={run.started_at} />}
                onOpen={() => void commands.execute(CommandIDs.openRun, { run: run.id })}
              />
            ))}
          </section>
        )}
        {shownViews.length > 0 && (
          <section>
            <h3>{trans.__('Saved views')}</h3>
            {shownViews.map(view => (
              <Item
                key={view.id}
                kind="view"
                id={view.id}
                icon={<tableIcon.react tag="span" elementSize="normal" />}
                name={view.name}
                more={sharing(view, trans)}
                onOpen={() => open({ view: view.id })}
              />
            ))}
          </section>
        )}
        <section>
          <h3>{trans.__('Experiments')}</h3>
          {sorted.map(each => (
            <Item
              key={each.id}
              kind="experiment"
              id={each.id}
              icon={
                <button
                  type="button"
                  className="lst-RunStar"
                  tabIndex={-1}
                  aria-pressed={each.favourite === true}
                  aria-label={trans.__('Favourite')}
                  title={each.favourite ? trans.__('No favourite any more') : trans.__('Favourite')}
                  onClick={event => {
                    event.stopPropagation();
                    void experiments.favour(each.id, !each.favourite);
                  }}
                >
                  <Star on={each.favourite === true} />
                </button>
              }
              name={each.name}
              more={<When at={each.updated_at} />}
              aside={(each.runs ?? 0).toLocaleString()}
              asideLabel={trans._n('One run', '%1 runs', each.runs ?? 0)}
              onOpen={() => open({ experiment: each.id })}
              onFavourite={() => void experiments.favour(each.id, !each.favourite)}
            />
          ))}
          {sorted.length === 0 && !experiments.loading && wanted !== '' && (
            <p className="lst-Quiet">{trans.__('None has such a name.')}</p>
          )}
        </section>
        {runs === 0 && !experiments.loading && !experiments.error && (
          <Empty>
            {trans.__(
              'No run yet. Type in a notebook’s cell: %load_ext labstudio, and train: each run is listed here as it begins.'
            )}
          </Empty>
        )}
      </div>
    </>
  );
}

function sharing(view: ISavedView, trans: IServices['trans']): string {
  return view.mine ? (view.shared ? trans.__('shared') : '') : trans.__('of %1', view.user);
}

/** One line to open something. */
function Item(props: {
  kind: string;
  id: string;
  icon: React.ReactNode;
  name: string;
  more?: React.ReactNode;
  aside?: React.ReactNode;
  asideLabel?: string;
  onOpen: () => void;
  onFavourite?: () => void;
}): JSX.Element {
  return (
    <div
      className="lst-Item"
      role="button"
      tabIndex={0}
      data-kind={props.kind}
      data-id={props.id}
      title={props.name}
      onClick={props.onOpen}
      onKeyDown={event => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          props.onOpen();
        } else if (event.key === 'f') {
          props.onFavourite?.();
        }
      }}
    >
      {props.icon}
      <span className="lst-Item-name">{props.name}</span>
      {props.more && <span className="lst-Item-more">{props.more}</span>}
      {props.aside !== undefined && (
        <span className="lst-Item-aside" title={props.asideLabel} aria-label={props.asideLabel}>
          {props.aside}
        </span>
      )}
    </div>
  );
}

/** Up and down go from line to line. */
function moveByArrows(event: React.KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step !== undefined) {
    const lines = [...event.currentTarget.querySelectorAll<HTMLElement>('.lst-Item')];
    const at = lines.indexOf(document.activeElement as HTMLElement);
    lines[Math.max(0, Math.min(lines.length - 1, at + step))]?.focus();
    event.preventDefault();
  }
}
