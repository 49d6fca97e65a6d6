import * as React from 'react';

import type { IColumn } from './columns';
import { inStretch, offsets, widthOf } from './columns';
import { HEAD_HEIGHT } from './header';
import { Reel } from './layout';
import { MARK_WIDTH, ROW_HEIGHT } from './row';

const SPARE_ROWS = 8;
/** Rows come and go in steps, so that not each pixel that is scrolled draws anew. */
const STEP = 4;

export interface IViewport {
  box: React.RefObject<HTMLDivElement>;
  reel: Reel;
  first: number;
  last: number;
  /** Where the first row is drawn. */
  top: number;
  from: number;
  to: number;
  before: number;
  /** Of all columns together. */
  width: number;
  nameWidth: number;
  onScroll: () => void;
  /** Bring a row into view, and a column. */
  reveal: (row: number, column: number) => void;
  /** Rows that a page has. */
  page: number;
}

/** Which rows and columns of a grid are in view. */
export function useViewport(count: number, columns: readonly IColumn[]): IViewport {
  const box = React.useRef<HTMLDivElement>(null);
  const [view, setView] = React.useState({ top: 0, left: 0, width: 0, height: 0 });
  const height = Math.max(0, view.height - HEAD_HEIGHT);
  const reel = React.useMemo(() => new Reel(count, ROW_HEIGHT, height), [count, height]);
  // The name takes at most half of a narrow table.
  const wanted = columns.length ? widthOf(columns[0]) : 0;
  const nameWidth = view.width
    ? Math.min(wanted, Math.max(96, view.width / 2 - MARK_WIDTH))
    : wanted;
  const edges = React.useMemo(() => offsets(columns.slice(1)), [columns]);

  const measure = React.useCallback(() => {
    const element = box.current;
    if (element && element.clientHeight > 0) {
      const scaled = reel.height < reel.count * ROW_HEIGHT;
      const step = scaled ? 1 : ROW_HEIGHT * STEP;
      const next = {
        top: Math.floor(element.scrollTop / step) * step,
        left: Math.floor(element.scrollLeft / 64) * 64,
        width: element.clientWidth,
        height: element.clientHeight
      };
      setView(old =>
        old.top === next.top &&
        old.left === next.left &&
        old.width === next.width &&
        old.height === next.height
          ? old
          : next
      );
    }
  }, [reel]);

  React.useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current) {
      observer.observe(box.current);
    }
    return () => observer.disconnect();
  }, [measure]);

  const [first, last] = reel.range(view.top, SPARE_ROWS);
  const seen = view.width - nameWidth - MARK_WIDTH;
  const [from, to] = inStretch(edges, view.left, view.left + Math.max(0, seen) + 64);

  const reveal = React.useCallback(
    (row: number, column: number) => {
      const element = box.current;
      if (!element) {
        return;
      }
      if (row >= 0) {
        const top = reel.reveal(row, element.scrollTop);
        if (top !== element.scrollTop) {
          element.scrollTop = top;
        }
      }
      if (column > 0 && column < edges.length) {
        const [left, right] = [edges[column - 1], edges[column]];
        const room = element.clientWidth - nameWidth - MARK_WIDTH;
        if (left < element.scrollLeft || right - left > room) {
          element.scrollLeft = left;
        } else if (right > element.scrollLeft + room) {
          element.scrollLeft = right - room;
        }
      }
      measure();
    },
    [reel, edges, nameWidth, measure]
  );

  return {
    box,
    reel,
    first,
    last: Math.min(count, last + STEP),
    top: reel.offset(first, view.top),
    from: from + 1,
    to: to + 1,
    before: edges[from],
    width: MARK_WIDTH + nameWidth + edges[edges.length - 1],
    nameWidth,
    onScroll: measure,
    reveal,
    page: Math.max(1, Math.floor(height / ROW_HEIGHT) - 1)
  };
}
