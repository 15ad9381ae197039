import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../api/client.ts';
import { Once } from './once.ts';

const BODY = '{"event":"NOTE","payload":{}}';
const answered = (status: number) => new Problem(status, '', '');
const keyOf = (headers: Record<string, string>) => headers['Idempotency-Key'];

test('once: what is unclear is sent again as it was, wherever the instance is by now', () => {
  for (const status of [0, -1, 500, 502, 503, 504]) {
    const once = new Once();
    const first = once.headersFor(BODY, 7);
    assert.equal(first['If-Match'], '"7"');
    assert.equal(once.unclear(BODY), null); // it is under way
    once.failed(answered(status));
    assert.equal(once.unclear(BODY)?.offset, 7);
    assert.deepEqual(once.headersFor(BODY, 8), first);
    assert.deepEqual(once.headersFor(BODY), first);
  }
  const once = new Once();
  const first = once.headersFor(BODY);
  assert.deepEqual(Object.keys(first), ['Idempotency-Key']);
  once.failed(answered(0));
  assert.deepEqual(once.headersFor(BODY, 8), first);
});

test('once: another body is another request, and expects what is so by then', () => {
  const once = new Once();
  const first = once.headersFor(BODY, 7);
  once.failed(answered(0));
  const other = BODY.replace('{}', '{"by":1}');
  assert.equal(once.unclear(other), null);
  const second = once.headersFor(other, 8);
  assert.notEqual(keyOf(second), keyOf(first));
  assert.equal(second['If-Match'], '"8"');
});

test('once: what has happened or was refused is over', () => {
  const once = new Once();
  let before = once.headersFor(BODY, 7);
  const isOver = () => {
    assert.equal(once.unclear(BODY), null);
    const next = once.headersFor(BODY, 8);
    assert.notEqual(keyOf(next), keyOf(before));
    assert.equal(next['If-Match'], '"8"');
    before = next;
  };
  once.done();
  isOver();
  for (const status of [400, 401, 403, 404, 408, 409, 412, 413, 422, 429]) {
    once.failed(answered(status));
    isOver();
  }
  for (const status of [404, 409, 412, 422]) {
    once.failed(answered(0));
    once.failed(answered(status)); // the server has looked for the key
    isOver();
  }
});

test('once: a refusal that looked at no key says nothing of what was sent before', () => {
  for (const status of [401, 403, 408, 429]) {
    const once = new Once();
    const first = once.headersFor(BODY, 7);
    once.failed(answered(0));
    once.failed(answered(status));
    assert.equal(once.unclear(BODY)?.offset, 7);
    assert.deepEqual(once.headersFor(BODY, 8), first);
  }
});
