import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Branch, countChanges, diffContext } from './diff.ts';
import { parseJson } from './parse.ts';

function changes(before: string, after: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (branches: Branch[], path: string) => {
    for (const branch of branches) {
      const at = `${path}${branch.name}`;
      if (branch.change === 'inside') walk(branch.children, `${at}.`);
      else if (branch.change !== 'same') found[at] = branch.change;
    }
  };
  walk(diffContext(parseJson(before), parseJson(after)), '');
  return found;
}

test('added, removed, changed, and inside', () => {
  assert.deepEqual(changes('{"a":1,"b":{"c":1,"d":2},"e":0}', '{"a":1,"b":{"c":2,"d":2},"f":[]}'), {
    'b.c': 'changed',
    e: 'removed',
    f: 'added',
  });
});

test('a number that is written differently is another one; order of members says nothing', () => {
  assert.deepEqual(changes('{"n":9007199254740992}', '{"n":9007199254740993}'), { n: 'changed' });
  assert.deepEqual(changes('{"a":1,"b":2}', '{"b":2,"a":1}'), {});
});

test('lists by index, and another kind of value is a change', () => {
  assert.deepEqual(changes('{"l":[1,2,3]}', '{"l":[1,5]}'), {
    'l.1': 'changed',
    'l.2': 'removed',
  });
  assert.deepEqual(changes('{"x":[1]}', '{"x":{"0":1}}'), { x: 'changed' });
  assert.deepEqual(changes('{"x":null}', '{"x":{}}'), { x: 'changed' });
});

test('with nothing to compare everything is as it is', () => {
  const branches = diffContext(null, parseJson('{"a":{"b":1}}'));
  assert.equal(countChanges(branches), 0);
  assert.equal(branches[0]?.children[0]?.name, 'b');
});
