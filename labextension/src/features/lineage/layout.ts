import { Graph, layout } from '@dagrejs/dagre';

import type { IGraph, IPlace } from './graph';

export const NODE_WIDTH = 184;
export const NODE_HEIGHT = 50;

/** Where each node stands, its top left corner: causes to the left of their results. */
export function place(graph: IGraph): Map<string, IPlace> {
  const drawn = new Graph();
  drawn.setGraph({ rankdir: 'LR', nodesep: 20, ranksep: 58, marginx: 16, marginy: 16 });
  drawn.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) {
    drawn.setNode(node.id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  }
  for (const edge of graph.edges) {
    drawn.setEdge(edge.source, edge.target);
  }
  layout(drawn);
  return new Map(
    graph.nodes.map(({ id }) => {
      const { x, y } = drawn.node(id) as IPlace;
      return [id, { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 }];
    })
  );
}
