import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Run } from './api/types';
import type { IKnownColumns } from './features/experiments/columns';
import {
  guessGoal,
  inStretch,
  moveColumn,
  NAME,
  nameFirst,
  offsets,
  usualColumns
} from './features/experiments/columns';
import { csvLine } from './features/experiments/csv';
import { edited, opposite, tagsBack } from './features/experiments/edits';
import {
  accept,
  both,
  placeAt,
  quoteKey,
  suggest,
  unquoteKey
} from './features/experiments/filter';
import { actionOf } from './features/experiments/keys';
import { Layout, Reel } from './features/experiments/layout';
import { Pages } from './features/experiments/pages';
import { Selection } from './features/experiments/selection';
import {
  condition,
  INITIAL,
  isFiltered,
  orderBy,
  readState,
  same,
  toggleSort
} from './features/experiments/state';

const KNOWN: IKnownColumns = {
  attributes: ['start_time', 'status'],
  params: [
    { key: 'model', count: 3 },
    { key: 'learning rate', count: 2 }
  ],
  metrics: [
    { key: 'auc', count: 3 },
    { key: 'val/loss', count: 9 },
    { key: 'system/cpu', count: 99 }
  ],
  tags: []
};

describe('the filter language is completed where the caret is', () => {
  const at = (marked: string) => {
    const caret = marked.indexOf('|');
    const { expected, prefix, key } = placeAt(marked.replace('|', ''), caret);
    return [expected, prefix, key];
  };
  it('knows what may come next', () => {
    assert.deepEqual(at('|'), ['key', '', null]);
    assert.deepEqual(at('met|'), ['key', 'met', null]);
    assert.deepEqual(at('metrics.auc |'), ['operator', '', 'metrics.auc']);
    assert.deepEqual(at('metrics.auc >|'), ['value', '', 'metrics.auc']);
    assert.deepEqual(at("params.model = 'a|"), ['value', "'a", 'params.model']);
    assert.deepEqual(at("params.model = 'a b' |"), ['and', '', 'params.model']);
    assert.deepEqual(at("params.model = 'a' A|"), ['and', 'A', 'params.model']);
    assert.deepEqual(at("params.model = 'a' AND |"), ['key', '', null]);
    assert.deepEqual(at('params.`learning rate` LIKE |'), ['value', '', 'params.learning rate']);
    assert.deepEqual(at('tags.team IS NOT |'), ['operator', '', 'tags.team']);
    assert.deepEqual(at('tags.team IS NOT NULL |'), ['and', '', 'tags.team']);
    assert.deepEqual(at("attributes.run_id IN ('a', |"), ['and', '', 'attributes.run_id']);
  });
  it('offers what runs have, and puts it in place of what was typed', () => {
    const offered = suggest(placeAt('loss', 4), KNOWN, []);
    assert.deepEqual(
      offered.map(each => each.label),
      ['metrics.val/loss']
    );
    assert.deepEqual(accept('loss > 1', placeAt('loss > 1', 4), offered[0].insert), {
      text: 'metrics.`val/loss` > 1',
      at: 19
    });
    const values = suggest(placeAt("params.model = 'x", 17), KNOWN, ['xgb', "o'neil x", 'cat']);
    assert.deepEqual(
      values.map(each => each.insert),
      ["'xgb' ", '"o\'neil x" ']
    );
  });
  it('quotes keys so that they read back', () => {
    for (const key of ['metrics.auc', 'params.learning rate', 'metrics.val/loss', 'tags.a.b']) {
      assert.equal(unquoteKey(quoteKey(key)), key);
    }
    assert.equal(quoteKey('params.in'), 'params.`in`');
    assert.equal(unquoteKey('metric."x y"'), 'metrics.x y');
  });
});

