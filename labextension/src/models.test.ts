import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Draft } from './features/models/card/draft';
import {
  at,
  changes,
  excess,
  rebased,
  SECTIONS,
  stands,
  step,
  theirs,
  typed
} from './features/models/card/draft';
import type { DashboardItem } from './features/models/types';
import {
  aliasesOf,
  columnWords,
  compared,
  matching,
  sorted,
  valueWords
} from './features/models/words';

describe('a place in a card', () => {
  it('is found by its pointer, whatever is in the key', () => {
    const content = { a: [{ 'x/y~z': 1 }], empty: null };
    assert.equal(at(content, step(step('/a', 0), 'x/y~z')), 1);
    assert.equal(at(content, '/a/1/b'), undefined);
    assert.equal(at(content, '/empty/more'), undefined);
    assert.equal(at(content, '/toString'), undefined);
    assert.equal(at(content, ''), content);
  });
  it('stands in every section once', () => {
    const names = SECTIONS.flatMap(section => section.fields.map(field => field.name));
    assert.equal(new Set(names).size, names.length);
  });
});

describe('what is typed into a card', () => {
  const old = { intended_uses: { purpose_of_model: 'To sort mail' } };
  const draft = typed({}, old, 'purpose_of_model', 'To sort post');
  it('is a change as long as it differs', () => {
    assert.deepEqual(changes(draft), { purpose_of_model: 'To sort post' });
    assert.deepEqual(typed(draft, old, 'purpose_of_model', 'To sort mail'), {});
    assert.deepEqual(changes(typed(draft, old, 'model_owner', 'Ada')), {
      purpose_of_model: 'To sort post',
      model_owner: 'Ada'
    });
  });
  it('outlives what somebody else writes, and shows it', () => {
    const now = { intended_uses: { purpose_of_model: 'To sort parcels' } };
    const kept = rebased(draft, now);
    assert.deepEqual(changes(kept), { purpose_of_model: 'To sort post' });
    assert.equal(theirs(kept, now, 'purpose_of_model'), 'To sort parcels');
    // Typing on does not make theirs look like what one began with.
    const more = typed(kept, now, 'purpose_of_model', 'To sort post quickly');
    assert.equal(theirs(more, now, 'purpose_of_model'), 'To sort parcels');
    assert.equal(theirs(draft, old, 'purpose_of_model'), null);
    assert.equal(theirs(draft, old, 'model_owner'), null);
  });
  it('is no change any more once it has been saved', () => {
    const now = { intended_uses: { purpose_of_model: 'To sort post' } };
    assert.deepEqual(rebased(draft, now), {} as Draft);
    assert.equal(stands(now, 'purpose_of_model'), 'To sort post');
  });
  it('has a length that is counted', () => {
    assert.equal(excess('model_owner', 'x'.repeat(1030)), 6);
    assert.equal(excess('purpose_of_model', 'short'), 0);
  });
});

describe('models in words', () => {
  it('names the newest alias first', () => {
    const aliases = { old: 1, production: 3, champion: 3 };
    assert.deepEqual(aliasesOf({ aliases }), [
      ['champion', 3],
      ['production', 3],
      ['old', 1]
    ]);
  });
  it('says a column on one line', () => {
    const column = { name: 'age', type: 'long', required: true, shape: null, default: null };
    assert.equal(columnWords(column), 'age: long');
    assert.equal(columnWords({ ...column, required: false }), 'age: long?');
    assert.equal(
      columnWords({ ...column, name: '', type: 'float32', shape: [-1, 28] }),
      '·: float32 (-1, 28)'
    );
    assert.equal(columnWords({ ...column, default: 0.5 }), 'age: long = 0.5');
  });
  it('shows what differs unless asked for all', () => {
    const rows = [
      { key: 'a', values: {}, differs: true },
      { key: 'b', values: {}, differs: false },
      { key: 'system/cpu', values: {}, differs: true }
    ];
    assert.deepEqual(compared(rows, false), [rows[0]]);
    assert.deepEqual(compared(rows, true), rows);
    assert.equal(valueWords(null), '–');
    assert.equal(valueWords(0.123456789), '0.12346');
    assert.equal(valueWords('text'), 'text');
  });
});

describe('the dashboard', () => {
  const item = (model: string, more: Partial<DashboardItem> = {}): DashboardItem => ({
    model,
    version: 1,
    alias: null,
    latest_version: 1,
    approved: false,
    pending: 0,
    card_state: null,
    card_stale: false,
    stale_reasons: [],
    missing: 0,
    risk: null,
    evaluated_at: null,
    evaluation: {},
    evaluation_run: null,
    bias: 'not set up',
    drift: 'not set up',
    endpoint: null,
    updated_at: '2026-11-26T00:00:00Z',
    ...more
  });
  const items = [
    item('b', { risk: 'Low', card_state: 'approved', evaluated_at: '2026-11-20T00:00:00Z' }),
    item('a', { risk: 'High', card_state: 'draft', alias: 'production' }),
    item('c', { card_state: 'approved', card_stale: true, evaluated_at: '2026-11-25T00:00:00Z' })
  ];
  const names = (sort: Parameters<typeof sorted>[1], down = false) =>
    sorted(items, sort, down)
      .map(each => each.model)
      .join('');
  it('is sorted by any column, what is unknown last either way', () => {
    assert.equal(names('model'), 'abc');
    assert.equal(names('model', true), 'cba');
    assert.equal(names('risk'), 'abc');
    assert.equal(names('risk', true), 'bac');
    assert.equal(names('evaluation'), 'cba');
    assert.equal(names('evaluation', true), 'bca');
    assert.equal(names('endpoint'), 'abc');
  });
  it('puts first the cards that ask for someone', () => {
    const none = item('d');
    const order = sorted([...items, none], 'card', false).map(each => each.model);
    assert.deepEqual(order, ['d', 'a', 'c', 'b']);
  });
  it('is filtered by words in any column', () => {
    assert.deepEqual(
      matching(items, 'PROD high').map(each => each.model),
      ['a']
    );
    assert.deepEqual(
      matching(items, 'stale').map(each => each.model),
      ['c']
    );
    assert.equal(matching(items, '').length, 3);
  });
});
