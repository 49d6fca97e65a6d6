import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { carry, pieces, PLAIN, strip } from './ansi';
import { columns, even, WrappedRows } from './components/rows';
import { nearest, thin, ticks } from './components/scale';
import { LogLines } from './features/jobs/loglines';
import {
  combinations,
  guess,
  lines,
  parse,
  parseSweep,
  seconds,
  show
} from './features/jobs/values';
import { ago, bytes, clock, duration, number, secondsBetween, wallClock } from './format';

describe('what is typed becomes the value of its type', () => {
  const value = (text: string, type: Parameters<typeof parse>[1]) => {
    const parsed = parse(text, type);
    return parsed.ok ? parsed.value : `! ${parsed.problem}`;
  };
  it('reads each type', () => {
    assert.equal(value(' 1_000 ', 'int'), 1000);
    assert.equal(value('1.5', 'int'), '! integer');
    assert.equal(value('1e-3', 'float'), 0.001);
    assert.equal(value('', 'float'), '! number');
    assert.equal(value('True', 'bool'), true);
    assert.equal(value('yes', 'bool'), '! boolean');
    assert.equal(value(' kept as it is ', 'str'), ' kept as it is ');
    assert.deepEqual(value('[1, "a"]', 'list'), [1, 'a']);
    assert.equal(value('{"a": 1}', 'list'), '! list');
    assert.deepEqual(value('{"a": 1}', 'dict'), { a: 1 });
    assert.equal(value('None', 'int'), null);
    assert.equal(value('None', 'str'), 'None');
  });
  it('guesses what has no type, and shows it so that it reads back', () => {
    assert.equal(guess('3'), 3);
    assert.equal(guess('False'), false);
    assert.equal(guess('toString'), 'toString');
    for (const sample of ['3', 'plain', 'None', 3, null, true, [1], { a: 'b' }]) {
      const read = parse(show(sample, 'any'), 'any');
      assert.deepEqual(read.ok && read.value, sample);
    }
  });
  it('reads sweeps', () => {
    const sweep = (text: string, type: Parameters<typeof parse>[1]) => {
      const parsed = parseSweep(text, type);
      return parsed.ok ? parsed.value : `! ${parsed.problem}`;
    };
    assert.deepEqual(sweep('1, 2,3', 'int'), [1, 2, 3]);
    assert.deepEqual(sweep('a, "b, c"', 'str'), ['a', 'b, c']);
    assert.deepEqual(sweep('[0.1, 0.2]', 'float'), [0.1, 0.2]);
    assert.deepEqual(sweep('[[1], [2, 3]]', 'list'), [[1], [2, 3]]);
    assert.deepEqual(sweep('[1], [2]', 'list'), [[1], [2]]);
    assert.equal(sweep('1, x', 'int'), '! integer');
    assert.equal(sweep(' ', 'int'), '! empty');
    assert.equal(combinations({ a: [1, 2, 3], b: [1, 2] }), 6);
  });
  it('reads lists of files and spans of time', () => {
    assert.deepEqual(lines('a.csv, b/*.csv\n\n c '), ['a.csv', 'b/*.csv', 'c']);
    assert.equal(seconds('1h30m'), 5400);
    assert.equal(seconds('90'), 90);
    assert.equal(seconds('15 min'), 900);
    assert.ok(Number.isNaN(seconds('soon')));
  });
});

describe('a log fed in pieces', () => {
  it('joins lines across pieces and keeps the count', () => {
    const log = new LogLines();
    const whole = Array.from({ length: 1000 }, (_, i) => `line ${i}`).join('\n') + '\n';
    for (let at = 0; at < whole.length; at += 7) {
      log.feed(whole.slice(at, at + 7));
    }
    assert.equal(log.length, 1000);
    assert.equal(log.lines[999], 'line 999');
    assert.deepEqual(log.search('LINE 99'), [99, 990, 991, 992, 993, 994, 995, 996, 997, 998, 999]);
  });
  it('shows what a carriage return left', () => {
    const log = new LogLines();
    log.feed('10%\r50%\r100%\nwindows\r\nopen\r');
    assert.deepEqual(
      [0, 1, 2].map(i => log.shown(i)),
      ['100%', 'windows', 'open']
    );
  });
  it('carries colours over lines, even cut in the middle of an escape', () => {
    const log = new LogLines();
    log.feed('\x1b[1;3');
    log.feed('1mred\nstill\x1b[0m plain\nplain\n');
    assert.equal(log.style(1).fg, 'red');
    assert.equal(log.style(2), PLAIN);
    assert.deepEqual(
      pieces(log.shown(1), log.style(1)).map(p => [p.text, p.style.fg]),
      [
        ['still', 'red'],
        [' plain', null]
      ]
    );
  });
  it('understands 256 and true colours, and drops what moves the cursor', () => {
    assert.equal(carry('\x1b[38;5;196m', PLAIN).fg, '#ff0000');
    assert.equal(carry('\x1b[48;2;1;2;3m', PLAIN).bg, '#010203');
    assert.equal(strip('\x1b[2K\x1b]8;;http://x\x07link\x1b]8;;\x07'), 'link');
  });
});