describe('what a table shows is kept as a state', () => {
  it('sorts up, down and not at all; by several keys', () => {
    const one = toggleSort([], 'metrics.auc', false);
    assert.deepEqual(one, [{ key: 'metrics.auc', descending: true }]);
    const two = toggleSort(one, 'params.depth', true, 'up');
    assert.deepEqual(orderBy(two), ['metrics.auc DESC', 'params.depth ASC']);
    assert.deepEqual(orderBy(toggleSort(two, 'metrics.auc', true)), [
      'metrics.auc ASC',
      'params.depth ASC'
    ]);
    assert.deepEqual(toggleSort(toggleSort(one, 'metrics.auc', false), 'metrics.auc', false), []);
  });
  it('makes one condition of all filters', () => {
    const state = { ...INITIAL, filter: 'metrics.auc > 1', status: 'FAILED', mine: true };
    assert.equal(
      condition({ ...state, since: 'hour' }, "o'neil", 7_200_000),
      'metrics.auc > 1 AND attributes.user_id = "o\'neil" AND ' +
        "attributes.status = 'FAILED' AND attributes.start_time >= 3600000"
    );
    assert.equal(both('', ' a ', null, 'b'), 'a AND b');
    assert.ok(isFiltered(state));
    assert.ok(!isFiltered({ ...INITIAL, group: 'params.a', experiments: ['1'] }));
  });
  it('reads back what it wrote, and makes sense of what is broken', () => {
    const state = readState({
      filter: 'metrics.a > 1',
      sort: [{ key: 'metrics.a', descending: true }, { key: 'attributes.note' }, null],
      columns: [{ key: 'metrics.a', width: 9999, spark: true, goal: 'min' }, { key: 7 }],
      since: 'yesterday',
      lifecycle: 'gone'
    });
    assert.deepEqual(state.sort, [{ key: 'metrics.a', descending: true }]);
    assert.deepEqual(state.columns, [
      { key: NAME },
      { key: 'metrics.a', width: 800, spark: true, goal: 'min' }
    ]);
    assert.equal(state.since, '');
    assert.equal(state.lifecycle, 'active');
    assert.ok(same(readState(JSON.parse(JSON.stringify(state))), state));
    assert.ok(same(readState('nonsense'), INITIAL));
  });
});

describe('columns', () => {
  it('are guessed from what most runs have', () => {
    const keys = usualColumns(KNOWN).map(each => each.key);
    assert.equal(keys[0], NAME);
    assert.deepEqual(
      keys.filter(key => key.startsWith('metrics.')),
      ['metrics.val/loss', 'metrics.auc']
    );
  });
  it('know which end is good', () => {
    const goals = ['auc', 'val_loss', 'valLoss', 'RMSE', 'neg_mean_squared_error', 'epoch', 'lr'];
    assert.deepEqual(goals.map(guessGoal), ['max', 'min', 'min', 'min', 'max', 'none', 'none']);
  });
  it('move, and the name stays first', () => {
    const [a, b, c] = ['params.a', 'params.b', 'params.c'].map(key => ({ key }));
    assert.deepEqual(moveColumn([a, b, c], 2, 0), [c, a, b]);
    assert.deepEqual(moveColumn([a, b, c], 0, 9), [b, c, a]);
    assert.deepEqual(nameFirst([a, b, a]), [{ key: NAME }, a, b]);
  });
  it('exist as far as they are seen', () => {
    const edges = offsets(
      [100, 100, 100, 100].map((width, at) => ({ key: `params.${at}`, width }))
    );
    assert.deepEqual(edges, [0, 100, 200, 300, 400]);
    assert.deepEqual(inStretch(edges, 150, 190), [0, 3]);
    assert.deepEqual(inStretch(edges, 250, 900), [1, 4]);
  });
});

describe('rows', () => {
  const layout = new Layout([
    { head: true, rows: 3 },
    { head: true, rows: 0 },
    { head: true, rows: 2 }
  ]);
  it('stand below the heads of their groups', () => {
    assert.equal(layout.count, 8);
    const places = [0, 1, 3, 4, 5, 6, 7].map(index => {
      const at = layout.at(index);
      return at && [at.section, at.row];
    });
    assert.deepEqual(places, [
      [0, -1],
      [0, 0],
      [0, 2],
      [1, -1],
      [2, -1],
      [2, 0],
      [2, 1]
    ]);
    assert.equal(layout.at(8), null);
    for (let index = 0; index < layout.count; index++) {
      const at = layout.at(index);
      assert.equal(at && layout.indexOf(at.section, at.row), index);
    }
    assert.deepEqual(layout.within(0, 2, 7), [1, 3]);
    assert.deepEqual(layout.within(2, 2, 7), [0, 1]);
  });
  it('are all reached, also when there are more than a browser can scroll', () => {
    for (const count of [10, 100_000, 3_000_000]) {
      const reel = new Reel(count, 28, 700);
      const end = Math.max(0, reel.height - 700);
      assert.ok(reel.height <= 15_000_000);
      assert.equal(reel.range(0, 0)[0], 0);
      assert.equal(reel.range(end, 0)[1], count);
      for (const row of [0, Math.floor(count / 2), count - 1]) {
        const top = reel.reveal(row, 0);
        const [first, last] = reel.range(top, 0);
        assert.ok(first <= row && row < last, `${row} of ${count}`);
        const drawn = reel.offset(row, top) - top;
        assert.ok(drawn > -1 && drawn < 701, `${row} of ${count} at ${drawn}`);
      }
    }
  });
});

