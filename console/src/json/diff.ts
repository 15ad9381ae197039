// What an event changed in a context, as a tree that can be shown: every member of both, each with
// what became of it.

import { isObject, type Json, JsonNumber } from './parse.ts';

export type Change = 'same' | 'added' | 'removed' | 'changed' | 'inside';

export interface Branch {
  name: string;
  change: Change;
  /** The value now; before, if it is gone. */
  value: Json;
  /** The value before, of a changed one. */
  before?: Json;
  children: Branch[];
}

export function sameJson(a: Json, b: Json): boolean {
  if (a instanceof JsonNumber || b instanceof JsonNumber) {
    return a instanceof JsonNumber && b instanceof JsonNumber && a.text === b.text;
  }
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) && a.length === b.length && a.every((v, i) => sameJson(v, b[i] as Json))
    );
  }
  if (isObject(a)) {
    if (!isObject(b)) return false;
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => key in b && sameJson(a[key] as Json, b[key] as Json))
    );
  }
  return a === b;
}

function members(value: Json): Map<string, Json> {
  if (Array.isArray(value)) return new Map(value.map((item, index) => [String(index), item]));
  if (isObject(value)) return new Map(Object.entries(value));
  return new Map();
}

function alone(name: string, value: Json, change: Change): Branch {
  const children = [...members(value)].map(([key, item]) => alone(key, item, change));
  return { name, change, value, children };
}

function sameKind(a: Json, b: Json): boolean {
  return (Array.isArray(a) && Array.isArray(b)) || (isObject(a) && isObject(b));
}

function compare(name: string, before: Json, after: Json): Branch {
  if (sameJson(before, after)) return alone(name, after, 'same');
  if (!sameKind(before, after)) {
    return { ...alone(name, after, 'same'), change: 'changed', before };
  }
  return { name, change: 'inside', value: after, children: compareMembers(before, after) };
}

function compareMembers(before: Json, after: Json): Branch[] {
  const old = members(before);
  const now = members(after);
  const branches = [...now].map(([key, value]) => {
    const was = old.get(key);
    return was === undefined ? alone(key, value, 'added') : compare(key, was, value);
  });
  for (const [key, value] of old) if (!now.has(key)) branches.push(alone(key, value, 'removed'));
  return branches;
}

/** The members of `after`, and those that are gone; `before` null: there is nothing to compare. */
export function diffContext(before: Json | null, after: Json): Branch[] {
  if (before === null) return alone('', after, 'same').children;
  return compareMembers(before, after);
}

/** How many values were added, changed or removed. */
export function countChanges(branches: Branch[]): number {
  return branches.reduce(
    (sum, branch) =>
      sum +
      (branch.change === 'inside'
        ? countChanges(branch.children)
        : branch.change === 'same'
          ? 0
          : 1),
    0,
  );
}
