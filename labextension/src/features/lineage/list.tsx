import * as React from 'react';

import { useTrans } from '../../components/context';
import { KindMark } from '../../components/kind';
import { Table } from '../../components/table';
import type { Graph, Node } from './api';
import type { Direction } from './graph';
import { kindWord } from './kinds';
import type { LineageModel } from './model';

/** The graph in words: each object with what it came of and what it led to. */
export function NodeList(props: { model: LineageModel; graph: Graph }): JSX.Element {
  const { model, graph } = props;
  const trans = useTrans();
  const link = (node: Node) => (
    <button
      key={node.id}
      type="button"
      className="lst-Link"
      aria-pressed={node.id === model.selected}
      onClick={() => {
        model.selected = node.id;
      }}
    >
      {node.label}
    </button>
  );
  const beside = (node: Node, direction: Direction) => (
    <span className="lst-Lineage-beside">
      {model.ways
        .next(node.id, direction)
        .map(id => model.find(id))
        .filter(other => other !== undefined)
        .map(link)}
    </span>
  );
  return (
    <div className="lst-Scroll lst-Lineage-list">
      <Table
        label={trans.__('Lineage as a list')}
        items={graph.nodes}
        id={node => node.id}
        columns={[
          {
            head: trans.__('Kind'),
            cell: node => (
              <span className="lst-Inline">
                <KindMark kind={node.kind} />
                {kindWord(node.kind, trans)}
              </span>
            )
          },
          { head: trans.__('Name'), kind: 'wrap', cell: link },
          { head: trans.__('Came of'), kind: 'wrap', cell: node => beside(node, 'up') },
          { head: trans.__('Led to'), kind: 'wrap', cell: node => beside(node, 'down') },
          {
            head: trans.__('State'),
            kind: 'wrap',
            cell: node => {
              const stale = model.stale.get(node.id);
              return stale === undefined ? node.state : trans.__('Stale: %1', stale);
            }
          }
        ]}
      />
    </div>
  );
}
