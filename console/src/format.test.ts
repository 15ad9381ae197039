import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, rate, span } from './format.ts';

test('rates', () => {
  assert.deepEqual([0, 0.04, 0.5, 9.96, 12.4, 9999, 98_300].map(rate), [
    '',
    '',
    '0.5/s',
    '10.0/s',
    '12/s',
    '9,999/s',
    '98.3K/s',
  ]);
});

test('spans', () => {
  const cases: [number, string][] = [
    [40, '40 ms'],
    [1500, '1.5 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [90_000_000, '1 d 1 h'],
    [864_000_000 + 3_600_000, '10 d'],
  ];
  for (const [ms, words] of cases) assert.equal(span(ms), words);
});

test('ago', () => {
  assert.equal(ago(0, 1000), 'just now');
  assert.equal(ago(0, 7000), '7 s ago');
  assert.equal(ago(0, 172_800_000), '2 d ago');
});
