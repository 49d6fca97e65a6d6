import * as React from 'react';

import { useSignal, useTrans } from '../../components/context';
import type { TableActions } from './actions';
import { changeColumn, moveColumn } from './columns';
import { Header, HEAD_HEIGHT } from './header';
import { useHands } from './hands';
import type { IFrame } from './row';
import { GroupRow, RunRow, WaitRow } from './row';
import { groupLabel } from './words';
import { useViewport } from './viewport';

/** The rows themselves: a grid after the ARIA pattern, of which only what is seen exists. */
export function Grid(props: { actions: TableActions }): JSX.Element {
  const { actions } = props;
  const { model, experiments } = actions;
  const trans = useTrans();
  useSignal(actions.changed);
  const { columns, results, focus, selection } = model;
  const count = results?.layout.count ?? 0;
  const view = useViewport(count, columns);
  const { box, first, last } = view;
  const hands = useHands(actions, view);

  React.useEffect(() => model.want(first, last), [model, results, first, last]);

  const names = experiments.items;
  const experiment = React.useCallback(
    (id: string) => names.find(each => each.id === id)?.name ?? id,
    [names]
  );
  const best = results?.best;
  const { from, to, before, width, nameWidth } = view;
  const frame = React.useMemo<IFrame>(
    () => ({
      columns,
      from,
      to: Math.min(to, columns.length),
      before,
      width,
      nameWidth,
      best: best ?? {},
      experiment,
      onNote: note => void actions.wrote(note)
    }),
    [columns, from, to, before, width, nameWidth, best, experiment, actions]
  );

  const rows: React.ReactNode[] = [];
  for (let index = first; index < last; index++) {
    const row = results?.row(index);
    const common = {
      key: index,
      index,
      frame,
      focused: focus.row === index ? focus.column : null
    };
    if (!row) {
      rows.push(<WaitRow {...common} />);
    } else if ('group' in row) {
      rows.push(<GroupRow {...common} head={row} label={groupLabel(row.group, trans)} />);
    } else {
      rows.push(
        <RunRow
          {...common}
          run={row}
          selected={selection.has(row.id)}
          writing={actions.writing === row.id}
        />
      );
    }
  }

  const total = results?.total ?? 0;
  const checked = model.selected === 0 ? 'false' : model.selected === total ? 'true' : 'mixed';
  return (
    <div
      ref={box}
      className="lst-RunGrid"
      role={results?.isGrouped ? 'treegrid' : 'grid'}
      aria-label={trans.__('Runs')}
      aria-rowcount={count + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-busy={model.opening || results?.loading || false}
      tabIndex={-1}
      data-opening={model.opening || undefined}
      onScroll={view.onScroll}
      {...hands}
    >
      <div
        className="lst-RunGrid-all"
        role="presentation"
        style={{ width, height: HEAD_HEIGHT + view.reel.height }}
      >
        <Header
          frame={frame}
          sort={model.state.sort}
          focused={focus.row < 0 ? focus.column : null}
          checked={checked}
          onResize={(at, wanted) =>
            model.change({ columns: changeColumn(columns, columns[at].key, { width: wanted }) })
          }
          onMove={(a, b) => model.change({ columns: moveColumn(columns, a, b) })}
        />
        <div
          className="lst-RunGrid-seen"
          role="presentation"
          style={{ transform: `translateY(${view.top}px)` }}
        >
          {rows}
        </div>
      </div>
    </div>
  );
}
