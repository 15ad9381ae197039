import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api } from './client.ts';

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
