import type { IServices } from '../../components/context';
import { CommandIDs } from '../../tokens';
import type { TableActions } from './actions';
import {
  changeColumn,
  goalOf,
  isGroupable,
  isSortable,
  kindOf,
  moveColumn,
  NAME,
  toggleColumn
} from './columns';
import type { IMenuItem } from './menu';
import { columnWord } from './words';

type Items = (IMenuItem | null)[];

/** What can be done with a column. */
export function headMenu(actions: TableActions, at: number, services: IServices): Items {
  const { trans } = services;
  const { model } = actions;
  const { columns, state } = model;
  const column = columns[at];
  const { key } = column;
  const sorted = (descending: boolean, add: boolean) => () =>
    model.change({
      sort: [...(add ? state.sort.filter(each => each.key !== key) : []), { key, descending }]
    });
  const set = (change: Parameters<typeof changeColumn>[2]) => () =>
    model.change({ columns: changeColumn(columns, key, change) });
  const items: Items = [];
  if (isSortable(key)) {
    items.push(
      { label: trans.__('Sort Ascending'), act: sorted(false, false) },
      { label: trans.__('Sort Descending'), act: sorted(true, false) }
    );
    if (state.sort.some(each => each.key !== key)) {
      items.push(
        { label: trans.__('Then Ascending'), act: sorted(false, true) },
        { label: trans.__('Then Descending'), act: sorted(true, true) }
      );
    }
    if (state.sort.length > 0) {
      items.push({ label: trans.__('Sort by Nothing'), act: () => model.change({ sort: [] }) });
    }
    items.push(null);
  }
  if (kindOf(key) === 'metrics') {
    const goal = goalOf(column);
    items.push(
      {
        label: trans.__('Show Its Course'),
        checked: column.spark === true,
        act: set({ spark: !column.spark, width: undefined })
      },
      { label: trans.__('Highest Is Best'), checked: goal === 'max', act: set({ goal: 'max' }) },
      { label: trans.__('Lowest Is Best'), checked: goal === 'min', act: set({ goal: 'min' }) },
      {
        label: trans.__('Mark None as Best'),
        checked: goal === 'none',
        act: set({ goal: 'none' })
      },
      null
    );
  }
  if (isGroupable(key)) {
    const grouped = state.group === key;
    items.push(
      {
        label: trans.__('Group by %1', columnWord(key, trans)),
        checked: grouped,
        act: () => model.change({ group: grouped ? '' : key })
      },
      null
    );
  }
  if (key !== NAME) {
    const move = (to: number) => () => model.change({ columns: moveColumn(columns, at, to) });
    items.push(
      { label: trans.__('Move Left'), disabled: at <= 1, act: move(at - 1) },
      { label: trans.__('Move Right'), disabled: at >= columns.length - 1, act: move(at + 1) },
      { label: trans.__('Hide'), act: () => model.change({ columns: toggleColumn(columns, key) }) }
    );
  }
  items.push(
    { label: trans.__('Usual Width'), disabled: !column.width, act: set({ width: undefined }) },
    null,
    {
      label: trans.__('Choose Columns…'),
      act: () => actions.show('columns')
    }
  );
  return items;
}

/** What can be done with runs. */
export function rowMenu(actions: TableActions, services: IServices, cell: Element | null): Items {
  const { trans, commands } = services;
  const { model, count, current } = actions;
  const none = count === 0;
  const many = count > 1;
  const { lifecycle } = model.state;
  const missing = (command: string) => !commands.hasCommand(command);
  return [
    { label: trans.__('Open'), disabled: !current, act: () => actions.openRun() },
    {
      label: trans._n('Compare', 'Compare %1 Runs', count),
      disabled: !many || missing(CommandIDs.compareRuns),
      act: actions.compare
    },
    {
      label: trans.__('Reproduce'),
      disabled: !current || many || missing(CommandIDs.reproduceRun),
      act: actions.reproduce
    },
    {
      label: trans.__('Register Model…'),
      disabled: !current || many || missing(CommandIDs.registerModel),
      act: actions.register
    },
    null,
    {
      label: current?.favourite ? trans.__('No Favourite Any More') : trans.__('Favourite'),
      disabled: none,
      act: () => actions.favourite()
    },
    { label: trans.__('Tags…'), disabled: none, act: () => actions.show('tags', cell) },
    { label: trans.__('Write Note'), disabled: !current, act: () => actions.write() },
    null,
    { label: trans.__('Copy Cell'), disabled: !current, act: () => actions.copyCell() },
    {
      label: trans._n('Copy Run ID', 'Copy %1 Run IDs', count),
      disabled: none,
      act: actions.copyId
    },
    null,
    {
      label: lifecycle === 'archived' ? trans.__('Take out of the Archive') : trans.__('Archive'),
      disabled: none || lifecycle === 'deleted',
      act: actions.archive
    },
    {
      label: lifecycle === 'deleted' ? trans.__('Restore') : trans.__('Delete'),
      disabled: none,
      act: actions.remove
    }
  ];
}
