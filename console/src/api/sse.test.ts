import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SseEvent, SseParser } from './sse.ts';

const STREAM =
  'retry: 1000\n\nid: 7\nevent: watching\ndata: {"a":1}\n\n:\n\n' +
  'id: 8\r\nevent:transition\r\ndata: x\r\ndata: y\r\n\r\ndata\n\n';
const EVENTS: SseEvent[] = [
  { id: '7', event: 'watching', data: '{"a":1}' },
  { id: '8', event: 'transition', data: 'x\ny' },
  { id: '8', event: 'message', data: '' },
];

test('reads events, comments, and both ends of line', () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push(STREAM), EVENTS);
  assert.equal(parser.retry, 1000);
});

test('the same however the stream is cut', () => {
  for (let cut = 1; cut < STREAM.length; cut++) {
    const parser = new SseParser();
    const events = [...parser.push(STREAM.slice(0, cut)), ...parser.push(STREAM.slice(cut))];
    assert.deepEqual(events, EVENTS, `cut at ${cut}`);
  }
  const parser = new SseParser();
  assert.deepEqual(
    [...STREAM].flatMap((letter) => parser.push(letter)),
    EVENTS,
  );
});

test('an event without its empty line has not happened', () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push('id: 9\ndata: x\n'), []);
  assert.deepEqual(parser.push('\n'), [{ id: '9', event: 'message', data: 'x' }]);
});
