import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  band,
  bestSoFar,
  better,
  bySeed,
  extent,
  isSeed,
  lowerBound,
  moved,
  nearestTo,
  smooth,
  summary,
  valueAt,
  zoomed
} from './features/runs/chart/curves';
import { chartCode, curvesCode, python } from './features/runs/code';
import { COUNT, styles } from './features/runs/colours';
import {
  axisValues,
  contour,
  isWide,
  withinMarks,
  type IDimension
} from './features/runs/compare/figures';
import { differs } from './features/runs/compare/rows';
import { byPrefix } from './features/runs/view/groups';
import { ancestors, visible } from './features/runs/view/tree';

const range = (count: number) => Array.from({ length: count }, (_, at) => at);

describe('curves are smoothed', () => {
  const x = range(1001);
  it('a level one stays level, from its first point on', () => {
    const y = x.map(() => 5);
    for (const weight of [0, 0.5, 0.99]) {
      smooth({ x, y }, weight, 1000).forEach(value => assert.ok(Math.abs(value - 5) < 1e-9));
    }
  });
  it('a weight of nothing changes nothing, and the average stays within the values', () => {
    const y = x.map(at => Math.sin(at) + at / 100);
    assert.deepEqual(smooth({ x, y }, 0, 1000), y);
    const made = smooth({ x, y }, 0.9, 1000);
    const { min, max } = summary(y);
    made.forEach(value => assert.ok(value >= min - 1e-9 && value <= max + 1e-9));
    assert.ok(Math.abs(made[1000] - 9.9) < 0.3);
  });
  it('is as smooth with fewer points as with all', () => {
    const all = range(20_001);
    const few = all.filter(at => at % 10 === 0);
    const [whole, made] = [all, few].map(each =>
      smooth({ x: each, y: each }, 0.95, 20_000).at(-1)!
    );
    assert.ok(Math.abs(made - whole) < 20, `${made} ${whole}`);
  });
  it('of a short curve each point has its weight', () => {
    const made = smooth({ x: [0, 100, 200], y: [0, 0, 1] }, 0.5, 200);
    assert.ok(Math.abs(made[2] - 4 / 7) < 1e-9);
  });
  it('leaves a gap where a value is not finite', () => {
    const made = smooth({ x: [0, 1, 2], y: [1, NaN, 1] }, 0.5, 2);
    assert.ok(Number.isNaN(made[1]));
    assert.equal(made[2], 1);
  });
});

describe('the best so far', () => {
  it('never gets worse, whatever comes', () => {
    assert.deepEqual(bestSoFar([3, 5, 4, NaN, 6], 'max'), [3, 5, 5, 5, 6]);
    assert.deepEqual(bestSoFar([3, 5, 2, NaN, 6], 'min'), [3, 3, 2, 2, 2]);
    assert.ok(Number.isNaN(bestSoFar([NaN, 1], 'max')[0]));
  });
  it('guesses which way is better', () => {
    assert.equal(better('val/loss'), 'min');
    assert.equal(better('rmse'), 'min');
    assert.equal(better('roc_auc'), 'max');
  });
});

describe('places on curves', () => {
  it('are found', () => {
    assert.equal(lowerBound([1, 3, 5], 3), 1);
    assert.equal(lowerBound([1, 3, 5], 6), 3);
    assert.equal(nearestTo([1, 3, 5], 3.9), 1);
    assert.equal(nearestTo([1, 3, 5], 9), 2);
    assert.equal(nearestTo([], 1), -1);
    assert.equal(valueAt({ x: [0, 10], y: [0, 1] }, 5), 0.5);
    assert.ok(Number.isNaN(valueAt({ x: [0, 10], y: [0, 1] }, 11)));
  });
  it('ranges hold what is drawn, and logarithmic ones what is above zero', () => {
    assert.deepEqual(extent([{ x: [1, 9], y: [] }], 'x', false), [1, 9]);
    const [low, high] = extent([{ x: [], y: [-1, 0, 10, 1000] }], 'y', true);
    assert.ok(low > 0 && low < 10 && high > 1000);
    assert.deepEqual(extent([], 'y', false), [0, 1]);
    assert.ok(extent([{ x: [], y: [7] }], 'y', false)[0] < 7);
  });
  it('are moved and come closer, by shares or by factors', () => {
    assert.deepEqual(moved([0, 10], 0.5, false), [5, 15]);
    assert.deepEqual(moved([1, 100], 0.5, true), [10, 1000]);
    assert.deepEqual(zoomed([0, 10], 0.25, 0.75, false), [2.5, 7.5]);
  });
});

describe('runs that differ in their seed only', () => {
  const run = (id: string, params: Record<string, string>) => ({ id, params });
  it('are one group, and what tells groups apart is their name', () => {
    const groups = bySeed([
      run('a', { depth: '3', seed: '1', rate: '0.1' }),
      run('b', { depth: '3', seed: '2', rate: '0.1' }),
      run('c', { depth: '5', seed: '1', rate: '0.1' })
    ]);
    assert.deepEqual(
      groups.map(group => [group.label, ...group.ids]),
      [
        ['depth=3', 'a', 'b'],
        ['depth=5', 'c']
      ]
    );
    assert.ok(isSeed('model.random_state') && isSeed('SEED') && !isSeed('seedling'));
  });
  it('have a mean between their lowest and highest', () => {
    const made = band([
      { x: [0, 10], y: [0, 10] },
      { x: [0, 5, 10], y: [2, 2, 2] }
    ]);
    assert.deepEqual(made.x, [0, 5, 10]);
    assert.deepEqual(made.y, [1, 3.5, 6]);
    assert.deepEqual(made.low, [0, 2, 2]);
    assert.deepEqual(made.high, [2, 5, 10]);
  });
});

