import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counts } from './counts.ts';
import {
  type Definition,
  drawable,
  edgeKey,
  edgesOf,
  eventsFrom,
  statesWith,
  terminalStates,
} from './definition.ts';
import { Flow, lineWidth } from './flow.ts';
import { nearest, squeeze } from './gaps.ts';
import { type Part, reaches, withNewest, withOlder } from './history.ts';
import { Lag } from './lag.ts';
import { numbersOnEdges, numbersText, type Step } from './path.ts';

const ORDER: Definition = {
  states: ['new', 'paid', 'review', 'gone'],
  initial: 'new',
  transitions: [
    { from: 'new', event: 'PAY', to: 'paid', guard: 'ctx.a' },
    { from: ['new'], event: 'PAY', to: 'review' },
    { from: ['new', 'paid'], event: 'DROP', to: 'gone' },
    { from: 'paid', event: 'NOTE', to: 'paid', guard: 'ctx.b' },
    { from: 'paid', event: 'NOTE', to: 'paid' },
  ],
};

test('edges: each state in from, the same ways together', () => {
  const edges = edgesOf(ORDER);
  assert.deepEqual(
    edges.map(({ from, event, to, guards }) => [from, event, to, guards.join()]),
    [
      ['new', 'PAY', 'paid', 'ctx.a'],
      ['new', 'PAY', 'review', ''],
      ['new', 'DROP', 'gone', ''],
      ['paid', 'DROP', 'gone', ''],
      ['paid', 'NOTE', 'paid', ''],
    ],
  );
  assert.deepEqual([...terminalStates(ORDER)], ['review', 'gone']);
  assert.deepEqual(statesWith(ORDER, 'DROP'), ['new', 'paid']);
});

test('events from a state, in the order in which they are tried', () => {
  const events = eventsFrom(ORDER, 'new');
  assert.deepEqual(events.get('PAY'), [
    { to: 'paid', guard: 'ctx.a' },
    { to: 'review', guard: null },
  ]);
  assert.deepEqual(events.get('NOTE'), []);
});

test('what can be drawn while it is written', () => {
  assert.equal(drawable(null), null);
  assert.equal(drawable({ states: [] }), null);
  const drawn = drawable({
    states: ['a', 'b', 7],
    initial: 'x',
    transitions: [{}, null, { from: 'a', event: 'E', to: 'b' }, { from: 'a', event: 'E', to: 'c' }],
  });
  assert.deepEqual(drawn?.states, ['a', 'b']);
  assert.equal(drawn?.transitions.length, 1);
});

test('counts: what they have in them already does not move them', () => {
  const counts = new Counts();
  counts.reset({ new: 3, paid: 0 }, 100);
  const moved = (wal_offset: number, from_state: string | null, to_state: string | null) =>
    counts.apply({ wal_offset, version: 1, from_state, to_state });
  assert.equal(moved(99, 'new', 'paid'), false);
  assert.equal(moved(100, 'new', 'paid'), false);
  assert.equal(moved(101, 'new', 'paid'), true);
  assert.equal(moved(102, null, 'new'), true);
  assert.equal(moved(103, 'paid', null), true);
  assert.equal(moved(103, 'paid', null), false);
  assert.deepEqual(
    [...counts.byState()],
    [
      ['new', 3],
      ['paid', 0],
    ],
  );
  assert.deepEqual([counts.total, counts.offset], [3, 103]);
  assert.ok(counts.possible);
  moved(104, 'paid', null);
  assert.ok(!counts.possible);
});

test('counts after any history are those of a census', () => {
  const states = ['a', 'b', 'c'];
  const where = new Map<number, string>();
  const counts = new Counts();
  counts.reset({}, 0);
  let seed = 7;
  const chance = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * n);
  };
  for (let offset = 1; offset <= 5000; offset++) {
    const id = chance(200);
    const from = where.get(id) ?? null;
    const to = from !== null && chance(5) === 0 ? null : (states[chance(3)] as string);
    if (to === null) where.delete(id);
    else where.set(id, to);
    counts.apply({ wal_offset: offset, version: 1, from_state: from, to_state: to });
  }
  for (const state of states) {
    const census = [...where.values()].filter((each) => each === state).length;
    assert.equal(counts.byState().get(state) ?? 0, census);
  }
});

test('flow: events a second over the window, and nothing afterwards', () => {
  const flow = new Flow(4000);
  for (let ms = 0; ms < 8000; ms += 10) flow.add('e', 1_000_000 + ms);
  const rate = flow.rates(1_008_000).get('e') ?? 0;
  assert.ok(rate > 93 && rate <= 100, String(rate));
  assert.equal(flow.rates(1_013_000).size, 0);
});

test('flow: the first second is not watered down', () => {
  const flow = new Flow(4000);
  for (let i = 0; i < 50; i++) flow.add('e', 500 + i * 20);
  const rate = flow.rates(1500).get('e') ?? 0;
  assert.ok(rate >= 45 && rate <= 55, String(rate));
});

