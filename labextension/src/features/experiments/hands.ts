import * as React from 'react';

import { useServices } from '../../components/context';
import type { TableActions } from './actions';
import { changeColumn, isSortable, MAX_WIDTH, MIN_WIDTH, moveColumn, widthOf } from './columns';
import type { Action } from './keys';
import { actionOf } from './keys';
import { headMenu, rowMenu } from './menus';
import { popMenu } from './menu';
import { Selection } from './selection';
import { toggleSort } from './state';
import type { IViewport } from './viewport';
import { guessFirst } from './words';

const RESIZE_PX = 16;

type Handlers = Pick<
  React.HTMLAttributes<HTMLDivElement>,
  'onKeyDown' | 'onMouseDown' | 'onClick' | 'onDoubleClick' | 'onContextMenu' | 'onFocus' | 'onBlur'
>;

/** What mouse and keyboard do in the grid. One set of handlers serves all rows. */
export function useHands(actions: TableActions, view: IViewport): Handlers {
  const { model } = actions;
  const services = useServices();
  const anchor = React.useRef<number | null>(null);
  const held = React.useRef(false);
  const { box, reveal } = view;

  React.useEffect(() => {
    // A press elsewhere takes the keyboard away, also where nothing takes the focus.
    const press = (event: PointerEvent) => {
      if (!(event.target instanceof Node) || !box.current?.contains(event.target)) {
        held.current = false;
      }
    };
    document.addEventListener('pointerdown', press, true);
    return () => document.removeEventListener('pointerdown', press, true);
  }, [box]);

  // The keyboard stays where it was while rows come and go, and while they are read anew.
  React.useLayoutEffect(() => {
    const element = box.current;
    const active = document.activeElement;
    const free = active === document.body || active === element || element?.contains(active);
    if (!held.current || !element || !free || actions.writing !== null) {
      return;
    }
    const cell = cellAt(element, model.focus.row, model.focus.column);
    if (
      cell ? active !== cell && !(active !== element && cell.contains(active)) : active !== element
    ) {
      (cell ?? element).focus({ preventScroll: true });
    }
  });

  const move = (row: number, column = model.focus.column) => {
    const count = model.results?.layout.count ?? 0;
    const to = Math.max(-1, Math.min(count - 1, row));
    const last = model.columns.length - 1;
    model.focus = {
      row: to,
      column: Math.max(0, Math.min(last, column)),
      id: model.results?.run(to)?.id ?? null
    };
    held.current = true;
    reveal(to, model.focus.column);
    model.touch();
  };

  const extend = async (to: number) => {
    const { results } = model;
    if (results) {
      const from = anchor.current ?? model.focus.row;
      anchor.current = from;
      const [first, last] = [Math.min(from, to), Math.max(from, to) + 1];
      const ids = await results.ids(first, last, new AbortController().signal);
      model.selection = Selection.of(ids);
    }
  };

  const select = (row: number, how: { toggle: boolean; extend: boolean }) => {
    const run = model.results?.run(row);
    if (how.extend) {
      void extend(row);
    } else if (run) {
      model.selection = how.toggle ? model.selection.toggle(run.id) : Selection.of([run.id]);
      anchor.current = row;
    }
    move(row);
  };

  const cell = () => box.current && cellAt(box.current, model.focus.row, model.focus.column);
  const menu = (x?: number, y?: number) => {
    const place = cell()?.getBoundingClientRect();
    const { row, column } = model.focus;
    const items =
      row < 0 ? headMenu(actions, column, services) : rowMenu(actions, services, cell());
    popMenu(items, x ?? place?.left ?? 0, y ?? place?.bottom ?? 0);
  };

  const sort = (column: number, add: boolean) => {
    const key = model.columns[column]?.key;
    if (key && isSortable(key)) {
      model.change({ sort: toggleSort(model.state.sort, key, add, guessFirst(key)) });
    }
  };

  const resize = (column: number, by: number) => {
    const { columns } = model;
    const width = Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, widthOf(columns[column]) + by));
    model.change({ columns: changeColumn(columns, columns[column].key, { width }) });
  };

  const shift = (column: number, by: number) => {
    const to = column + by;
    // The name stays where it is.
    if (column > 0 && to > 0 && to < model.columns.length) {
      model.change({ columns: moveColumn(model.columns, column, to) });
      move(-1, to);
    }
  };

  const sideways = (by: number) => {
    const { row, column } = model.focus;
    const head = model.results?.row(row);
    if (column === 0 && head && 'group' in head && head.open !== by > 0) {
      model.setOpen(row, by > 0);
    } else {
      move(row, column + by);
    }
  };

  const act = (action: Action): void => {
    const { row, column } = model.focus;
    const head = model.results?.row(row);
    const group = head && 'group' in head ? head : null;
    const deeds: Record<Action, () => unknown> = {
      up: () => move(row - 1),
      down: () => move(row + 1),
      left: () => sideways(-1),
      right: () => sideways(1),
      'page-up': () => move(Math.max(0, row - view.page)),
      'page-down': () => move(row + view.page),
      'row-start': () => move(row, 0),
      'row-end': () => move(row, model.columns.length - 1),
      first: () => move(0),
      last: () => move(Number.MAX_SAFE_INTEGER),
      'extend-up': () => select(Math.max(0, row - 1), { toggle: false, extend: true }),
      'extend-down': () => select(row + 1, { toggle: false, extend: true }),
      select: () =>
        group ? model.setOpen(row, !group.open) : select(row, { toggle: true, extend: false }),
      extend: () => select(row, { toggle: false, extend: true }),
      'select-all': () => (model.selection = Selection.every),
      clear: () => (model.selection = Selection.none),
      open: () => (group ? model.setOpen(row, !group.open) : actions.openRun()),
      favourite: () => actions.favourite(),
      edit: () => actions.editCell(cell()),
      note: () => actions.write(),
      tag: () => actions.show('tags', cell()),
      compare: () => actions.compare(),
      archive: () => actions.archive(),
      delete: () => actions.remove(),
      undo: () => actions.undo(),
      copy: () => actions.copyCell(),
      'copy-id': () => actions.copyId(),
      menu: () => menu(),
      filter: () => actions.focusFilter(),
      help: () => actions.show('help', cell() ?? box.current),
      sort: () => sort(column, false),
      'sort-too': () => sort(column, true),
      narrower: () => resize(column, -RESIZE_PX),
      wider: () => resize(column, RESIZE_PX),
      'move-left': () => shift(column, -1),
      'move-right': () => shift(column, 1)
    };
    void deeds[action]();
  };

  return {
    onKeyDown: event => {
      const action = actionOf(event, model.focus.row < 0 ? 'head' : 'row');
      if (action) {
        event.preventDefault();
        event.stopPropagation();
        act(action);
      }
    },
    onMouseDown: event => {
      const { row, column, deed } = placeOf(event.target);
      if (row === null || deed !== null || event.button !== 0) {
        return;
      }
      if (row >= 0) {
        // A range of text would be selected.
        if (event.shiftKey) {
          event.preventDefault();
        }
        model.focus = { ...model.focus, column: column ?? 0 };
        const toggle = event.ctrlKey || event.metaKey;
        if (model.results?.run(row)) {
          select(row, { toggle, extend: event.shiftKey });
        } else {
          move(row, column ?? 0);
        }
      }
    },
    onClick: event => {
      const { row, column, deed } = placeOf(event.target);
      const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey;
      if (row === null) {
        return;
      }
      if (deed === 'select') {
        select(row, { toggle: true, extend: event.shiftKey });
      } else if (deed === 'select-all') {
        model.selection = model.selected > 0 ? Selection.none : Selection.every;
      } else if (deed === 'favourite') {
        void actions.favourite(model.results?.run(row));
      } else if (deed === null && row < 0 && column !== null) {
        move(-1, column);
        sort(column, event.shiftKey);
      } else if (deed === null && plain) {
        const head = model.results?.row(row);
        if (head && 'group' in head && column === 0) {
          model.setOpen(row, !head.open);
        } else if ((event.target as Element).closest('.lst-RunName')) {
          actions.openRun(model.results?.run(row));
        }
      }
    },
    onDoubleClick: event => {
      const { row, column, deed } = placeOf(event.target);
      if (row !== null && row >= 0 && deed === null && column) {
        actions.editCell(cell());
      }
    },
    onContextMenu: event => {
      const { row, column } = placeOf(event.target);
      if (row === null) {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      const run = model.results?.run(row);
      if (run && !model.selection.has(run.id)) {
        model.selection = Selection.of([run.id]);
        anchor.current = row;
      }
      move(row, column ?? 0);
      menu(event.clientX, event.clientY);
    },
    onFocus: () => {
      held.current = true;
    },
    onBlur: event => {
      // A cell that is scrolled away loses the focus to nothing: that is no leaving.
      const to = event.relatedTarget;
      if (to instanceof Node && !event.currentTarget.contains(to)) {
        held.current = false;
      }
    }
  };
}

function cellAt(box: HTMLElement, row: number, column: number): HTMLElement | null {
  const line = row < 0 ? '.lst-RunHeader' : `[data-row="${row}"]`;
  return box.querySelector<HTMLElement>(`${line} [data-column="${column}"]`);
}

/** The row, column and small button that something belongs to; -1 for the heads. */
function placeOf(target: EventTarget): {
  row: number | null;
  column: number | null;
  deed: string | null;
} {
  const element = target instanceof Element ? target : null;
  const line = element?.closest<HTMLElement>('.lst-RunRow');
  const column = element?.closest<HTMLElement>('[data-column]')?.dataset.column;
  return {
    row: line ? Number(line.dataset.row ?? -1) : null,
    column: column === undefined ? null : Number(column),
    deed: element?.closest<HTMLElement>('[data-do]')?.dataset.do ?? null
  };
}