describe('numbers and times', () => {
  it('formats', () => {
    assert.deepEqual([0.42, 59.9, 61, 3723, 200_000].map(duration), [
      '0.4 s',
      '59 s',
      '1:01',
      '1:02:03',
      '2 d 7 h'
    ]);
    assert.deepEqual([0, 999, 1500, 123_456_789].map(bytes), ['0 B', '999 B', '1.5 kB', '123 MB']);
    assert.deepEqual([0, 0.123456, 1e-7, 12345.678, NaN].map(number), [
      '0',
      '0.12346',
      '1.00e-7',
      '12346',
      '–'
    ]);
    const noon = Date.parse('2026-01-01T12:00:00Z');
    assert.equal(ago('2026-01-01T12:00:30Z', noon, 'en'), 'now');
    assert.equal(ago('2026-01-01T11:57:00Z', noon, 'en'), '3 min. ago');
    assert.equal(secondsBetween('2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'), 60);
    assert.match(wallClock('2026-03-29T06:00:00+02:00', 'en-GB'), /Sun.* 29 Mar.* 06:00/);
  });
  it('places ticks and finds points', () => {
    assert.deepEqual(ticks(0, 1), [0, 0.25, 0.5, 0.75, 1]);
    assert.ok(ticks(5, 5).length >= 2);
    const points = [0, 10, 20].map(x => ({ x, y: x }));
    assert.deepEqual(
      [-5, 4, 6, 100].map(x => nearest(points, x)),
      [0, 0, 1, 2]
    );
    const many = Array.from({ length: 10_000 }, (_, x) => ({ x, y: x === 5000 ? 99 : 0 }));
    const few = thin(many, 200);
    assert.ok(few.length <= 220 && few.some(p => p.y === 99));
  });
});

describe('rows of a long list', () => {
  it('stand evenly when each has one line', () => {
    const rows = even(18);
    assert.deepEqual([rows.top(10), rows.at(180), rows.at(179)], [180, 10, 9]);
  });
  it('take as many lines as their text needs', () => {
    const texts = ['', 'x'.repeat(10), 'x'.repeat(11), '漢'.repeat(6), 'end'];
    const rows = new WrappedRows(10, 10).fit(texts.length, index => texts[index]);
    assert.deepEqual(
      texts.map((_, index) => rows.top(index)),
      [0, 10, 20, 40, 60]
    );
    assert.equal(rows.top(5), 70);
    assert.deepEqual(
      [0, 9, 10, 25, 39, 40, 69, 70, 1000].map(y => rows.at(y)),
      [0, 0, 1, 2, 2, 3, 4, 5, 5]
    );
  });
  it('follow a text that grows, and forget one that went', () => {
    const texts = ['a', 'b'];
    const rows = new WrappedRows(10, 4).fit(2, index => texts[index]);
    texts[1] = 'b'.repeat(9);
    texts.push('c');
    rows.fit(3, index => texts[index]);
    assert.deepEqual([rows.top(1), rows.top(2), rows.top(3)], [10, 40, 50]);
    assert.equal(rows.fit(0, () => '').top(0), 0);
  });
  it('counts places as terminals do', () => {
    assert.deepEqual(['abc', '日本', 'é', '🚀', 'a\tb'].map(columns), [3, 4, 1, 2, 9]);
  });
});

describe('the time of day', () => {
  const now = new Date(2026, 10, 22, 9, 0);
  it('has its day only when that is another', () => {
    assert.equal(clock(new Date(2026, 10, 22, 14, 5), now, 'en-GB'), '14:05');
    assert.equal(clock(new Date(2026, 10, 23, 14, 5), now, 'en-GB'), '23 Nov 14:05');
  });
});
