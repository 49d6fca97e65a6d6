import * as React from 'react';

import { useTrans } from '../../components/context';
import type { IColumn } from './columns';
import { isSortable, MAX_WIDTH, MIN_WIDTH, NAME, nameOf, widthOf } from './columns';
import type { IFrame } from './row';
import { MARK_WIDTH } from './row';
import type { ISort } from './state';
import { columnWord, kindWord } from './words';

export const HEAD_HEIGHT = 40;

interface IHeaderProps {
  frame: IFrame;
  sort: readonly ISort[];
  focused: number | null;
  /** Whether all rows are selected, some or none. */
  checked: 'true' | 'mixed' | 'false';
  onResize: (column: number, width: number) => void;
  onMove: (from: number, to: number) => void;
}

/** The heads of the columns: a press sorts, a drag moves, the edge makes it wider. */
export const Header = React.memo(function Header(props: IHeaderProps): JSX.Element {
  const { frame } = props;
  const trans = useTrans();
  const [over, setOver] = React.useState<number | null>(null);
  const dragged = React.useRef<number | null>(null);
  const cell = (at: number) => {
    const column = frame.columns[at];
    const kind = kindWord(column.key, trans);
    const word = columnWord(column.key, trans);
    const order = props.sort.findIndex(each => each.key === column.key);
    const sort = order < 0 ? null : props.sort[order];
    const movable = column.key !== NAME;
    return (
      <div
        key={column.key}
        role="columnheader"
        className={`lst-RunCell lst-RunHead ${movable ? '' : 'lst-RunCell-name'}`}
        aria-colindex={at + 2}
        aria-sort={sort ? (sort.descending ? 'descending' : 'ascending') : undefined}
        aria-label={[
          word,
          kind,
          sort && props.sort.length > 1 ? trans.__('sorted by it as number %1', order + 1) : ''
        ]
          .filter(Boolean)
          .join(', ')}
        title={kind ? `${nameOf(column.key)} (${kind})` : word}
        data-column={at}
        data-key={column.key}
        data-sortable={isSortable(column.key) || undefined}
        data-over={over === at || undefined}
        tabIndex={props.focused === at ? 0 : -1}
        style={{ width: movable ? widthOf(column) : frame.nameWidth }}
        draggable={movable}
        onDragStart={event => {
          dragged.current = at;
          event.dataTransfer.effectAllowed = 'move';
          event.dataTransfer.setData('text/plain', word);
        }}
        onDragOver={event => {
          if (dragged.current !== null && movable) {
            event.preventDefault();
            setOver(at);
          }
        }}
        onDragLeave={() => setOver(old => (old === at ? null : old))}
        onDrop={event => {
          event.preventDefault();
          if (dragged.current !== null && movable) {
            props.onMove(dragged.current, at);
          }
        }}
        onDragEnd={() => {
          dragged.current = null;
          setOver(null);
        }}
      >
        <span className="lst-RunHead-text">
          {kind && <small>{kind}</small>}
          <span>{word}</span>
        </span>
        {sort && (
          <span className="lst-RunHead-sort" data-descending={sort.descending} aria-hidden="true">
            {props.sort.length > 1 && order + 1}
          </span>
        )}
        <Edge column={column} onResize={width => props.onResize(at, width)} />
      </div>
    );
  };
  const cells: React.ReactNode[] = [];
  for (let at = frame.from; at < frame.to; at++) {
    cells.push(cell(at));
  }
  return (
    <div
      className="lst-RunRow lst-RunHeader"
      role="row"
      aria-rowindex={1}
      style={{ width: frame.width }}
    >
      <div
        role="columnheader"
        className="lst-RunCell lst-RunMarks"
        aria-colindex={1}
        aria-label={trans.__('Selected')}
        style={{ width: MARK_WIDTH }}
      >
        <span
          className="lst-RunCheck"
          role="checkbox"
          aria-checked={props.checked}
          aria-label={trans.__('Select all that the filters let through')}
          title={trans.__('Select all that the filters let through')}
          data-do="select-all"
        />
      </div>
      {cell(0)}
      {frame.before > 0 && <div style={{ width: frame.before }} role="presentation" />}
      {cells}
    </div>
  );
});

/** The right edge of a head, to drag. */
function Edge(props: { column: IColumn; onResize: (width: number) => void }): JSX.Element {
  const down = (event: React.PointerEvent<HTMLSpanElement>) => {
    event.preventDefault();
    event.stopPropagation();
    const edge = event.currentTarget;
    edge.setPointerCapture(event.pointerId);
    const start = event.clientX;
    const { width } = (edge.parentElement as HTMLElement).getBoundingClientRect();
    const move = (moved: PointerEvent) => {
      const wanted = Math.round(width + moved.clientX - start);
      props.onResize(Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, wanted)));
    };
    const up = () => {
      edge.removeEventListener('pointermove', move);
      edge.removeEventListener('pointerup', up);
      edge.removeEventListener('pointercancel', up);
    };
    edge.addEventListener('pointermove', move);
    edge.addEventListener('pointerup', up);
    edge.addEventListener('pointercancel', up);
  };
  return (
    <span
      className="lst-RunHead-edge"
      role="presentation"
      data-do="nothing"
      onPointerDown={down}
      onMouseDown={event => {
        // Otherwise the whole head would be dragged.
        event.preventDefault();
        event.stopPropagation();
      }}
    />
  );
}
