import * as React from 'react';

import type { IRows } from './rows';

const OVERSCAN = 8;

export interface IVirtualHandle {
  /** Bring a row into view, at the top or wherever is nearest. */
  reveal: (index: number, where?: 'nearest' | 'center') => void;
  scrollToEnd: () => void;
  readonly element: HTMLDivElement | null;
}

export interface IVirtualProps {
  count: number;
  rows: IRows;
  row: (index: number) => React.ReactNode;
  className?: string;
  /** Called when the last rows come near. */
  onEnd?: () => void;
  onScroll?: (element: HTMLDivElement) => void;
  attributes?: React.HTMLAttributes<HTMLDivElement>;
}

/** A long list of which only the rows in view exist. */
export const VirtualList = React.forwardRef<IVirtualHandle, IVirtualProps>(
  function VirtualList(props, ref) {
    const { count, rows, onEnd } = props;
    const box = React.useRef<HTMLDivElement>(null);
    const [view, setView] = React.useState({ top: 0, height: 0 });

    const measure = React.useCallback(() => {
      const element = box.current;
      if (element) {
        const next = { top: element.scrollTop, height: element.clientHeight };
        setView(old => (old.top === next.top && old.height === next.height ? old : next));
      }
    }, []);

    React.useLayoutEffect(() => {
      measure();
      const observer = new ResizeObserver(measure);
      if (box.current) {
        observer.observe(box.current);
      }
      return () => observer.disconnect();
    }, [measure]);

    React.useImperativeHandle(ref, () => ({
      reveal: (index, where = 'nearest') => {
        const element = box.current;
        if (!element) {
          return;
        }
        const [top, bottom] = [rows.top(index), rows.top(index + 1)];
        const { scrollTop, clientHeight } = element;
        if (where === 'center') {
          element.scrollTop = (top + bottom - clientHeight) / 2;
        } else if (top < scrollTop) {
          element.scrollTop = top;
        } else if (bottom > scrollTop + clientHeight) {
          element.scrollTop = bottom - clientHeight;
        }
      },
      scrollToEnd: () => {
        if (box.current) {
          box.current.scrollTop = box.current.scrollHeight;
        }
      },
      get element() {
        return box.current;
      }
    }));

    const first = Math.max(0, Math.min(count, rows.at(view.top)) - OVERSCAN);
    const last = Math.min(count, rows.at(view.top + view.height) + 1 + OVERSCAN);
    const nearEnd = view.height > 0 && last >= count - OVERSCAN;

    React.useEffect(() => {
      if (nearEnd) {
        onEnd?.();
      }
    }, [nearEnd, count, onEnd]);

    const shown: React.ReactNode[] = [];
    for (let index = first; index < last; index++) {
      shown.push(props.row(index));
    }
    return (
      <div
        {...props.attributes}
        ref={box}
        className={`lst-Virtual ${props.className ?? ''}`}
        onScroll={() => {
          measure();
          if (box.current) {
            props.onScroll?.(box.current);
          }
        }}
      >
        <div className="lst-Virtual-all" style={{ height: rows.top(count) }} role="presentation">
          <div
            className="lst-Virtual-seen"
            style={{ transform: `translateY(${rows.top(first)}px)` }}
            role="presentation"
          >
            {shown}
          </div>
        </div>
      </div>
    );
  }
);
