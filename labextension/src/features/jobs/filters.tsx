import { filterIcon, MenuSvg, searchIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { JobKind, JobState } from '../../api/types';
import { ACTIVE } from '../../api/types';
import { IconButton } from '../../components/basics';
import { useTrans } from '../../components/context';
import { kindWord, StateIcon } from '../../components/state';
import type { JobsModel } from './model';

const KINDS: readonly JobKind[] = ['notebook', 'script', 'cell', 'function', 'image'];
const GROUPS: readonly { id: string; states: readonly JobState[] }[] = [
  { id: 'all', states: [] },
  { id: 'active', states: ACTIVE },
  { id: 'succeeded', states: ['succeeded'] },
  { id: 'failed', states: ['failed', 'interrupted'] },
  { id: 'stopped', states: ['stopped'] }
];

/** Text, state and kind: what the list shows. */
export function Filters(props: { model: JobsModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const [text, setText] = React.useState(model.filters.query);
  const timer = React.useRef(0);
  React.useEffect(() => () => window.clearTimeout(timer.current), []);
  const { query } = model.filters;
  React.useEffect(() => {
    // Cleared from elsewhere: the box follows. What is being typed is left alone.
    setText(old => (old.trim() === query ? old : query));
  }, [query]);
  const words: Record<string, string> = {
    all: trans.__('All'),
    active: trans.__('Active'),
    succeeded: trans.__('Succeeded'),
    failed: trans.__('Failed'),
    stopped: trans.__('Stopped')
  };
  // Counts come under the same filters: a group that is filtered away keeps its last number.
  const known = React.useRef<Record<string, number>>({});
  const unfiltered = model.filters.states.length === 0;
  for (const group of GROUPS) {
    const states = group.states.length ? group.states : (Object.keys(model.counts) as JobState[]);
    const sum = states.reduce((total, state) => total + (model.counts[state] ?? 0), 0);
    const chosen =
      group.states.length > 0 && group.states.every(s => model.filters.states.includes(s));
    if (unfiltered || chosen) {
      known.current[group.id] = sum;
    }
  }
  const nothing = unfiltered && !text && model.filters.kinds.length === 0 && !known.current.all;
  const type = (value: string) => {
    setText(value);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      model.filters = { ...model.filters, query: value.trim() };
    }, 200);
  };
  const chooseKinds = (event: React.MouseEvent) => {
    const registry = new CommandRegistry();
    const menu = new MenuSvg({ commands: registry });
    for (const kind of KINDS) {
      registry.addCommand(kind, {
        label: kindWord(kind, trans),
        describedBy: { args: { type: 'object', properties: {} } },
        isToggled: () => model.filters.kinds.includes(kind),
        execute: () => {
          const kinds = model.filters.kinds.includes(kind)
            ? model.filters.kinds.filter(k => k !== kind)
            : [...model.filters.kinds, kind];
          model.filters = { ...model.filters, kinds };
        }
      });
      menu.addItem({ command: kind });
    }
    const { left, bottom } = event.currentTarget.getBoundingClientRect();
    menu.aboutToClose.connect(() => window.setTimeout(() => menu.dispose(), 0), menu);
    menu.open(left, bottom);
  };
  return (
    <div className="lst-Filters">
      <div className="lst-Filters-text">
        <searchIcon.react tag="span" elementSize="normal" />
        <input
          type="search"
          value={text}
          spellCheck={false}
          placeholder={trans.__('Filter by name or path')}
          aria-label={trans.__('Filter by name or path')}
          onChange={event => type(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Escape' && text) {
              event.stopPropagation();
              type('');
            }
          }}
        />
        <IconButton
          icon={filterIcon}
          label={
            model.filters.kinds.length
              ? trans.__('Kinds: %1', model.filters.kinds.map(k => kindWord(k, trans)).join(', '))
              : trans.__('Filter by kind')
          }
          pressed={model.filters.kinds.length > 0}
          onClick={chooseKinds}
        />
      </div>
      <div
        className="lst-Filters-states"
        role="group"
        aria-label={trans.__('Filter by state')}
        hidden={nothing}
      >
        {GROUPS.map(group => {
          const pressed = String(model.filters.states) === String(group.states);
          const count = known.current[group.id];
          const state = group.states[0];
          return group.id === 'stopped' && !pressed && !count ? null : (
            <button
              key={group.id}
              type="button"
              data-group={group.id}
              aria-pressed={pressed}
              aria-label={`${words[group.id]} ${count ?? ''}`.trim()}
              title={words[group.id]}
              onClick={() => {
                model.filters = { ...model.filters, states: pressed ? [] : group.states };
              }}
            >
              {state ? <StateIcon state={group.id === 'active' ? 'queued' : state} /> : words.all}
              <span>{count ?? ''}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}
