import { Clipboard } from '@jupyterlab/apputils';
import {
  caretDownIcon,
  caretUpIcon,
  copyIcon,
  downloadIcon,
  searchIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { strip } from '../../../ansi';
import { AnsiLine } from '../../../components/ansi';
import { Empty, IconButton } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { followIcon, wrapIcon } from '../../../components/icons';
import { useMemory } from '../../../components/memory';
import { even, WrappedRows } from '../../../components/rows';
import type { IVirtualHandle } from '../../../components/virtual';
import { VirtualList } from '../../../components/virtual';
import { bytes } from '../../../format';
import type { LogLines } from '../loglines';
import { LogStream } from './logstream';
import type { JobModel } from './model';

const LINE_HEIGHT = 18;
const LINE_LIMIT = 2_000;
const WHOLE_LIMIT = 200_000;
/** What stands beside the text of a line: its number and the margins. */
const GUTTER = 64 + 24;
/** Places for the button at the end of a line that is cut. */
const ROOM_FOR_MORE = 24;
const EVEN = even(LINE_HEIGHT);

/** The log of the attempt that is looked at, live. */
export function LogTab(props: { model: JobModel }): JSX.Element {
  const { model } = props;
  const { api, trans } = useServices();
  useSignal(model.changed);
  const [stream, setStream] = React.useState<LogStream | null>(null);
  const attempt = model.number;
  React.useEffect(() => {
    if (attempt === 0) {
      return;
    }
    const next = new LogStream(api, model.id, attempt);
    setStream(next);
    return () => {
      next.dispose();
      setStream(null);
    };
  }, [api, model.id, attempt]);
  return stream ? (
    <LogView stream={stream} url={api.fileUrl(model.id, 'log', { attempt, download: true })} />
  ) : (
    <Empty>{trans.__('The log begins when the job starts.')}</Empty>
  );
}

function LogView(props: { stream: LogStream; url: string }): JSX.Element {
  const { stream } = props;
  const { trans } = useServices();
  useSignal(stream.changed);
  const list = React.useRef<IVirtualHandle>(null);
  const [follow, setFollow] = React.useState(true);
  const [needle, setNeedle] = React.useState('');
  const [at, setAt] = React.useState(0);
  const [whole, setWhole] = React.useState<ReadonlySet<number>>(new Set());
  const [wrap, setWrap] = useMemory<'on' | 'off'>('log-wrap', 'off');
  const count = stream.lines.length;
  const found = React.useMemo(
    () => stream.lines.search(needle),
    // The lines grow in place: their number stands for them.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [stream, needle, count]
  );
  const width = useColumns(list, wrap === 'on' && count > 0);
  const wrapped = React.useMemo(
    () => (width ? new WrappedRows(LINE_HEIGHT, width) : null),
    // What is shown whole takes more room.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [stream, width, whole]
  );
  const rows =
    wrapped?.fit(count, index => {
      const text = strip(stream.lines.shown(index));
      return text.slice(0, whole.has(index) ? WHOLE_LIMIT : LINE_LIMIT + ROOM_FOR_MORE);
    }) ?? EVEN;
  const search = React.useRef<HTMLInputElement>(null);

  React.useLayoutEffect(() => {
    if (follow) {
      list.current?.scrollToEnd();
    }
  }, [count, follow, rows]);

  const go = (step: number) => {
    if (found.length) {
      const next = (at + step + found.length) % found.length;
      setAt(next);
      setFollow(false);
      list.current?.reveal(found[next], 'center');
    }
  };
  const type = (text: string) => {
    setNeedle(text);
    setAt(0);
    const first = stream.lines.search(text, 1)[0];
    if (first !== undefined) {
      setFollow(false);
      list.current?.reveal(first, 'center');
    }
  };
  const onScroll = (element: HTMLDivElement) => {
    const end = element.scrollHeight - element.scrollTop - element.clientHeight < LINE_HEIGHT;
    if (end !== follow) {
      setFollow(end);
    }
  };
  const current = found[at];
  return (
    <div
      className="lst-Log"
      data-wrap={rows !== EVEN}
      onKeyDown={event => {
        if (event.key === 'f' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          event.stopPropagation();
          search.current?.focus();
        }
      }}
    >
      <div className="lst-Log-bar">
        <div className="lst-Log-search">
          <searchIcon.react tag="span" elementSize="normal" />
          <input
            ref={search}
            type="search"
            value={needle}
            spellCheck={false}
            placeholder={trans.__('Search the log')}
            aria-label={trans.__('Search the log')}
            onChange={event => type(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                go(event.shiftKey ? -1 : 1);
              }
            }}
          />
          {needle && (
            <>
              <span aria-live="polite">
                {found.length ? `${at + 1}/${found.length}` : trans.__('none')}
              </span>
              <IconButton icon={caretUpIcon} label={trans.__('Previous')} onClick={() => go(-1)} />
              <IconButton icon={caretDownIcon} label={trans.__('Next')} onClick={() => go(1)} />
            </>
          )}
        </div>
        <span className="lst-Log-size" data-complete={stream.complete} data-lines={count}>
          {trans._n('%1 line', '%1 lines', count)} · {bytes(stream.bytes)}
          {!stream.complete &&
            ` · ${stream.connected ? trans.__('live') : trans.__('reconnecting…')}`}
        </span>
        <span className="lst-Fill" />
        <IconButton
          icon={wrapIcon}
          label={trans.__('Wrap long lines')}
          pressed={wrap === 'on'}
          onClick={() => setWrap(wrap === 'on' ? 'off' : 'on')}
        />
        <IconButton
          icon={followIcon}
          label={trans.__('Follow the end')}
          pressed={follow}
          onClick={() => setFollow(!follow)}
        />
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy the log')}
          onClick={() => Clipboard.copyToSystem(stream.lines.text())}
        />
        <a
          className="lst-IconButton"
          href={props.url}
          download
          title={trans.__('Download the log')}
          aria-label={trans.__('Download the log')}
        >
          <downloadIcon.react tag="span" elementSize="normal" />
        </a>
      </div>
      {count === 0 && stream.complete ? (
        <Empty>{trans.__('This attempt wrote nothing.')}</Empty>
      ) : (
        <VirtualList
          ref={list}
          className="lst-Log-lines"
          count={count}
          rows={rows}
          onScroll={onScroll}
          attributes={{
            role: 'log',
            tabIndex: 0,
            'aria-label': trans.__('Log'),
            'aria-live': 'off'
          }}
          row={index => (
            <Line
              key={index}
              lines={stream.lines}
              index={index}
              text={stream.lines.lines[index]}
              needle={needle}
              current={index === current}
              whole={whole.has(index)}
              onWhole={() => setWhole(new Set([...whole, index]))}
              url={props.url}
            />
          )}
        />
      )}
    </div>
  );
}

