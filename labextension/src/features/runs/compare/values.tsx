import * as React from 'react';

import { useTrans } from '../../../components/context';
import { Table } from '../../../components/table';
import { number } from '../../../format';
import { summary } from '../chart/curves';
import type { IDrawn } from '../chart/layer';

/** What a chart shows, as numbers. */
export function ValueTable(props: { curves: readonly IDrawn[]; metric: string }): JSX.Element {
  const trans = useTrans();
  const items = props.curves.map(curve => ({ curve, ...summary(curve.y) }));
  return (
    <details className="lst-ValueTable">
      <summary>{trans.__('As a table')}</summary>
      <Table
        label={props.metric}
        items={items}
        id={each => each.curve.id}
        columns={[
          {
            head: trans.__('Run'),
            kind: 'wrap',
            cell: each => (
              <span className="lst-Inline">
                <i className="lst-Swatch" style={{ color: each.curve.colour }} />
                {each.curve.label}
              </span>
            )
          },
          { head: trans.__('Last'), cell: each => number(each.last), kind: 'number' },
          { head: trans.__('Lowest'), cell: each => number(each.min), kind: 'number' },
          { head: trans.__('Highest'), cell: each => number(each.max), kind: 'number' }
        ]}
      />
    </details>
  );
}