describe('styles of runs', () => {
  it('are as many as there are colours, then broken lines', () => {
    const ids = range(COUNT * 2).map(at => `run-${at}`);
    const found = styles(ids);
    const each = new Set([...found.values()].map(style => JSON.stringify(style)));
    assert.equal(each.size, ids.length);
    const first = [...styles(ids.slice(0, COUNT)).values()];
    assert.equal(new Set(first.map(style => style.colour)).size, COUNT);
  });
  it('do not depend on the order', () => {
    const ids = range(12).map(at => `run-${at}`);
    const turned = styles([...ids].reverse());
    styles(ids).forEach((style, id) => assert.deepEqual(turned.get(id), style));
  });
});

describe('parameters on axes', () => {
  const dimension = (values: IDimension['values']): IDimension => ({
    name: 'p',
    kind: 'param',
    values
  });
  it('texts have a place each, wide numbers their logarithms', () => {
    const texts = axisValues(dimension({ a: 'relu', b: 'gelu' }), ['a', 'b', 'c']);
    assert.deepEqual(texts.ticktext, ['–', 'gelu', 'relu']);
    assert.deepEqual(texts.values, [2, 1, 0]);
    const logs = axisValues(dimension({ a: '0.001', b: '1' }), ['a', 'b']);
    assert.deepEqual(logs.values.map(Math.round), [-3, 0]);
    assert.deepEqual(logs.ticktext, ['0.001', '0.01', '0.1', '1']);
    assert.ok(!isWide([-1, 1000]));
  });
  it('select the runs that pass through every mark', () => {
    const axes = [
      { values: [1, 2, 3], marks: [[1, 2]] },
      { values: [9, 5, 1], marks: [0, 6] },
      { values: [0, 0, 0], marks: null }
    ];
    assert.deepEqual(withinMarks(axes, ['a', 'b', 'c']), ['b']);
  });
  it('need two values each for a contour', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const of = (...values: number[]) =>
      dimension(Object.fromEntries(ids.map((id, at) => [id, values[at]])));
    const z = of(1, 2, 3, 4);
    assert.equal(contour(of(1, 1, 1, 1), of(1, 2, 1, 2), z, ids, String), null);
    assert.ok(contour(of(1, 1, 2, 2), of(1, 2, 1, 2), z, ids, String));
  });
  it('a run without a value differs from one with it', () => {
    assert.ok(differs({ key: 'k', values: { a: '1' } }, ['a', 'b']));
    assert.ok(!differs({ key: 'k', values: {} }, ['a', 'b']));
  });
});

describe('what is seen can be drawn in a notebook', () => {
  it('as Python', () => {
    assert.equal(python('a "b"'), '"a \\"b\\""');
    assert.equal(python(['a', 'b']), '["a", "b"]');
    assert.match(
      chartCode('roc', ['r1'], { label: undefined }),
      /roc\(\n {4}\[\n {8}"r1",\n {4}\],\n\)/
    );
    const code = curvesCode(['r1'], 'loss', {
      axis: 'epoch',
      smoothing: 0.6,
      xLog: false,
      yLog: true,
      best: false,
      bands: false
    });
    assert.match(code, /metric="loss"/);
    assert.match(code, /x="metrics.epoch"/);
    assert.match(code, /log_y=True/);
    assert.doesNotMatch(code, /log_x|best|bands/);
  });
});

describe('what a run has', () => {
  it('metrics are under what their names begin with', () => {
    const items = ['val/loss', 'loss', 'train_acc', 'val/acc'].map(key => ({ key }));
    const groups = byPrefix(items).map(group => [group.name, group.items.map(each => each.key)]);
    assert.deepEqual(groups, [
      ['', ['loss']],
      ['train', ['train_acc']],
      ['val', ['val/acc', 'val/loss']]
    ]);
  });
  it('folders show what is in them when they are open', () => {
    const item = (path: string, folder: boolean) => ({
      path,
      name: path,
      folder,
      size_bytes: 1,
      modified_at: null,
      media_type: null,
      preview: folder ? ('folder' as const) : ('text' as const)
    });
    const folders = new Map([
      ['', { path: '', model: null, items: [item('a', true), item('b', false)] }],
      ['a', { path: 'a', model: null, items: [item('a/c', false)] }]
    ]);
    const paths = (open: string[]) => visible(folders, new Set(open), '').map(n => n.item.path);
    assert.deepEqual(paths([]), ['a', 'b']);
    assert.deepEqual(paths(['a']), ['a', 'a/c', 'b']);
    assert.deepEqual(ancestors('a/b/c.txt'), ['a', 'a/b']);
  });
});
