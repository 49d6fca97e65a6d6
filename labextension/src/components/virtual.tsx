import * as React from 'react';

const OVERSCAN = 8;

export interface IVirtualHandle {
  /** Bring a row into view, at the top or wherever is nearest. */
  reveal: (index: number, where?: 'nearest' | 'center') => void;
  scrollToEnd: () => void;
  readonly element: HTMLDivElement | null;
}

export interface IVirtualProps {
  count: number;
  rowHeight: number;
  row: (index: number) => React.ReactNode;
  className?: string;
  /** Called when the last rows come near. */
  onEnd?: () => void;
  onScroll?: (element: HTMLDivElement) => void;
  attributes?: React.HTMLAttributes<HTMLDivElement>;
}

/** A list of rows of one height, of which only those in view exist. */
export const VirtualList = React.forwardRef<IVirtualHandle, IVirtualProps>(
  function VirtualList(props, ref) {
    const { count, rowHeight, onEnd } = props;
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
        const top = index * rowHeight;
        const { scrollTop, clientHeight } = element;
        if (where === 'center') {
          element.scrollTop = top - clientHeight / 2 + rowHeight / 2;
        } else if (top < scrollTop) {
          element.scrollTop = top;
        } else if (top + rowHeight > scrollTop + clientHeight) {
          element.scrollTop = top + rowHeight - clientHeight;
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

    const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
    const last = Math.min(count, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
    const nearEnd = view.height > 0 && last >= count - OVERSCAN;

    React.useEffect(() => {
      if (nearEnd) {
        onEnd?.();
      }
    }, [nearEnd, count, onEnd]);

    const rows: React.ReactNode[] = [];
    for (let index = first; index < last; index++) {
      rows.push(props.row(index));
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
        <div className="lst-Virtual-all" style={{ height: count * rowHeight }} role="presentation">
          <div
            className="lst-Virtual-seen"
            style={{ transform: `translateY(${first * rowHeight}px)` }}
            role="presentation"
          >
            {rows}
          </div>
        </div>
      </div>
    );
  }
);