/** How many characters a line of the log holds; 0 while nobody needs to know. */
function useColumns(list: React.RefObject<IVirtualHandle>, active: boolean): number {
  const [count, setCount] = React.useState(0);
  React.useLayoutEffect(() => {
    const element = list.current?.element;
    if (!active || !element) {
      setCount(0);
      return;
    }
    const canvas = document.createElement('canvas').getContext('2d');
    const measure = () => {
      if (canvas) {
        canvas.font = window.getComputedStyle(element).font;
        const letter = canvas.measureText('0'.repeat(100)).width / 100;
        setCount(Math.max(8, Math.floor((element.clientWidth - GUTTER) / letter)));
      }
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [list, active]);
  return count;
}

interface ILineProps {
  lines: LogLines;
  index: number;
  /** The raw line: only so that a line which grew is drawn again. */
  text: string;
  needle: string;
  current: boolean;
  whole: boolean;
  onWhole: () => void;
  url: string;
}

const Line = React.memo(
  function Line(props: ILineProps): JSX.Element {
    const { lines, index, needle } = props;
    const { trans } = useServices();
    const shown = lines.shown(index);
    const cut = shown.length > LINE_LIMIT && !props.whole;
    const text = cut ? shown.slice(0, LINE_LIMIT) : shown.slice(0, WHOLE_LIMIT);
    const own = shown.startsWith('[labstudio]');
    return (
      <div className="lst-Line" data-current={props.current} data-own={own}>
        <span className="lst-Line-number" data-number={index + 1} aria-hidden="true" />
        <span className="lst-Line-text">
          <AnsiLine
            text={text}
            start={lines.style(index)}
            render={needle ? part => mark(part, needle) : undefined}
          />
          {cut && (
            <button type="button" className="lst-Link" onClick={props.onWhole}>
              {trans.__('… show all %1', bytes(strip(shown).length))}
            </button>
          )}
          {props.whole && shown.length > WHOLE_LIMIT && (
            <a className="lst-Link" href={props.url} download>
              {trans.__('… download to see the rest')}
            </a>
          )}
        </span>
      </div>
    );
  },
  (a, b) =>
    a.text === b.text &&
    a.index === b.index &&
    a.lines === b.lines &&
    a.needle === b.needle &&
    a.current === b.current &&
    a.whole === b.whole
);

function mark(text: string, needle: string): React.ReactNode {
  const parts: React.ReactNode[] = [];
  const lower = text.toLowerCase();
  const wanted = needle.toLowerCase();
  let last = 0;
  for (
    let at = lower.indexOf(wanted);
    at >= 0 && parts.length < 400;
    at = lower.indexOf(wanted, last)
  ) {
    parts.push(text.slice(last, at), <mark key={at}>{text.slice(at, at + needle.length)}</mark>);
    last = at + needle.length;
  }
  parts.push(text.slice(last));
  return parts;
}
