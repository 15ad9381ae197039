import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, Problem } from './client.ts';

test('paths: every part is encoded, what is empty is left out', () => {
  assert.equal(api(['machines', 'a/b c', 'versions', 2]), '/v1/machines/a%2Fb%20c/versions/2');
  assert.equal(
    api(['instances'], { machine: 'a&b', state: '', cursor: null, limit: 5, include_ctx: false }),
    '/v1/instances?machine=a%26b&limit=5&include_ctx=false',
  );
});

test('paths: a comma between names is bare, one inside a name is not', () => {
  assert.equal(api(['watch'], { events: ['A', 'B,C'], machines: [] }), '/v1/watch?events=A,B%2CC');
});

test('problems: only a refusal says that nothing has happened', () => {
  for (const status of [400, 401, 403, 404, 409, 412, 413, 422, 429]) {
    assert.equal(new Problem(status, '', '').unclear, false, String(status));
  }
  // No answer, half of one, a log that has stopped under the write, a proxy that has given up.
  for (const status of [0, -1, 500, 502, 503, 504]) {
    assert.equal(new Problem(status, '', '').unclear, true, String(status));
  }
});
