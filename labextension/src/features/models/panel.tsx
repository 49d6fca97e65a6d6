import { refreshIcon, searchIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { Banner, Button, Empty, IconButton } from '../../components/basics';
import type { IServices } from '../../components/context';
import { StudioWidget, useServices, useSignal } from '../../components/context';
import { lineageIcon, modelIcon, starFullIcon, starIcon, tableIcon } from '../../components/nouns';
import { even } from '../../components/rows';
import type { IVirtualHandle } from '../../components/virtual';
import { VirtualList } from '../../components/virtual';
import { CommandIDs } from '../../tokens';
import { StatusLine } from '../status/line';
import type { StatusModel } from '../status/model';
import type { ModelsModel } from './model';
import { ModelRow, ROW_HEIGHT } from './row';

const ROWS = even(ROW_HEIGHT);
const PAUSE_MS = 200;

/** The sidebar of registered models. */
export class ModelsPanel extends StudioWidget {
  constructor(
    services: IServices,
    private _models: ModelsModel,
    private _status: StatusModel
  ) {
    super(services);
    this.id = 'labstudio-models';
    this.title.icon = modelIcon;
    this.title.caption = services.trans.__('Models');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', services.trans.__('Models'));
    this.addClass('lst-JobsPanel');
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this._models.wake();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._models.wake();
  }

  protected content(): JSX.Element {
    return <PanelView models={this._models} status={this._status} />;
  }
}

function PanelView(props: { models: ModelsModel; status: StatusModel }): JSX.Element {
  const { models } = props;
  const { commands, trans } = useServices();
  useSignal(models.changed);
  const execute = (command: string) => void commands.execute(command);
  return (
    <>
      <div className="lst-PanelHead">
        <h2>{trans.__('Models')}</h2>
        <span className="lst-Fill" />
        <IconButton
          icon={tableIcon}
          label={trans.__('Model dashboard')}
          onClick={() => execute(CommandIDs.modelDashboard)}
        />
        <IconButton
          icon={lineageIcon}
          label={trans.__('Lineage')}
          onClick={() => execute(CommandIDs.openLineage)}
        />
        <IconButton
          icon={refreshIcon}
          label={trans.__('Refresh')}
          onClick={() => void models.refresh()}
        />
      </div>
      <StatusLine model={props.status} />
      <Filter models={models} />
      {models.error && (
        <Banner
          kind="error"
          actions={<Button onClick={() => void models.refresh()}>{trans.__('Try again')}</Button>}
        >
          {models.error.message}
        </Banner>
      )}
      {models.items.length > 0 ? (
        <ModelList models={models} />
      ) : (
        !models.loading && !models.error && <Nothing models={models} />
      )}
    </>
  );
}

function Nothing(props: { models: ModelsModel }): JSX.Element {
  const { models } = props;
  const { trans } = useServices();
  return models.text || models.favourites ? (
    <Empty
      action={
        <Button onClick={() => models.filter('', false)}>{trans.__('Show all models')}</Button>
      }
    >
      {models.favourites && !models.text
        ? trans.__('No model is a favourite yet: press a model’s star.')
        : trans.__('No model has this in its name.')}
    </Empty>
  ) : (
    <Empty>
      {trans.__(
        'No model is registered yet. Open a run that logged one and choose “Register a model”.'
      )}
    </Empty>
  );
}

function Filter(props: { models: ModelsModel }): JSX.Element {
  const { models } = props;
  const { trans } = useServices();
  const [text, setText] = React.useState(models.text);
  const timer = React.useRef(0);
  React.useEffect(() => () => window.clearTimeout(timer.current), []);
  React.useEffect(() => {
    // Cleared from elsewhere: the box follows. What is being typed is left alone.
    setText(old => (old.trim() === models.text ? old : models.text));
  }, [models.text]);
  const type = (value: string) => {
    setText(value);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(
      () => models.filter(value.trim(), models.favourites),
      PAUSE_MS
    );
  };
  return (
    <div className="lst-Filters">
      <div className="lst-Filters-text">
        <searchIcon.react tag="span" elementSize="normal" />
        <input
          type="search"
          value={text}
          spellCheck={false}
          placeholder={trans.__('Filter by name')}
          aria-label={trans.__('Filter models by name')}
          onChange={event => type(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Escape' && text) {
              event.stopPropagation();
              type('');
            }
          }}
        />
        <IconButton
          icon={models.favourites ? starFullIcon : starIcon}
          label={trans.__('Only favourites')}
          pressed={models.favourites}
          onClick={() => models.filter(models.text, !models.favourites)}
        />
      </div>
    </div>
  );
}

/** The list itself: arrows move, Enter opens, Delete deletes. */
function ModelList(props: { models: ModelsModel }): JSX.Element {
  const { models } = props;
  const { commands, trans } = useServices();
  const list = React.useRef<IVirtualHandle>(null);
  const { items, current } = models;
  const at = items.findIndex(item => item.name === current);
  const loadMore = React.useCallback(() => void models.loadMore(), [models]);
  const onKey = (event: React.KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: items.length - 1
    };
    if (event.key in moves) {
      const to = Math.max(0, Math.min(items.length - 1, moves[event.key]));
      models.current = items[to].name;
      list.current?.reveal(to);
    } else if (event.key === 'Enter' && current) {
      void commands.execute(CommandIDs.openModel, { model: current });
    } else if (event.key === 'Delete' && current) {
      void commands.execute(CommandIDs.deleteModel, { model: current });
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <VirtualList
      ref={list}
      className="lst-JobList"
      count={items.length}
      rows={ROWS}
      onEnd={loadMore}
      attributes={{
        role: 'listbox',
        tabIndex: 0,
        'aria-label': trans.__('Registered models'),
        'aria-busy': models.loading,
        'aria-activedescendant': at >= 0 ? `lst-model-${at}` : undefined,
        onKeyDown: onKey,
        onFocus: () => {
          if (at < 0 && items.length) {
            models.current = items[0].name;
          }
        }
      }}
      row={index => (
        <ModelRow
          key={items[index].name}
          id={`lst-model-${index}`}
          model={items[index]}
          stale={models.stale(items[index].name)}
          selected={index === at}
          onSelect={() => {
            models.current = items[index].name;
          }}
          onFavourite={favourite => void models.favourite(items[index].name, favourite)}
        />
      )}
    />
  );
}
