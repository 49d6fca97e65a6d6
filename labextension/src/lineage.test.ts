import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { IPlace } from './features/lineage/graph';
import { bounded, merge, neighbour, Ways } from './features/lineage/graph';
import { place } from './features/lineage/layout';
import { modelParts, nameParts, reportParts, shortName } from './features/lineage/names';
import { drawSvg } from './features/lineage/picture';

const edge = (source: string, target: string, relation = 'made') => ({ source, target, relation });
const node = (id: string) => ({ id, kind: nameParts(id)[0], label: id });
const EDGES = [
  edge('data:a', 'run:1', 'read'),
  edge('data:b', 'run:1', 'read'),
  edge('data:b', 'run:2', 'read'),
  edge('run:1', 'model:m/1'),
  edge('run:2', 'model:m/2'),
  edge('model:m/1', 'card:c')
];
const MARKUP = '<b>"&';
const IDS = [...new Set(EDGES.flatMap(each => [each.source, each.target]))];
const GRAPH = { nodes: IDS.map(node), edges: EDGES };

describe('ways through a graph', () => {
  const ways = new Ways(GRAPH);
  it('leads from causes to results and back', () => {
    assert.deepEqual(ways.next('run:1', 'up'), ['data:a', 'data:b']);
    assert.deepEqual(ways.next('run:1', 'down'), ['model:m/1']);
    assert.equal(ways.distances('data:a', 'down').get('card:c'), 3);
    assert.equal(ways.distances('data:a', 'down').has('run:2'), false);
  });
  it('finds what lies between two, whichever is the cause', () => {
    const way = ['data:b', 'run:1', 'model:m/1', 'card:c'];
    assert.deepEqual([...ways.between('data:b', 'card:c')].sort(), [...way].sort());
    assert.deepEqual([...ways.between('card:c', 'data:b')].sort(), [...way].sort());
  });
  it('goes over a common cause where neither made the other', () => {
    const way = ways.between('model:m/1', 'model:m/2');
    assert.deepEqual([...way].sort(), ['data:b', 'model:m/1', 'model:m/2', 'run:1', 'run:2']);
    assert.equal(new Ways({ nodes: [], edges: [] }).between('a', 'b').size, 0);
  });
  it('takes every way, not the shortest alone', () => {
    const two = new Ways({
      nodes: [],
      edges: [edge('a', 'b'), edge('b', 'd'), edge('a', 'd'), edge('d', 'a')]
    });
    assert.deepEqual([...two.between('a', 'd')].sort(), ['a', 'b', 'd']);
  });
});

describe('parts of a graph', () => {
  it('are joined without saying anything twice', () => {
    const half = { nodes: GRAPH.nodes.slice(0, 3), edges: EDGES.slice(0, 3) };
    const whole = merge(half, GRAPH);
    assert.equal(whole.nodes.length, IDS.length);
    assert.equal(whole.edges.length, EDGES.length);
    assert.deepEqual(merge(whole, half).edges, whole.edges);
  });
  it('are cut to what is nearest, and say how much was left', () => {
    const cut = bounded(GRAPH, 'run:1', 4);
    assert.deepEqual(cut.nodes.map(each => each.id).sort(), [
      'data:a',
      'data:b',
      'model:m/1',
      'run:1'
    ]);
    assert.equal(cut.left, IDS.length - 4);
    assert.ok(cut.edges.every(each => each.source !== 'run:2' && each.target !== 'card:c'));
    assert.equal(bounded(GRAPH, 'run:1', 100).left, 0);
  });
});

describe('the picture of a graph', () => {
  const places = place(GRAPH);
  it('has causes to the left of results, and nothing on top of another', () => {
    for (const { source, target } of EDGES) {
      assert.ok((places.get(source)?.x ?? 0) < (places.get(target)?.x ?? 0), `${source} ${target}`);
    }
    assert.equal(new Set([...places.values()].map(at => `${at.x} ${at.y}`)).size, IDS.length);
  });
  it('is laid out though it runs in a circle', () => {
    const edges = [edge('a', 'b'), edge('b', 'a')];
    assert.equal(place({ nodes: [node('a'), node('b')], edges }).size, 2);
  });
  it('is walked with the arrow keys', () => {
    const ways = new Ways(GRAPH);
    assert.equal(neighbour('ArrowRight', 'run:2', ways, places), 'model:m/2');
    assert.equal(neighbour('ArrowLeft', 'model:m/1', ways, places), 'run:1');
    assert.equal(neighbour('ArrowLeft', 'data:a', ways, places), null);
    const column: [string, IPlace][] = [
      ['a', { x: 0, y: 0 }],
      ['b', { x: 0, y: 80 }],
      ['c', { x: 300, y: 40 }]
    ];
    assert.equal(neighbour('ArrowDown', 'a', ways, new Map(column)), 'b');
    assert.equal(neighbour('ArrowUp', 'a', ways, new Map(column)), null);
    assert.equal(neighbour('Enter', 'a', ways, places), null);
  });
  it('is written as SVG in which no name is markup', () => {
    const graph = { nodes: [{ ...node('data:x'), label: MARKUP }], edges: [], root: 'data:x' };
    const paint = {
      width: 9,
      height: 9,
      paper: '#fff',
      line: '#1',
      ink: '#2',
      quiet: '#3',
      stale: '#4'
    };
    const svg = drawSvg(
      graph as never,
      place(graph),
      paint,
      () => true,
      () => 'Data'
    );
    assert.ok(svg.includes('&#60;b&#62;&#34;&#38;'));
    assert.ok(svg.includes('stroke="#4" stroke-dasharray'));
  });
});

describe('names of objects', () => {
  it('come apart', () => {
    assert.deepEqual(nameParts('model:a:b/c/3'), ['model', 'a:b/c/3']);
    assert.deepEqual(modelParts('a/b/3'), { model: 'a/b', version: '3' });
    assert.deepEqual(reportParts('abc/clarify/bias.json'), {
      run: 'abc',
      path: 'clarify/bias.json'
    });
    assert.equal(shortName('run:0123456789abcdef'), '01234567');
    assert.equal(shortName('model:churn/2'), 'churn/2');
    assert.equal(shortName('file:data/train.csv'), 'train.csv');
  });
});
