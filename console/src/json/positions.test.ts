import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexOfByte, locate, syntaxFault } from './positions.ts';

const TEXT = `{
  "states": ["a", "bé"],
  "initial": "a",
  "transitions": [
    { "from": "a", "event": "GO", "to": "c", "guard": "ctx.é > > 1" }
  ]
}`;

function marked(details: object): string | null {
  const fault = locate(TEXT, details);
  return fault && TEXT.slice(fault.start, fault.end);
}

test('a path gives its value', () => {
  assert.equal(marked({ path: 'transitions[0].to' }), '"c"');
  assert.equal(marked({ path: 'states[1]' }), '"bé"');
  const fault = locate(TEXT, { path: 'transitions[0].to' });
  assert.deepEqual([fault?.line, fault?.column], [5, 41]);
});

test('a member that is missing gives what is around it', () => {
  assert.match(marked({ path: 'transitions[0].missing' }) ?? '', /^\{ "from"/);
  assert.equal(marked({ path: 'meta' }), TEXT);
  assert.equal(marked({ path: 'states[7]' }), '["a", "bé"]');
});

test('a column inside a guard counts bytes from its quote', () => {
  // ctx.é is six bytes, then " > ", so the second ">" is the tenth byte.
  const fault = locate(TEXT, { path: 'transitions[0].guard', column: 10 });
  assert.equal(TEXT.slice(fault?.start), TEXT.slice(TEXT.indexOf('> 1')));
});

test('line, column and byte of a text that is no JSON', () => {
  assert.equal(locate('{\n"é" 1}', { line: 2, column: 6 })?.start, 6);
  assert.equal(locate('{\n"é" 1}', { byte: 7 })?.start, 6);
  assert.equal(locate('{}', {}), null);
  assert.equal(locate('{', { path: 'states' }), null);
});

test('bytes of UTF-8 against units of UTF-16', () => {
  assert.equal(indexOfByte('aé€😀z', 10), 5);
  assert.equal(indexOfByte('aé€😀z', 6), 3);
  assert.equal(indexOfByte('abc', 99), 3);
});

test('a fault in the syntax has line and column', () => {
  assert.equal(syntaxFault('{}'), null);
  const found = syntaxFault('{\n  "a": 1,\n}');
  assert.deepEqual([found?.fault.line, found?.fault.column], [3, 1]);
});
