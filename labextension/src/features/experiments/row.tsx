import * as React from 'react';

import type { Run, RunPage } from '../../api/types';
import { useTrans } from '../../components/context';
import { content, isNumber, Star } from './cells';
import { number } from '../../format';
import type { IColumn } from './columns';
import { goalOf, kindOf, nameOf, NAME, NOTE, widthOf } from './columns';
import type { IHead } from './results';
import { cellText, statusWord } from './words';

export const ROW_HEIGHT = 28;
export const MARK_WIDTH = 52;

/** What all rows share; one object as long as nothing of it changes, so that rows are kept. */
export interface IFrame {
  columns: readonly IColumn[];
  /** The columns that exist, after the name. */
  from: number;
  to: number;
  /** The width of what is left out before and after them. */
  before: number;
  width: number;
  nameWidth: number;
  best: NonNullable<RunPage['best']>;
  experiment: (id: string) => string;
  onNote: (note: string | null) => void;
}

interface ICommon {
  index: number;
  frame: IFrame;
  /** The column where the keyboard is, if it is in this row. */
  focused: number | null;
}

function cellProps(props: ICommon, column: number) {
  return {
    role: 'gridcell',
    'data-column': column,
    'aria-colindex': column + 2,
    tabIndex: props.focused === column ? 0 : -1
  };
}

function isBest(run: Run, column: IColumn, best: IFrame['best']): boolean {
  const goal = goalOf(column);
  const name = nameOf(column.key);
  const value = run.metrics[name];
  return (
    kindOf(column.key) === 'metrics' &&
    goal !== 'none' &&
    value !== undefined &&
    value !== null &&
    best[name]?.[goal] === run.id
  );
}

/** One run. */
export const RunRow = React.memo(function RunRow(
  props: ICommon & { run: Run; selected: boolean; writing: boolean }
): JSX.Element {
  const { run, frame, index } = props;
  const trans = useTrans();
  const { columns } = frame;
  const cells: React.ReactNode[] = [];
  for (let at = frame.from; at < frame.to; at++) {
    const column = columns[at];
    const best = isBest(run, column, frame.best);
    const text = cellText(run, column.key, frame.experiment);
    const writing = props.writing && column.key === NOTE;
    cells.push(
      <div
        key={column.key}
        {...cellProps(props, at)}
        className="lst-RunCell"
        data-key={column.key}
        data-number={isNumber(column.key, text) || undefined}
        data-best={best || undefined}
        aria-label={best ? trans.__('%1, the best', text) : undefined}
        title={text || undefined}
        style={{ width: widthOf(column) }}
      >
        {writing ? (
          <NoteInput note={run.note ?? ''} onDone={frame.onNote} />
        ) : (
          content(run, column, frame.experiment)
        )}
      </div>
    );
  }
  return (
    <div
      className="lst-RunRow"
      role="row"
      aria-rowindex={index + 2}
      aria-selected={props.selected}
      data-row={index}
      data-run={run.id}
      data-status={run.status}
      style={{ width: frame.width }}
    >
      <div className="lst-RunCell lst-RunMarks" role="gridcell" aria-colindex={1}>
        <span
          className="lst-RunCheck"
          role="checkbox"
          aria-checked={props.selected}
          aria-label={trans.__('Select %1', run.name)}
          data-do="select"
        />
        <span
          className="lst-RunStar"
          role="button"
          aria-pressed={run.favourite}
          aria-label={run.favourite ? trans.__('No favourite any more') : trans.__('Favourite')}
          title={run.favourite ? trans.__('No favourite any more') : trans.__('Favourite')}
          data-do="favourite"
        >
          <Star on={run.favourite} />
        </span>
      </div>
      <div
        {...cellProps(props, 0)}
        className="lst-RunCell lst-RunCell-name"
        data-key={NAME}
        aria-label={`${run.name}, ${statusWord(run.status, trans)}`}
        title={`${run.name}\n${statusWord(run.status, trans)}`}
        style={{ width: frame.nameWidth }}
      >
        {content(run, columns[0], frame.experiment)}
      </div>
      {frame.before > 0 && <div style={{ width: frame.before }} role="presentation" />}
      {cells}
    </div>
  );
});

/** The head of a group: its value, how many, and what its metrics come to. */
export const GroupRow = React.memo(function GroupRow(
  props: ICommon & { head: IHead; label: string }
): JSX.Element {
  const { head, frame, index } = props;
  const { group, open } = head;
  const trans = useTrans();
  const cells: React.ReactNode[] = [];
  for (let at = frame.from; at < frame.to; at++) {
    const column = frame.columns[at];
    const spread = group.metrics?.[nameOf(column.key)];
    const goal = goalOf(column);
    const value = spread && (goal === 'none' ? spread.mean : spread[goal]);
    const metric = kindOf(column.key) === 'metrics' && spread;
    cells.push(
      <div
        key={column.key}
        {...cellProps(props, at)}
        className="lst-RunCell"
        data-number={true}
        title={
          metric
            ? trans.__(
                'From %1 to %2, mean %3',
                number(spread.min),
                number(spread.max),
                number(spread.mean)
              )
            : undefined
        }
        style={{ width: widthOf(column) }}
      >
        {metric && number(value)}
      </div>
    );
  }
  return (
    <div
      className="lst-RunRow lst-GroupRow"
      role="row"
      aria-rowindex={index + 2}
      aria-expanded={open}
      aria-level={1}
      data-row={index}
      style={{ width: frame.width }}
    >
      <div
        {...cellProps(props, 0)}
        className="lst-RunCell lst-RunCell-name"
        aria-label={trans.__('%1, %2 runs', props.label, group.count)}
        title={props.label}
        style={{ width: frame.nameWidth + MARK_WIDTH }}
      >
        <span className="lst-Twist" data-open={open} aria-hidden="true" />
        <span className="lst-RunName">{props.label}</span>
        <span className="lst-Badge">{group.count.toLocaleString()}</span>
      </div>
      {frame.before > 0 && <div style={{ width: frame.before }} role="presentation" />}
      {cells}
    </div>
  );
});

/** A row that is on its way. */
export const WaitRow = React.memo(function WaitRow(props: ICommon): JSX.Element {
  const { frame } = props;
  return (
    <div
      className="lst-RunRow lst-WaitRow"
      role="row"
      aria-rowindex={props.index + 2}
      aria-busy="true"
      data-row={props.index}
      style={{ width: frame.width }}
    >
      <div className="lst-RunCell lst-RunMarks" role="gridcell" aria-colindex={1} />
      <div
        {...cellProps(props, 0)}
        className="lst-RunCell lst-RunCell-name"
        style={{ width: frame.nameWidth }}
      >
        <span className="lst-Wait" />
      </div>
    </div>
  );
});

/** The note of a run, being written: Enter keeps it, Escape leaves it as it was. */
function NoteInput(props: { note: string; onDone: (note: string | null) => void }): JSX.Element {
  const [text, setText] = React.useState(props.note);
  const trans = useTrans();
  const done = React.useRef(false);
  const finish = (note: string | null) => {
    if (!done.current) {
      done.current = true;
      props.onDone(note === props.note ? null : note);
    }
  };
  return (
    <input
      type="text"
      autoFocus
      value={text}
      aria-label={trans.__('Note')}
      onChange={event => setText(event.target.value)}
      onBlur={() => finish(text)}
      onMouseDown={event => event.stopPropagation()}
      onKeyDown={event => {
        event.stopPropagation();
        if (event.key === 'Enter') {
          finish(text);
        } else if (event.key === 'Escape') {
          finish(null);
        }
      }}
    />
  );
}
