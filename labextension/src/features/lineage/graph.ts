/** What was made from what: a directed graph from causes to results, and ways through it. Pure. */

export type Direction = 'up' | 'down';

export interface INode {
  id: string;
}

export interface IEdge {
  source: string;
  target: string;
}

export interface IGraph<N extends INode = INode, E extends IEdge = IEdge> {
  nodes: readonly N[];
  edges: readonly E[];
}

/** The name of an edge. */
export function edgeKey(edge: IEdge & { relation?: string }): string {
  return `${edge.source} ${edge.relation ?? ''} ${edge.target}`;
}

/** Both graphs in one; what the second says of a node counts. */
export function merge<N extends INode, E extends IEdge>(
  one: IGraph<N, E>,
  other: IGraph<N, E>
): IGraph<N, E> {
  const nodes = new Map([...one.nodes, ...other.nodes].map(node => [node.id, node]));
  const edges = new Map([...one.edges, ...other.edges].map(edge => [edgeKey(edge), edge]));
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

/** Who stands beside each node, causes before and results behind. */
export class Ways {
  constructor(graph: IGraph) {
    for (const { source, target } of graph.edges) {
      add(this._down, source, target);
      add(this._up, target, source);
    }
  }

  next(id: string, direction: Direction): readonly string[] {
    return (direction === 'up' ? this._up : this._down).get(id) ?? [];
  }

  /** How far each node lies from one, walking in one direction or in both at each step. */
  distances(from: string, ...directions: Direction[]): Map<string, number> {
    const found = new Map([[from, 0]]);
    const queue = [from];
    for (const id of queue) {
      for (const direction of directions) {
        for (const other of this.next(id, direction)) {
          if (!found.has(other)) {
            found.set(other, (found.get(id) ?? 0) + 1);
            queue.push(other);
          }
        }
      }
    }
    return found;
  }

  /**
   * The nodes on the ways between two: all that lie on a way from cause to result, and where
   * neither made the other, those of one shortest way.
   */
  between(one: string, other: string): Set<string> {
    for (const [cause, result] of [
      [one, other],
      [other, one]
    ]) {
      const down = this.distances(cause, 'down');
      if (down.has(result)) {
        const up = this.distances(result, 'up');
        return new Set([...down.keys()].filter(id => up.has(id)));
      }
    }
    const far = this.distances(one, 'up', 'down');
    const way = new Set<string>();
    let at: string | undefined = far.has(other) ? other : undefined;
    while (at !== undefined) {
      way.add(at);
      const left: number = far.get(at) ?? 0;
      at = [...this.next(at, 'up'), ...this.next(at, 'down')].find(id => far.get(id) === left - 1);
    }
    return way;
  }

  private _up = new Map<string, string[]>();
  private _down = new Map<string, string[]>();
}

/** At most `limit` nodes, those nearest to one; how many were left out. */
export function bounded<N extends INode, E extends IEdge>(
  graph: IGraph<N, E>,
  centre: string,
  limit: number
): IGraph<N, E> & { left: number } {
  if (graph.nodes.length <= limit) {
    return { ...graph, left: 0 };
  }
  const far = new Ways(graph).distances(centre, 'up', 'down');
  const away = (node: INode) => far.get(node.id) ?? Infinity;
  const nodes = [...graph.nodes].sort((a, b) => away(a) - away(b)).slice(0, limit);
  const kept = new Set(nodes.map(node => node.id));
  const edges = graph.edges.filter(edge => kept.has(edge.source) && kept.has(edge.target));
  return { nodes, edges, left: graph.nodes.length - nodes.length };
}

export interface IPlace {
  x: number;
  y: number;
}

/** The node that an arrow key leads to: sideways along the edges, upwards within the column. */
export function neighbour(
  key: string,
  from: string,
  ways: Ways,
  places: ReadonlyMap<string, IPlace>
): string | null {
  const here = places.get(from);
  if (!here) {
    return null;
  }
  const nearest = (ids: Iterable<string>, away: (place: IPlace) => number): string | null => {
    let best: [string | null, number] = [null, Infinity];
    for (const id of ids) {
      const place = places.get(id);
      const distance = place && id !== from ? away(place) : Infinity;
      if (distance < best[1]) {
        best = [id, distance];
      }
    }
    return best[0];
  };
  switch (key) {
    case 'ArrowLeft':
      return nearest(ways.next(from, 'up'), place => Math.abs(place.y - here.y));
    case 'ArrowRight':
      return nearest(ways.next(from, 'down'), place => Math.abs(place.y - here.y));
    case 'ArrowUp':
    case 'ArrowDown': {
      const sign = key === 'ArrowUp' ? -1 : 1;
      return nearest(places.keys(), place => {
        const along = (place.y - here.y) * sign;
        return along > 0 ? along + 3 * Math.abs(place.x - here.x) : Infinity;
      });
    }
    default:
      return null;
  }
}

function add(map: Map<string, string[]>, key: string, value: string): void {
  const found = map.get(key);
  if (!found) {
    map.set(key, [value]);
  } else if (!found.includes(value)) {
    found.push(value);
  }
}
