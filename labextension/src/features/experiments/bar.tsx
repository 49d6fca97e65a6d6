import { caretDownEmptyIcon, downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IconButton } from '../../components/basics';
import { useServices, useTrans } from '../../components/context';
import { columnsIcon } from '../../components/icons';
import type { TableActions } from './actions';
import { ATTRIBUTES, isGroupable } from './columns';
import type { ViewsModel } from './lists';
import type { IMenuItem } from './menu';
import { menuBelow } from './menu';
import { INITIAL } from './state';
import { viewsMenu } from './views';
import { columnWord } from './words';

const GROUPS_OFFERED = 30;

/** Which experiments, which view, grouped by what; columns, export and help. */
export function TableBar(props: { actions: TableActions; views: ViewsModel }): JSX.Element {
  const { actions, views } = props;
  const { model, experiments } = actions;
  const services = useServices();
  const { trans } = services;
  const { state } = model;
  const view = views.find(model.view);

  const chooseExperiments = (event: React.MouseEvent) => {
    const items: (IMenuItem | null)[] = [
      {
        label: trans.__('All Experiments'),
        checked: state.experiments.length === 0,
        act: () => model.change({ experiments: [] })
      },
      null,
      ...experiments.items.map(each => {
        const on = state.experiments.includes(each.id);
        return {
          label: each.name,
          checked: on,
          act: () =>
            model.change({
              experiments: on
                ? state.experiments.filter(id => id !== each.id)
                : [...state.experiments, each.id]
            })
        };
      })
    ];
    menuBelow(items, event.currentTarget);
  };

  const chooseGroup = (event: React.MouseEvent) => {
    const { params, tags } = model.known;
    const offered = [
      ...ATTRIBUTES.filter(isGroupable),
      ...params.map(each => `params.${each.key}`),
      ...tags.map(each => `tags.${each.key}`)
    ].slice(0, GROUPS_OFFERED);
    if (state.group && !offered.includes(state.group)) {
      offered.push(state.group);
    }
    menuBelow(
      [
        {
          label: trans.__('Not Grouped'),
          checked: !state.group,
          act: () => model.change({ group: '' })
        },
        null,
        ...offered.map(key => ({
          label: key.startsWith('attributes.') ? columnWord(key, trans) : key,
          checked: state.group === key,
          act: () => model.change({ group: key })
        }))
      ],
      event.currentTarget
    );
  };

  const names = state.experiments.map(id => experiments.name(id)).join(', ');
  const shown = view ? view.name : trans.__('Default');
  const touched = model.isTouched(view ? view.state : INITIAL);
  const grouped = state.group.startsWith('attributes.')
    ? columnWord(state.group, trans)
    : state.group;
  return (
    <div className="lst-TableBar" role="toolbar" aria-label={trans.__('Run table')}>
      <Drop
        label={trans.__('Experiment')}
        value={names || trans.__('All')}
        onClick={chooseExperiments}
      />
      <Drop
        label={trans.__('View')}
        value={touched ? trans.__('%1, changed', shown) : shown}
        onClick={event => menuBelow(viewsMenu(actions, views, services), event.currentTarget)}
      />
      <Drop label={trans.__('Group')} value={grouped || trans.__('None')} onClick={chooseGroup} />
      <span className="lst-Fill" />
      <IconButton
        icon={columnsIcon}
        label={trans.__('Choose columns')}
        pressed={actions.open === 'columns'}
        onClick={event => actions.show('columns', event.currentTarget)}
      />
      <IconButton
        icon={downloadIcon}
        label={actions.exporting ? trans.__('Stop the export') : trans.__('Export as CSV')}
        pressed={actions.exporting !== null}
        onClick={() => void actions.exportCsv()}
      />
      <HelpButton actions={actions} />
    </div>
  );
}

function HelpButton(props: { actions: TableActions }): JSX.Element {
  const trans = useTrans();
  return (
    <button
      type="button"
      className="lst-IconButton lst-HelpButton"
      title={trans.__('Keyboard shortcuts')}
      aria-label={trans.__('Keyboard shortcuts')}
      onClick={event => props.actions.show('help', event.currentTarget)}
    >
      ?
    </button>
  );
}

/** A button that shows what is chosen and opens a menu. */
function Drop(props: {
  label: string;
  value: string;
  onClick: (event: React.MouseEvent) => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="lst-Drop"
      aria-haspopup="menu"
      title={`${props.label}: ${props.value}`}
      onClick={props.onClick}
    >
      <small>{props.label}</small>
      <span>{props.value}</span>
      <caretDownEmptyIcon.react tag="span" elementSize="normal" />
    </button>
  );
}
