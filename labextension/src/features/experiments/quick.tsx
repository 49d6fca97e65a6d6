import { searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useTrans } from '../../components/context';
import type { TableActions } from './actions';
import { Star, StatusMark } from './cells';
import type { Lifecycle, Since } from './state';
import { isFiltered, LIFECYCLES, SINCE, STATUSES, unfiltered } from './state';
import { sinceWord, statusWord } from './words';

const TYPED_MS = 250;

/** Filters that need no language: text, what a run is doing, whose it is, when it began. */
export function QuickFilters(props: { actions: TableActions }): JSX.Element {
  const { model } = props.actions;
  const { state } = model;
  const trans = useTrans();
  const lifecycles: Record<Lifecycle, string> = {
    active: trans.__('Active'),
    archived: trans.__('Archived'),
    deleted: trans.__('Deleted')
  };
  return (
    <div className="lst-QuickFilters" role="group" aria-label={trans.__('Quick filters')}>
      <TextFilter actions={props.actions} />
      <div className="lst-Chips">
        {STATUSES.map(status => (
          <button
            key={status}
            type="button"
            data-status={status}
            aria-pressed={state.status === status}
            onClick={() => model.change({ status: state.status === status ? '' : status })}
          >
            <StatusMark status={status} />
            {statusWord(status, trans)}
          </button>
        ))}
        <button
          type="button"
          aria-pressed={state.mine}
          onClick={() => model.change({ mine: !state.mine })}
        >
          {trans.__('Mine')}
        </button>
        <button
          type="button"
          aria-pressed={state.favourite}
          onClick={() => model.change({ favourite: !state.favourite })}
        >
          <Star on={state.favourite} />
          {trans.__('Favourites')}
        </button>
        <Choice
          label={trans.__('Which runs')}
          value={state.lifecycle}
          options={LIFECYCLES.map(each => [each, lifecycles[each]])}
          onChange={lifecycle => model.change({ lifecycle })}
        />
        <Choice
          label={trans.__('Started')}
          value={state.since}
          options={(['', ...Object.keys(SINCE)] as Since[]).map(each => [
            each,
            sinceWord(each, trans)
          ])}
          onChange={since => model.change({ since })}
        />
        {isFiltered(state) && (
          <button
            type="button"
            className="lst-Link"
            onClick={() => model.change(unfiltered(state))}
          >
            {trans.__('Show all')}
          </button>
        )}
      </div>
    </div>
  );
}

function TextFilter(props: { actions: TableActions }): JSX.Element {
  const { model } = props.actions;
  const trans = useTrans();
  const [text, setText] = React.useState(model.state.text);
  const timer = React.useRef(0);
  const applied = model.state.text;
  React.useEffect(() => () => window.clearTimeout(timer.current), []);
  React.useEffect(() => {
    // Cleared from elsewhere: the box follows. What is being typed is left alone.
    setText(old => (old.trim() === applied ? old : applied));
  }, [applied]);
  const type = (value: string) => {
    setText(value);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => model.change({ text: value.trim() }), TYPED_MS);
  };
  return (
    <div className="lst-Filters-text">
      <searchIcon.react tag="span" elementSize="normal" />
      <input
        type="search"
        value={text}
        spellCheck={false}
        placeholder={trans.__('Name, parameter or note')}
        aria-label={trans.__('Name, parameter or note')}
        onChange={event => type(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape' && text) {
            event.stopPropagation();
            type('');
          }
        }}
      />
    </div>
  );
}

/** One of a few, in a row of chips. */
function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}): JSX.Element {
  return (
    <div className="lst-Select lst-Choice" data-chosen={props.value !== props.options[0][0]}>
      <select
        aria-label={props.label}
        title={props.label}
        value={props.value}
        onChange={event => props.onChange(event.target.value as T)}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
