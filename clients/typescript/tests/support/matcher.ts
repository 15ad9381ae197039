// What a dialog expects of an answer: an object expects its members and allows others, everything
// else is compared whole, numbers by their text. protocol/README.md lists the matchers.

import { JsonNumber, parseJson, writeJson } from '../../src/json.js';

type Json = unknown;
type Members = Record<string, Json>;
export type Saved = Map<string, Json>;

/** JSON in which every number keeps its text. */
export const parseExact = (text: string): Json =>
  parseJson(text, (number) => new JsonNumber(number));

const isMembers = (value: Json): value is Members =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof JsonNumber);

const isMatcher = (value: Json): value is Members =>
  isMembers(value) &&
  Object.keys(value).length > 0 &&
  Object.keys(value).every((key) => key.startsWith('$'));

export function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (value instanceof JsonNumber) return /^-?\d+$/.test(value.text) ? 'integer' : 'number';
  return Array.isArray(value) ? 'array' : typeof value;
}

function savedAs(name: Json, saved: Saved): Json {
  if (!saved.has(String(name))) throw new Error(`the dialog saved nothing as ${String(name)}`);
  return saved.get(String(name));
}

/** Puts saved values and repetitions into what is to be sent. */
export function fill(value: Json, saved: Saved): Json {
  if (Array.isArray(value)) return value.map((element) => fill(element, saved));
  if (!isMembers(value)) return value;
  const keys = Object.keys(value).join();
  if (keys === '$ref') return savedAs(value.$ref, saved);
  if (keys === '$repeat') {
    const repeat = value.$repeat as { text?: string; value?: Json; times: JsonNumber };
    const times = Number(repeat.times.text);
    if (repeat.text !== undefined) return repeat.text.repeat(times);
    return Array.from({ length: times }, () => fill(repeat.value, saved));
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, fill(member, saved)]),
  );
}

const same = (a: Json, b: Json): boolean => writeJson(a) === writeJson(b);

/** undefined when `actual` is as expected, else a sentence that names the place. */
export function mismatch(
  expected: Json,
  actual: Json,
  saved: Saved,
  path = 'answer',
): string | undefined {
  if (isMatcher(expected)) {
    for (const [name, argument] of Object.entries(expected)) {
      const complaint = check(name, argument, actual, saved);
      if (complaint) return `${path}: expected ${complaint}, got ${writeJson(actual)}`;
    }
    return undefined;
  }
  if (isMembers(expected)) return membersMismatch(expected, actual, saved, path);
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) {
      return `${path}: expected ${expected.length} elements, got ${writeJson(actual)}`;
    }
    for (const [at, element] of expected.entries()) {
      const found = mismatch(element, actual[at], saved, `${path}[${at}]`);
      if (found) return found;
    }
    return undefined;
  }
  if (typeOf(expected) === typeOf(actual) && same(expected, actual)) return undefined;
  return `${path}: expected ${writeJson(expected)}, got ${writeJson(actual)}`;
}

function membersMismatch(expected: Members, actual: Json, saved: Saved, path: string) {
  if (!isMembers(actual)) return `${path}: expected an object, got ${writeJson(actual)}`;
  for (const [key, member] of Object.entries(expected)) {
    const there = Object.hasOwn(actual, key);
    if (isMatcher(member) && '$absent' in member) {
      if (there) return `${path}.${key}: expected nothing, got ${writeJson(actual[key])}`;
      continue;
    }
    if (!there) return `${path}.${key}: is missing`;
    const found = mismatch(member, actual[key], saved, `${path}.${key}`);
    if (found) return found;
  }
  return undefined;
}

function check(name: string, argument: Json, actual: Json, saved: Saved): string | undefined {
  const fits = (wanted: Json, value: Json) => mismatch(wanted, value, saved) === undefined;
  switch (name) {
    case '$any':
      return undefined;
    case '$save':
      saved.set(String(argument), actual);
      return undefined;
    case '$type': {
      const kinds = String(argument).split('|');
      return kinds.includes(typeOf(actual)) ? undefined : `type ${String(argument)}`;
    }
    case '$ref': {
      const value = savedAs(argument, saved);
      return same(value, actual) ? undefined : writeJson(value);
    }
    case '$exact': {
      const keys = (value: Json) => (isMembers(value) ? Object.keys(value).sort().join() : '');
      const exact = keys(argument) === keys(actual) && fits(argument, actual);
      return exact ? undefined : `exactly ${writeJson(argument)}`;
    }
    case '$above': {
      const bound = fill(argument, saved);
      const above = typeOf(actual) === 'integer' && BigInt(String(actual)) > BigInt(String(bound));
      return above ? undefined : `an integer above ${String(bound)}`;
    }
    case '$matches': {
      const whole = new RegExp(`^(?:${String(argument)})$`, 'u');
      return typeof actual === 'string' && whole.test(actual) ? undefined : `text like ${whole}`;
    }
    case '$length': {
      const length = isMembers(actual)
        ? Object.keys(actual).length
        : [...(actual as Iterable<unknown>)].length;
      return length === Number(String(argument)) ? undefined : `length ${String(argument)}`;
    }
    case '$contains': {
      const missing = (argument as Json[]).find(
        (wanted) => !Array.isArray(actual) || !actual.some((element) => fits(wanted, element)),
      );
      return missing === undefined ? undefined : `an element like ${writeJson(missing)}`;
    }
    case '$one_of': {
      const fitting = (argument as Json[]).some((wanted) => fits(wanted, actual));
      return fitting ? undefined : `one of ${writeJson(argument)}`;
    }
  }
  throw new Error(`unknown matcher ${name}`);
}
