import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition } from '../model/definition.ts';
import { distance, type Point } from './curve.ts';
import { type Layout, type LayoutOptions, layOut, type Route } from './layout.ts';

const measure: LayoutOptions['measure'] = (text, kind) =>
  text.length * (kind === 'state' ? 8.4 : 7.4);

const PARALLEL: Definition = {
  states: ['a', 'b', 'c', 'alone'],
  initial: 'a',
  transitions: [
    { from: 'a', event: 'GO', to: 'b' },
    { from: 'a', event: 'RUN', to: 'b', guard: 'ctx.quick' },
    { from: 'b', event: 'BACK', to: 'a' },
    { from: 'b', event: 'AGAIN', to: 'b' },
    { from: 'b', event: 'ONCE_MORE', to: 'b' },
    { from: ['a', 'b'], event: 'END', to: 'c' },
  ],
};

/** 20 states, a ring with chords, self loops and parallel edges. */
function large(): Definition {
  const states = Array.from({ length: 20 }, (_, i) => `state_${i}`);
  const at = (i: number) => states[i % 20] as string;
  const transitions = states.flatMap((from, i) => [
    { from, event: `NEXT_${i}`, to: at(i + 1) },
    { from, event: `JUMP_${i}`, to: at(i * 7 + 3) },
    ...(i % 4 === 0 ? [{ from, event: 'STAY', to: from }] : []),
    ...(i % 6 === 0 ? [{ from, event: 'ALSO', to: at(i + 1), guard: 'ctx.a > 1' }] : []),
  ]);
  return { states, initial: at(0), transitions };
}

const DIRECTIONS = ['LR', 'TB'] as const;

function all(definition: Definition): Layout[] {
  return DIRECTIONS.map((direction) => layOut(definition, { direction, measure, numbers: true }));
}

function inside(layout: Layout, point: Point): boolean {
  return point.x >= 0 && point.y >= 0 && point.x <= layout.width && point.y <= layout.height;
}

function overlap(a: Route['label'], b: Route['label']): boolean {
  const apart = (x: number, y: number, size: number) => Math.abs(x - y) >= size - 0.5;
  return !apart(a.x, b.x, (a.width + b.width) / 2) && !apart(a.y, b.y, (a.height + b.height) / 2);
}

/** How far a point is outside a box; 0 on its border or inside. */
function outside(box: Layout['boxes'][number], point: Point): number {
  return Math.max(
    Math.abs(point.x - box.x) - box.width / 2,
    Math.abs(point.y - box.y) - box.height / 2,
    0,
  );
}

test('every edge has a line of its own, from its box to its box', () => {
  for (const definition of [PARALLEL, large()]) {
    for (const layout of all(definition)) {
      assert.equal(new Set(layout.routes.map((route) => route.path)).size, layout.routes.length);
      for (const { edge, samples, path, arrow } of layout.routes) {
        const box = (name: string) =>
          layout.boxes.find((b) => b.name === name) as Layout['boxes'][number];
        assert.ok(
          outside(box(edge.from), samples[0] as Point) < 0.5,
          `${edge.key} begins at its box`,
        );
        assert.ok(
          outside(box(edge.to), samples.at(-1) as Point) < 0.5,
          `${edge.key} ends at its box`,
        );
        assert.doesNotMatch(path + arrow, /NaN|Infinity|undefined/);
      }
    }
  }
});

test('labels do not cover one another', () => {
  for (const definition of [PARALLEL, large()]) {
    for (const { routes } of all(definition)) {
      routes.forEach((a, i) => {
        for (const b of routes.slice(i + 1)) {
          assert.ok(!overlap(a.label, b.label), `${a.edge.key} and ${b.edge.key}`);
        }
      });
    }
  }
});

test('everything is inside the picture', () => {
  for (const layout of all(large())) {
    for (const { samples, label } of layout.routes) {
      assert.ok(samples.every((point) => inside(layout, point)));
      assert.ok(inside(layout, { x: label.x - label.width / 2, y: label.y - label.height / 2 }));
      assert.ok(inside(layout, { x: label.x + label.width / 2, y: label.y + label.height / 2 }));
    }
    assert.ok(layout.boxes.every((box) => inside(layout, box)));
  }
});

test('a line passes its label', () => {
  for (const layout of all(PARALLEL)) {
    for (const { edge, label, samples } of layout.routes) {
      const reach = Math.min(...samples.map((point) => distance(point, label)));
      assert.ok(reach <= label.width / 2 + 16, `${edge.key}: ${reach}`);
    }
  }
});

test('dots have points at equal distances', () => {
  for (const { routes } of all(PARALLEL)) {
    for (const { samples } of routes) {
      const steps = samples.slice(1).map((point, i) => distance(point, samples[i] as Point));
      const mean = steps.reduce((a, b) => a + b, 0) / steps.length;
      assert.ok(steps.every((step) => Math.abs(step - mean) < mean * 0.5 + 0.5));
    }
  }
});

test('initial and terminal states are marked', () => {
  const layout = layOut(PARALLEL, { direction: 'LR', measure, numbers: false });
  assert.deepEqual(
    layout.boxes.filter((box) => box.initial).map((box) => box.name),
    ['a'],
  );
  assert.deepEqual(
    layout.boxes.filter((box) => box.terminal).map((box) => box.name),
    ['c', 'alone'],
  );
  assert.ok(layout.entry !== null);
});

test('the same definition gives the same picture', () => {
  assert.deepEqual(all(large()), all(large()));
});

test('names like those of objects are only names', () => {
  const definition: Definition = {
    states: ['__proto__', 'constructor', 'a\u0001b'],
    initial: '__proto__',
    transitions: [{ from: '__proto__', event: 'toString', to: 'constructor' }],
  };
  const [layout] = all(definition);
  assert.equal(layout?.routes.length, 1);
  assert.ok(layout?.boxes.every((box) => Number.isFinite(box.x)));
});
