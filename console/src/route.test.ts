import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRoute, parseRoute } from './route.ts';

test('there and back, whatever the names are', () => {
  for (const id of ['o-1', 'a/b', 'ä ö?&=#%', '100%', '..']) {
    const parsed = parseRoute(formatRoute(['instances', id], { at: 7, state: id }));
    assert.deepEqual(parsed, { parts: ['instances', id], query: { at: '7', state: id } });
  }
});

test('what is empty is left out', () => {
  assert.equal(
    formatRoute(['instances'], { machine: '', state: null, cursor: undefined }),
    '#/instances',
  );
  assert.deepEqual(parseRoute(''), { parts: [], query: {} });
  assert.deepEqual(parseRoute('#/machines/%zz'), { parts: ['machines', '%zz'], query: {} });
});