describe('pages', () => {
  const settle = () => new Promise(resolve => setTimeout(resolve, 0));
  const source = (asked: string[]) => (at: number, limit: number, signal: AbortSignal) => {
    asked.push(`${at}`);
    signal.addEventListener('abort', () => asked.push(`-${at}`));
    const items = Array.from({ length: Math.min(limit, 35 - at) }, (_, i) => ({ id: at + i }));
    return Promise.resolve({ items, total: 35 });
  };
  it('are fetched when they are looked at, and given up when they are not', async () => {
    const asked: string[] = [];
    const pages = new Pages(
      source(asked),
      { landed: () => undefined, failed: reason => assert.fail(String(reason)) },
      10
    );
    await pages.want(5, 12);
    assert.deepEqual(asked, ['0', '10']);
    assert.equal(pages.total, 35);
    assert.equal(pages.get(12)?.id, 12);
    assert.equal(pages.get(20), undefined);
    void pages.want(20, 25);
    void pages.want(0, 5);
    await settle();
    assert.deepEqual(asked.slice(2), ['20', '-20']);
    assert.deepEqual(
      (await pages.range(8, 35, new AbortController().signal)).map(each => each.id),
      Array.from({ length: 27 }, (_, i) => i + 8)
    );
  });
  it('keep what did not change as it is', async () => {
    const pages = new Pages(
      source([]),
      { landed: () => undefined, failed: reason => assert.fail(String(reason)) },
      10
    );
    await pages.want(0, 10);
    const before = pages.get(3);
    pages.expire();
    assert.equal(pages.get(3), before);
    await pages.want(0, 10);
    assert.equal(pages.get(3), before);
  });
});

describe('runs are selected and edited', () => {
  const run = (id: string, tags: Record<string, string> = {}) =>
    ({ id, tags, favourite: false, archived: false, lifecycle: 'active' }) as Run;
  it('counts all but some', () => {
    const all = Selection.every.toggle('a').toggle('b').toggle('a');
    assert.equal(all.count(10), 9);
    assert.ok(all.has('a') && !all.has('b'));
    assert.equal(all.with(['b']).count(10), 10);
    assert.deepEqual([...Selection.of(['a']).with(['b', 'a']).ids], ['a', 'b']);
  });
  it('gives each run the tags back that it had', () => {
    const runs = [run('1', { team: 'a' }), run('2', { team: 'b' }), run('3'), run('4')];
    const after = runs.map(each => edited(each, { tags: { team: 'x' } }));
    const back = tagsBack(runs, ['team']);
    const undone = after.map(each => {
      const way = back.find(one => one.ids.includes(each.id));
      return way ? edited(each, way.edit) : each;
    });
    assert.deepEqual(undone, runs);
    assert.equal(back.length, 3);
  });
  it('undoes what it does', () => {
    for (const edit of [{ favourite: true }, { archived: true }, { deleted: true }]) {
      assert.deepEqual(edited(edited(run('1'), edit), opposite(edit)), run('1'));
    }
  });
});

describe('keys and files', () => {
  const press = (key: string, held: string[] = []) => ({
    key,
    ctrlKey: held.includes('ctrl'),
    metaKey: held.includes('meta'),
    shiftKey: held.includes('shift'),
    altKey: held.includes('alt')
  });
  it('mean what the help says', () => {
    assert.equal(actionOf(press('f'), 'row'), 'favourite');
    assert.equal(actionOf(press('f'), 'head'), null);
    assert.equal(actionOf(press('Enter'), 'head'), 'sort');
    assert.equal(actionOf(press('Enter', ['shift']), 'head'), 'sort-too');
    assert.equal(actionOf(press('A', ['meta']), 'row'), 'select-all');
    assert.equal(actionOf(press(' ', ['shift']), 'row'), 'extend');
    assert.equal(actionOf(press('?', ['shift']), 'row'), 'help');
    assert.equal(actionOf(press('C', ['ctrl', 'shift']), 'row'), 'copy-id');
    assert.equal(actionOf(press('f', ['alt']), 'row'), null);
  });
  it('hold no formula that a spreadsheet would run', () => {
    assert.equal(
      csvLine(['a,b', 'say "x"', '-1.5', '=HYPERLINK("x")']),
      '"a,b","say ""x""",-1.5,"\'=HYPERLINK(""x"")"\r\n'
    );
  });
});