test('lines grow with the flow, and not beyond all bounds', () => {
  const widths = [0, 1, 10, 1000, 100_000, 1e9].map(lineWidth);
  for (let i = 1; i < widths.length - 1; i++)
    assert.ok((widths[i] as number) > (widths[i - 1] as number));
  assert.ok((widths.at(-1) as number) <= 9);
});

test('lag: since the log was known to have what arrives', () => {
  const lag = new Lag();
  lag.sample(100, 1000);
  lag.sample(200, 2000);
  lag.sample(300, 3000);
  lag.arrived(150, 6500);
  assert.equal(lag.value, 4.5);
  lag.arrived(301, 6500);
  assert.equal(lag.value, 0);
});

test('gaps: to scale up to a bound, squeezed beyond it, in order', () => {
  const day = 86_400_000;
  const times = [0, 1000, 2000, 3000, 3000 + 9 * day, 4000 + 9 * day];
  const { places, breaks } = squeeze(times, 1000);
  assert.equal(places[0], 0);
  assert.ok(Math.abs((places.at(-1) as number) - 1000) < 1e-6);
  for (let i = 1; i < places.length; i++)
    assert.ok((places[i] as number) > (places[i - 1] as number));
  const gap = (i: number) => (places[i + 1] as number) - (places[i] as number);
  assert.ok(Math.abs(gap(0) - gap(1)) < 1e-6);
  assert.ok(Math.abs(gap(3) / gap(0) - 6) < 1e-6);
  assert.deepEqual(
    breaks.map(({ ms }) => ms),
    [9 * day],
  );
  assert.ok((breaks[0]?.place as number) > (places[3] as number));
});

test('gaps: none, one, all at once', () => {
  assert.deepEqual(squeeze([], 100).places, []);
  assert.deepEqual(squeeze([5], 100).places, [50]);
  assert.deepEqual(squeeze([5, 5, 5], 100).places, [0, 50, 100]);
  assert.equal(nearest([0, 50, 100], 70), 1);
  assert.equal(nearest([0, 50, 100], 90), 2);
});

test('the path: numbers on the edges, up to the step that is looked at', () => {
  const step = (
    wal_offset: number,
    from_state: string | null,
    event: string | null,
    to_state: string,
  ) => ({ wal_offset, from_state, event, to_state });
  const steps = [
    step(1, null, null, 'new'),
    step(2, 'new', 'PAY', 'paid'),
    step(3, 'paid', 'NOTE', 'paid'),
    step(4, 'paid', 'NOTE', 'paid'),
  ];
  const all = numbersOnEdges(steps, 3);
  assert.deepEqual(all.get(edgeKey('paid', 'NOTE', 'paid')), [2, 3]);
  assert.equal(numbersOnEdges(steps, 1).has(edgeKey('paid', 'NOTE', 'paid')), false);
  assert.equal(numbersText([1, 4, 9]), '1, 4, 9');
  assert.equal(numbersText([1, 4, 9, 17]), '1, 4 … 17');
});

const part = (offsets: number[], next: number | null, horizon = 1): Part<Step> => ({
  steps: offsets.map((wal_offset) => ({ wal_offset, from_state: 'a', to_state: 'b', event: 'E' })),
  next,
  horizon,
  complete: next === null && horizon <= 1,
});
const offsetsOf = (history: Part<Step>) => history.steps.map((step) => step.wal_offset);

test('history: an older page goes in front of what it was asked for', () => {
  const loaded = part([30, 40], 30);
  const page = part([10, 20], null);
  const joined = withOlder(loaded, loaded, page);
  assert.deepEqual(offsetsOf(joined), [10, 20, 30, 40]);
  assert.equal(joined.next, null);
  assert.equal(joined.complete, true);
  const longer = withNewest(loaded, part([40, 50], 40));
  assert.deepEqual(offsetsOf(withOlder(longer, loaded, page)), [10, 20, 30, 40, 50]);
});

test('history: an older page does not go in front of a history that was begun anew', () => {
  const asked = part([30, 40], 30);
  const anew = part([900, 910], 900);
  assert.equal(withOlder(anew, asked, part([10, 20], null)), anew);
});

test('history: the newest steps are joined where they reach back', () => {
  const loaded = part([10, 20], null);
  assert.equal(reaches(loaded, part([30, 40], 30)), false);
  assert.equal(reaches(loaded, part([20, 30], 20)), true);
  const joined = withNewest(loaded, part([20, 30], 20));
  assert.deepEqual(offsetsOf(joined), [10, 20, 30]);
  assert.equal(joined.complete, true);
  assert.deepEqual(offsetsOf(withNewest(loaded, part([30], null, 21))), [10, 20, 30]);
  assert.deepEqual(offsetsOf(withNewest(loaded, part([], null, 21))), [10, 20]);
});

test('history: what a compaction may have taken in between begins it anew', () => {
  const loaded = part([10, 20], null);
  const newest = part([30, 40], null, 25);
  assert.equal(withNewest(loaded, newest), newest);
  const far = part([800, 900], 800);
  assert.equal(withNewest(loaded, far), far);
});
