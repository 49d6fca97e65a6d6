import * as React from 'react';

export interface IColumn<T> {
  head: string;
  cell: (item: T) => React.ReactNode;
  kind?: 'number' | 'wrap';
}

/** Items as rows, under the heads of their columns. */
export function Table<T>(props: {
  label: string;
  columns: readonly IColumn<T>[];
  items: readonly T[];
  id: (item: T) => string;
}): JSX.Element {
  const { columns, items } = props;
  return (
    <table className="lst-Table" aria-label={props.label}>
      <thead>
        <tr>
          {columns.map(column => (
            <th key={column.head} data-number={column.kind === 'number' || undefined}>
              {column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {items.map(item => (
          <tr key={props.id(item)}>
            {columns.map(column => (
              <td
                key={column.head}
                className={column.kind === 'wrap' ? 'lst-Wrap' : undefined}
                data-number={column.kind === 'number' || undefined}
              >
                {column.cell(item)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
