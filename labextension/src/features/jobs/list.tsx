import * as React from 'react';

import { Banner, Button, Empty } from '../../components/basics';
import { useServices } from '../../components/context';
import { runAsJobIcon } from '../../components/icons';
import type { IVirtualHandle } from '../../components/virtual';
import { even } from '../../components/rows';
import { VirtualList } from '../../components/virtual';
import { CommandIDs } from '../../tokens';
import type { JobsModel } from './model';
import { JobRow, ROW_HEIGHT } from './row';

const ROWS = even(ROW_HEIGHT);

/** The list itself: arrows move, Enter opens, Delete deletes, Shift and Accel select more. */
export function JobList(props: { model: JobsModel }): JSX.Element {
  const { model } = props;
  const { commands, trans } = useServices();
  const list = React.useRef<IVirtualHandle>(null);
  const [focus, setFocus] = React.useState<string | null>(null);
  const anchor = React.useRef<string | null>(null);
  const items = model.items;
  const selected = new Set(model.selection);
  const at = items.findIndex(job => job.id === focus);

  const open = (id: string) => void commands.execute(CommandIDs.open, { id });
  const range = (from: number, to: number) =>
    items.slice(Math.min(from, to), Math.max(from, to) + 1).map(job => job.id);

  const select = (index: number, how: { shift: boolean; toggle: boolean }) => {
    const id = items[index].id;
    setFocus(id);
    if (how.toggle) {
      model.selection = selected.has(id)
        ? model.selection.filter(item => item !== id)
        : [...model.selection, id];
      anchor.current = id;
    } else if (how.shift) {
      const from = items.findIndex(job => job.id === anchor.current);
      model.selection = range(from < 0 ? index : from, index);
    } else {
      model.selection = [id];
      anchor.current = id;
    }
  };

  const onMouse = (index: number) => (event: React.MouseEvent) => {
    const right = event.button === 2 || (event.button === 0 && event.ctrlKey && isMac());
    if (right && selected.has(items[index].id)) {
      setFocus(items[index].id);
      return;
    }
    select(index, { shift: event.shiftKey, toggle: !right && (event.ctrlKey || event.metaKey) });
  };

  const onKey = (event: React.KeyboardEvent) => {
    const page = Math.max(
      1,
      Math.floor((list.current?.element?.clientHeight ?? 0) / ROW_HEIGHT) - 1
    );
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: items.length - 1
    };
    if (event.key in moves && items.length > 0) {
      const to = Math.max(0, Math.min(items.length - 1, moves[event.key]));
      select(to, { shift: event.shiftKey, toggle: false });
      list.current?.reveal(to);
    } else if (event.key === 'Enter' && focus) {
      open(focus);
    } else if ((event.key === 'Delete' || event.key === 'Backspace') && model.selection.length) {
      void commands.execute(CommandIDs.remove, {});
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      model.selection = items.map(job => job.id);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const filtered =
    model.filters.query !== '' || model.filters.states.length > 0 || model.filters.kinds.length > 0;
  const loadMore = React.useCallback(() => void model.loadMore(), [model]);

  return (
    <>
      {model.error && (
        <Banner
          kind="error"
          actions={<Button onClick={() => void model.refresh()}>{trans.__('Try again')}</Button>}
        >
          {model.error.message}
        </Banner>
      )}
      {items.length === 0 && !model.loading && !model.error ? (
        filtered ? (
          <Empty
            action={
              <Button
                onClick={() => {
                  model.filters = { states: [], kinds: [], query: '' };
                }}
              >
                {trans.__('Show all jobs')}
              </Button>
            }
          >
            {trans.__('No job matches these filters.')}
          </Empty>
        ) : (
          <Empty
            action={
              <Button
                kind="primary"
                icon={runAsJobIcon}
                onClick={() => void commands.execute(CommandIDs.submit)}
              >
                {trans.__('New job')}
              </Button>
            }
          >
            {trans.__(
              'Press “Run as job” in a notebook’s toolbar: it runs on its own, and outlives this tab.'
            )}
          </Empty>
        )
      ) : (
        <VirtualList
          ref={list}
          className="lst-JobList"
          count={items.length}
          rows={ROWS}
          onEnd={loadMore}
          attributes={{
            role: 'listbox',
            tabIndex: 0,
            'aria-label': trans.__('Jobs'),
            'aria-multiselectable': true,
            'aria-busy': model.loading,
            'aria-activedescendant': at >= 0 ? `lst-job-${focus}` : undefined,
            onKeyDown: onKey,
            onFocus: () => {
              if (!focus && items.length > 0) {
                setFocus(items[0].id);
              }
            }
          }}
          row={index => {
            const job = items[index];
            return (
              <JobRow
                key={job.id}
                job={job}
                selected={selected.has(job.id)}
                focused={job.id === focus}
                onPoint={() => model.kernels.look(job)}
                onSelect={onMouse(index)}
                onOpen={() => open(job.id)}
              />
            );
          }}
        />
      )}
    </>
  );
}

function isMac(): boolean {
  return /Mac/.test(navigator.platform);
}
