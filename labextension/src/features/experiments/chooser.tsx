import { closeIcon, searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Button, IconButton } from '../../components/basics';
import { useTrans } from '../../components/context';
import { chartIcon } from '../../components/icons';
import type { TableActions } from './actions';
import type { IColumn } from './columns';
import { ATTRIBUTES, changeColumn, kindOf, moveColumn, NAME, toggleColumn } from './columns';
import { columnWord, kindWord } from './words';

const OFFERED = 200;

/** Which columns there are, and in which order. */
export function Chooser(props: { actions: TableActions }): JSX.Element {
  const { model } = props.actions;
  const trans = useTrans();
  const [text, setText] = React.useState('');
  const { columns, known } = model;
  const set = (next: IColumn[]) => model.change({ columns: next });
  const chosen = new Set(columns.map(column => column.key));
  const wanted = text.trim().toLowerCase();
  const all = [
    ...ATTRIBUTES.map(key => ({ key, count: null as number | null })),
    ...(['metrics', 'params', 'tags'] as const).flatMap(kind =>
      known[kind].map(each => ({ key: `${kind}.${each.key}`, count: each.count as number | null }))
    )
  ];
  const offered = all.filter(
    each =>
      model.settled &&
      !chosen.has(each.key) &&
      `${each.key} ${columnWord(each.key, trans)}`.toLowerCase().includes(wanted)
  );
  return (
    <>
      <div className="lst-Chooser-head">
        <div className="lst-Filters-text">
          <searchIcon.react tag="span" elementSize="normal" />
          <input
            type="search"
            value={text}
            placeholder={trans.__('Find a column')}
            aria-label={trans.__('Find a column')}
            onChange={event => setText(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter' && offered.length > 0) {
                set(toggleColumn(columns, offered[0].key));
              }
            }}
          />
        </div>
        <Button
          disabled={model.state.columns === null}
          onClick={() => model.change({ columns: null })}
        >
          {trans.__('Usual columns')}
        </Button>
      </div>
      <div className="lst-Chooser">
        {!model.settled && <p className="lst-Quiet">{trans.__('Loading…')}</p>}
        {!wanted && model.settled && <Shown columns={columns} onChange={set} />}
        <h3>{trans.__('More')}</h3>
        <ul aria-label={trans.__('Columns that are not shown')}>
          {offered.slice(0, OFFERED).map(each => (
            <li key={each.key}>
              <label title={each.key}>
                <input
                  type="checkbox"
                  checked={false}
                  onChange={() => set(toggleColumn(columns, each.key))}
                />
                <span>{columnWord(each.key, trans)}</span>
                <small>{kindWord(each.key, trans)}</small>
                {each.count !== null && <small>{each.count.toLocaleString()}</small>}
              </label>
            </li>
          ))}
        </ul>
        {offered.length === 0 && model.settled && (
          <p className="lst-Quiet">{trans.__('There is no other column like this.')}</p>
        )}
        {offered.length > OFFERED && (
          <p className="lst-Quiet">
            {trans.__('%1 more: type to find them.', offered.length - OFFERED)}
          </p>
        )}
      </div>
    </>
  );
}

/** The columns that are shown, to be put in order by dragging, or by Alt and the arrows. */
function Shown(props: {
  columns: readonly IColumn[];
  onChange: (columns: IColumn[]) => void;
}): JSX.Element {
  const { columns, onChange } = props;
  const trans = useTrans();
  const list = React.useRef<HTMLUListElement>(null);
  const dragged = React.useRef<number | null>(null);
  const [over, setOver] = React.useState<number | null>(null);
  const moved = React.useRef<number | null>(null);
  // A line that is moved loses the focus: it gets it back where it went.
  React.useLayoutEffect(() => {
    if (moved.current !== null) {
      list.current?.querySelectorAll<HTMLInputElement>('input')[moved.current - 1]?.focus();
      moved.current = null;
    }
  }, [columns]);
  const move = (from: number, to: number) => {
    if (to > 0 && to < columns.length) {
      moved.current = to;
      onChange(moveColumn(columns, from, to));
    }
  };
  return (
    <>
      <h3>
        {trans.__('Shown')}
        <small>{trans.__('drag, or Alt+↑ and Alt+↓, to put them in order')}</small>
      </h3>
      <ul ref={list} aria-label={trans.__('Columns that are shown')}>
        {columns.map((column, at) =>
          column.key === NAME ? null : (
            <li
              key={column.key}
              data-key={column.key}
              data-over={over === at || undefined}
              draggable
              onDragStart={event => {
                dragged.current = at;
                event.dataTransfer.effectAllowed = 'move';
                event.dataTransfer.setData('text/plain', column.key);
              }}
              onDragOver={event => {
                event.preventDefault();
                setOver(at);
              }}
              onDrop={event => {
                event.preventDefault();
                if (dragged.current !== null) {
                  onChange(moveColumn(columns, dragged.current, at));
                }
              }}
              onDragEnd={() => {
                dragged.current = null;
                setOver(null);
              }}
              onKeyDown={event => {
                const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
                if (step !== undefined && event.altKey) {
                  event.preventDefault();
                  move(at, at + step);
                }
              }}
            >
              <label title={column.key}>
                <input
                  type="checkbox"
                  checked
                  onChange={() => onChange(toggleColumn(columns, column.key))}
                />
                <span>{columnWord(column.key, trans)}</span>
                <small>{kindWord(column.key, trans)}</small>
              </label>
              {kindOf(column.key) === 'metrics' && (
                <IconButton
                  icon={chartIcon}
                  label={trans.__('Show the course of %1', columnWord(column.key, trans))}
                  pressed={column.spark === true}
                  onClick={() =>
                    onChange(
                      changeColumn(columns, column.key, { spark: !column.spark, width: undefined })
                    )
                  }
                />
              )}
              <IconButton
                icon={closeIcon}
                label={trans.__('Hide %1', columnWord(column.key, trans))}
                tabIndex={-1}
                onClick={() => onChange(toggleColumn(columns, column.key))}
              />
            </li>
          )
        )}
      </ul>
    </>
  );
}
