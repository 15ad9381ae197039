import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonError, type JsonNumber, parseJson, parseWithPlaces, writeJson } from './parse.ts';

test('numbers keep their text', () => {
  const text = '{"a":9007199254740993,"b":[0.10,-1e400,18446744073709551615]}';
  assert.equal(writeJson(parseJson(text)), text);
  assert.ok((parseJson('1.0') as JsonNumber).text === '1.0');
});

test('agrees with JSON.parse on everything but numbers', () => {
  const texts = [
    '{}',
    '[]',
    ' [ true , false , null ] ',
    '{"a":{"b":[{"c":"d"}]},"":"empty"}',
    '"\\u00e4\\n\\t\\"\\\\\\/\\b\\f\\r\\ud83d\\ude00"',
    '{"__proto__":"x","constructor":"y"}',
  ];
  for (const text of texts)
    assert.equal(writeJson(parseJson(text)), JSON.stringify(JSON.parse(text)));
});

test('refuses what JSON.parse refuses, and says where', () => {
  const cases: [string, number][] = [
    ['', 0],
    ['{', 1],
    ['{"a":1,}', 7],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['{"a" 1}', 5],
    ['{a:1}', 1],
    ['"abc', 4],
    ['"a\nb"', 2],
    ['"\\x"', 1],
    ['"\\u12g4"', 1],
    ['tru', 0],
    ['01', 1],
    ['1.', 1],
    ['+1', 0],
    ['{} x', 3],
    ["'a'", 0],
  ];
  for (const [text, at] of cases) {
    assert.throws(() => JSON.parse(text), SyntaxError, text);
    assert.throws(
      () => parseJson(text),
      (error) => error instanceof JsonError && error.at === at,
      `${text} at ${at}`,
    );
  }
});

test('as deep as the server goes and no deeper', () => {
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  assert.ok(parseJson(deep(64)));
  assert.throws(() => parseJson(deep(66)), JsonError);
});

test('knows the place of each value', () => {
  const text = '{ "states": ["a", "b"], "transitions": [{"from": "a", "guard": "ctx.x"}] }';
  const { places } = parseWithPlaces(text);
  const at = (path: string) => {
    const place = places.get(path);
    return place && text.slice(place.start, place.end);
  };
  assert.equal(at('states[1]'), '"b"');
  assert.equal(at('transitions[0].guard'), '"ctx.x"');
  assert.equal(at('transitions[0]'), '{"from": "a", "guard": "ctx.x"}');
  assert.equal(at(''), text);
});

test('writes with indentation', () => {
  assert.equal(
    writeJson(parseJson('{"a":[1,{}],"b":[]}'), 2),
    JSON.stringify({ a: [1, {}], b: [] }, null, 2),
  );
});
