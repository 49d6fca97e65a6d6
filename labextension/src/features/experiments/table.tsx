import * as React from 'react';

import { Banner, Button, Empty } from '../../components/basics';
import { useSignal, useTrans } from '../../components/context';
import { Popover } from '../../components/popover';
import type { TableActions } from './actions';
import { TableBar } from './bar';
import { Chooser } from './chooser';
import { FilterBox } from './filterbox';
import { Footer } from './footer';
import { Grid } from './grid';
import { shortcutList } from './keys';
import type { ViewsModel } from './lists';
import { QuickFilters } from './quick';
import { isFiltered, unfiltered } from './state';
import { TagEditor } from './tags';

/** The run table: what is asked, what was found, and what can be done with it. */
export function RunTable(props: { actions: TableActions; views: ViewsModel }): JSX.Element {
  const { actions, views } = props;
  const { model, experiments } = actions;
  const trans = useTrans();
  useSignal(model.changed);
  useSignal(actions.changed);
  useSignal(experiments.changed);
  useSignal(views.changed);
  const found = model.results !== null && model.results.total > 0;
  const empty = model.results !== null && model.results.total === 0 && !model.opening;
  return (
    <div className="lst-RunTable">
      <TableBar actions={actions} views={views} />
      <FilterBox actions={actions} />
      <QuickFilters actions={actions} />
      {model.error && !model.filterError && (
        <Banner
          kind="error"
          actions={
            <Button onClick={() => void (model.results ? model.refresh() : model.open())}>
              {trans.__('Try again')}
            </Button>
          }
        >
          {model.error.message}
        </Banner>
      )}
      {empty && !model.error ? (
        <Nothing actions={actions} />
      ) : (
        (found || !model.error) && <Grid actions={actions} />
      )}
      <Footer actions={actions} />
      <Small actions={actions} />
    </div>
  );
}

/** The small panel that is open. */
function Small(props: { actions: TableActions }): JSX.Element | null {
  const { actions } = props;
  const trans = useTrans();
  const { open, at, close } = actions;
  const titles = {
    columns: trans.__('Columns'),
    help: trans.__('Keyboard shortcuts'),
    tags: trans.__('Tags')
  };
  return open ? (
    <Popover at={at} label={titles[open]} onClose={close} className={`lst-Popover-${open}`}>
      {open === 'columns' && <Chooser actions={actions} />}
      {open === 'tags' && <TagEditor actions={actions} />}
      {open === 'help' && <Help />}
    </Popover>
  ) : null;
}

function Help(): JSX.Element {
  const trans = useTrans();
  const accel = /Mac/.test(navigator.platform) ? '⌘' : 'Ctrl';
  return (
    <div className="lst-Shortcuts" tabIndex={0} data-first>
      {shortcutList(trans, accel).map(part => (
        <section key={part.title}>
          <h3>{part.title}</h3>
          <dl>
            {part.items.map(([keys, words]) => (
              <React.Fragment key={words}>
                <dt>
                  {keys.split(' ').map(key => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{words}</dd>
              </React.Fragment>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

/** No run: what to do so that there is one. */
function Nothing(props: { actions: TableActions }): JSX.Element {
  const { model } = props.actions;
  const trans = useTrans();
  return (
    <div className="lst-RunTable-empty">
      {isFiltered(model.state) ? (
        <Empty
          action={
            <Button onClick={() => model.change(unfiltered(model.state))}>
              {trans.__('Show all runs')}
            </Button>
          }
        >
          {trans.__('No run matches these filters.')}
        </Empty>
      ) : (
        <Empty>
          {trans.__(
            'No run yet. Type in a notebook’s cell: %load_ext labstudio, and train: each run is listed here as it begins.'
          )}
        </Empty>
      )}
    </div>
  );
}
