import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner, Empty } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import { even } from '../../../components/rows';
import { VirtualList } from '../../../components/virtual';
import type { RunModel } from '../model';
import type { TablePage } from '../types';

const ROW = 24;
const PAGE = 200;
/** Browsers end an element somewhere beyond this: more rows share what there is. */
const TALLEST = 15_000_000;
const NARROWEST = 6;
const WIDEST = 32;

type Row = TablePage['rows'][number];

/** A table of any length, of which only the pages that are looked at are read. */
export function TablePreview(props: { model: RunModel; path: string }): JSX.Element | null {
  const { model, path } = props;
  const trans = useTrans();
  const [order, setOrder] = React.useState<string | undefined>(undefined);
  const [first, setFirst] = React.useState<TablePage | null>(null);
  const [pages, setPages] = React.useState<ReadonlyMap<number, readonly Row[]>>(new Map());
  const [problem, setProblem] = React.useState<string | null>(null);
  const asked = React.useRef(new Set<number>());
  const head = React.useRef<HTMLDivElement>(null);

  const load = React.useCallback(
    async (page: number) => {
      if (asked.current.has(page)) {
        return;
      }
      const mine = asked.current.add(page);
      try {
        const query = { path, at: page * PAGE, limit: PAGE, order_by: order };
        const found = await model.runs.table(model.id, query);
        if (asked.current === mine) {
          setPages(old => new Map(old).set(page, found.rows));
          setFirst(old => old ?? found);
          setProblem(null);
        }
      } catch (reason) {
        mine.delete(page);
        setProblem(ApiError.from(reason).message);
      }
    },
    [model, path, order]
  );
  React.useEffect(() => {
    asked.current = new Set();
    setPages(new Map());
    void load(0);
  }, [load]);

  if (!first) {
    return problem ? <Banner kind="error">{problem}</Banner> : null;
  }
  const { columns, total } = first;
  const widths = columns.map((column, at) => {
    const lengths = first.rows.slice(0, 50).map(row => show(row[at]).length);
    return Math.min(WIDEST, Math.max(NARROWEST, column.name.length + 3, ...lengths));
  });
  const digits = Math.max(3, String(total).length);
  const template = `${digits + 2}ch ${widths.map(each => `${each + 2}ch`).join(' ')}`;
  const height = Math.min(ROW, TALLEST / Math.max(1, total));
  const row = (index: number) => {
    const page = Math.floor(index / PAGE);
    const values = pages.get(page)?.[index - page * PAGE];
    if (!values) {
      void load(page);
    }
    return (
      <div key={index} role="row" aria-rowindex={index + 2} className="lst-Sheet-row">
        <span role="rowheader">{index + 1}</span>
        {columns.map((column, at) => (
          <span
            key={column.name}
            role="cell"
            data-number={typeof values?.[at] === 'number' || undefined}
            data-none={values?.[at] === null || undefined}
            title={values ? show(values[at]) : undefined}
          >
            {values ? show(values[at]) : '…'}
          </span>
        ))}
      </div>
    );
  };
  const sort = (name: string) =>
    setOrder(order === name ? `${name} DESC` : order === `${name} DESC` ? undefined : name);
  return (
    <div
      className="lst-Sheet"
      role="table"
      aria-label={path}
      aria-rowcount={total + 1}
      style={{ '--lst-sheet': template } as React.CSSProperties}
    >
      {problem && <Banner kind="error">{problem}</Banner>}
      <div className="lst-Sheet-head" ref={head}>
        <div role="row" className="lst-Sheet-row">
          <span role="columnheader">#</span>
          {columns.map(column => (
            <button
              key={column.name}
              type="button"
              role="columnheader"
              title={`${column.name}: ${column.type}`}
              aria-sort={
                order === column.name
                  ? 'ascending'
                  : order === `${column.name} DESC`
                    ? 'descending'
                    : 'none'
              }
              onClick={() => sort(column.name)}
            >
              {column.name}
            </button>
          ))}
        </div>
      </div>
      {total === 0 ? (
        <Empty>{trans.__('This table has no rows.')}</Empty>
      ) : (
        <VirtualList
          count={total}
          rows={even(height)}
          row={row}
          onScroll={element => {
            if (head.current) {
              head.current.scrollLeft = element.scrollLeft;
            }
          }}
          attributes={{ tabIndex: 0, role: 'rowgroup', 'aria-label': trans.__('Rows') }}
        />
      )}
      <div className="lst-Sheet-foot">
        {trans._n('%1 row', '%2 rows', total, total.toLocaleString())} ·{' '}
        {trans._n('%1 column', '%1 columns', columns.length)}
      </div>
    </div>
  );
}

function show(value: Row[number]): string {
  return value === null ? '' : String(value);
}
