// Watches against a real server: what comes, in which order, and what happens to slow programs,
// lost connections and compacted logs.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import {
  type ChangeEvent,
  type Client,
  NotFoundError,
  type StreamEvent,
  type Subscription,
} from '@rstmdb/client';
import { type Peer, type WireRequest, withFake } from './support/fake_server.js';
import { ORDER } from './support/order.js';
import { Server } from './support/server.js';
import { until } from './support/until.js';

let server: Server;
let client: Client;
let ids = 0;

before(async () => {
  server = await Server.start();
  client = await server.connect({ reconnectInterval: 20 });
  await client.putMachine('order', 1, ORDER);
});
after(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

async function newOrder(): Promise<string> {
  const instanceId = `w-${++ids}`;
  await client.createInstance('order', 1, { instanceId, initialCtx: { total: 25 } });
  return instanceId;
}

/** The next `count` events. */
async function take<E extends ChangeEvent>(watch: Subscription<E>, count: number): Promise<E[]> {
  const events: E[] = [];
  const iterator = watch[Symbol.asyncIterator]();
  while (events.length < count) {
    const { done, value } = await iterator.next();
    if (done) break;
    events.push(value);
  }
  return events;
}

const connections = async () => (await client.info()).connections;

test('watchInstance: state at the start, then each transition', async () => {
  const id = await newOrder();
  const paid = await client.applyEvent(id, 'PAY');
  const watch = await client.watchInstance(id);
  assert.deepEqual([watch.startState, watch.startOffset], ['paid', paid.walOffset]);
  assert.notEqual(watch.id, '');
  const shipped = await client.applyEvent(id, 'SHIP', { payload: { by: 'van' } });
  const [event] = await take(watch, 1);
  assert.deepEqual(event, {
    kind: 'transition',
    instanceId: id,
    machine: 'order',
    version: 1,
    walOffset: shipped.walOffset,
    fromState: 'paid',
    toState: 'shipped',
    event: 'SHIP',
    payload: { by: 'van' },
    ctx: { total: 25, by: 'van' },
  });
  assert.equal(watch.lastOffset, shipped.walOffset);
  await watch.unsubscribe();
  assert.equal(watch.closed, true);
});

test('watchAll: filters, includeCtx, kinds, offsets', async () => {
  const id = await newOrder();
  const created = (await client.getInstance(id)).lastWalOffset;
  const paid = await client.applyEvent(id, 'PAY');
  const shipped = await client.applyEvent(id, 'SHIP');
  const deleted = await client.deleteInstance(id);
  const eventsOf = async (options: Parameters<Client['watchAll']>[0], count: number) => {
    const watch = await client.watchAll({ fromOffset: created, ...options });
    const events = await take<StreamEvent>(watch, count);
    await watch.unsubscribe();
    return events;
  };
  const [onlyShipped] = await eventsOf({ machines: ['order'], toStates: ['shipped'] }, 1);
  assert.equal(onlyShipped?.walOffset, shipped.walOffset);
  const [plain] = await eventsOf(
    { events: ['PAY'], fromStates: ['created'], includeCtx: false },
    1,
  );
  assert.equal(plain?.walOffset, paid.walOffset);
  assert.equal('ctx' in (plain as object), false);
  const [behind] = await eventsOf(
    { fromOffset: undefined, afterOffset: BigInt(paid.walOffset) },
    1,
  );
  assert.equal(behind?.walOffset, shipped.walOffset);

  const all = await client.watchAll({
    kinds: ['create', 'transition', 'delete'],
    fromOffset: BigInt(created),
  });
  const changes = await take(all, 4);
  assert.deepEqual(
    changes.map(({ kind, walOffset, fromState, toState }) => [kind, walOffset, fromState, toState]),
    [
      ['create', created, null, 'created'],
      ['transition', paid.walOffset, 'created', 'paid'],
      ['transition', shipped.walOffset, 'paid', 'shipped'],
      ['delete', deleted.walOffset, 'shipped', null],
    ],
  );
  await client.unwatch(all);
});

test('listeners get what waited and what comes; loop and listener get the same', async () => {
  const id = await newOrder();
  const watch = await client.watchInstance(id);
  const first = await client.applyEvent(id, 'PAY');
  const other = await client.watchInstance(id, { fromOffset: first.walOffset });
  await until('it has arrived', async () => (await connections()) >= 3);
  const heard: number[] = [];
  watch.on('event', ({ walOffset }) => heard.push(walOffset));
  const both: number[] = [];
  other.on('event', ({ walOffset }) => both.push(walOffset));
  const looped = take(other, 2);
  const second = await client.applyEvent(id, 'SHIP');
  await until('both are heard', () => heard.length === 2);
  assert.deepEqual(heard, [first.walOffset, second.walOffset]);
  assert.deepEqual(
    (await looped).map(({ walOffset }) => walOffset),
    heard,
  );
  await until('the listener too', () => both.at(-1) === second.walOffset);
  const ended = Promise.all([once(watch, 'end'), watch.unsubscribe()]);
  await Promise.all([ended, other.unsubscribe()]);
});

test('leaving the loop ends the watch; so do close(), a signal and asyncDispose', async () => {
  const id = await newOrder();
  await client.applyEvent(id, 'NOTE');
  const atStart = await connections();
  for await (const event of await client.watchInstance(id, { fromOffset: 0 })) {
    assert.equal(event.event, 'NOTE');
    break;
  }
  await until('the connection is gone', async () => (await connections()) === atStart);

  const controller = new AbortController();
  const aborted = await client.watchInstance(id, { signal: controller.signal });
  const failing = assert.rejects(take(aborted, 1), /no more/);
  controller.abort(new Error('no more'));
  await failing;
  assert.equal(aborted.closed, true);

  const other = await server.connect();
  const watch = await other.watchInstance(id);
  const looping = take(watch, 1);
  await other.close();
  assert.deepEqual(await looping, []);

  const disposed = await client.watchInstance(id);
  await disposed[Symbol.asyncDispose]();
  assert.deepEqual(await take(disposed, 1), []);
  await until('all are gone', async () => (await connections()) === atStart);
});

test('a watch that cannot begin', async () => {
  await assert.rejects(client.watchInstance('nothing'), NotFoundError);
  const signal = AbortSignal.abort(new Error('before'));
  await assert.rejects(client.watchAll({ signal }), /before/);
});

test('a slow program: the socket is not read, and nothing is lost', async () => {
  const id = await newOrder();
  const watch = await client.watchInstance(id);
  const count = 20_000;
  const text = 'x'.repeat(100);
  const offsets: number[] = [];
  for (let at = 0; at < count; at += 1000) {
    const calls = Array.from({ length: 1000 }, () =>
      client.applyEvent(id, 'NOTE', { payload: { text } }),
    );
    offsets.push(...(await Promise.all(calls)).map(({ walOffset }) => walOffset));
  }
  const events = await take(watch, count);
  assert.deepEqual(
    events.map(({ walOffset }) => walOffset),
    offsets,
  );
  await watch.unsubscribe();
});

test('after kill -9 a watch goes on without gap or repetition', async (t) => {
  const own = await Server.start({}, t);
  const writer = await own.connect({ reconnectInterval: 10 });
  await writer.putMachine('order', 1, ORDER);
  await writer.createInstance('order', 1, { instanceId: 'r' });
  const watch = await writer.watchInstance('r');
  const told: string[] = [];
  watch.on('disconnect', () => told.push('disconnect'));
  watch.on('connect', () => told.push('connect'));
  const written: number[] = [];
  const write = async (n: number) => {
    for (let at = 0; at < n; at++) {
      written.push((await writer.applyEvent('r', 'NOTE')).walOffset);
    }
  };
  const events = take(watch, 120);
  for (let round = 0; round < 3; round++) {
    await write(20);
    const meanwhile = write(20); // some of them are under way when the server dies
    await own.restart('SIGKILL');
    await meanwhile;
    await until('the watch is on again', () => told.length === 2 * (round + 1));
  }
  assert.deepEqual(
    (await events).map(({ walOffset }) => walOffset),
    written,
  );
  assert.deepEqual(told, [
    'disconnect',
    'connect',
    'disconnect',
    'connect',
    'disconnect',
    'connect',
  ]);
  await watch.unsubscribe();
  await writer.close();
});

test('an offset that has been compacted away', async (t) => {
  const own = await Server.start({ storage: { wal_segment_size_mb: 1 } }, t);
  const writer = await own.connect({ reconnectInterval: 10 });
  await writer.putMachine('order', 1, ORDER);
  await writer.createInstance('order', 1, { instanceId: 'c' });
  const watch = await writer.watchInstance('c');
  const text = 'x'.repeat(500_000);
  await watch.unsubscribe();
  let segmentsDeleted = 0;
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 4; n++) await writer.applyEvent('c', 'NOTE', { payload: { text } });
    segmentsDeleted += (await writer.compact()).segmentsDeleted;
  }
  assert.ok(segmentsDeleted > 0);
  await assert.rejects(
    writer.watchAll({ fromOffset: 1 }),
    (error) =>
      error instanceof NotFoundError &&
      error.details?.code === 'OFFSET_COMPACTED' &&
      Number(error.details.oldestOffset) > 1,
  );
  await writer.close();
});

const BEGUN = { subscription_id: 's', current_state: 'created', current_wal_offset: 7 };
const eventAt = (wal_offset: number) => ({
  type: 'event',
  subscription_id: 's',
  instance_id: 'i',
  wal_offset,
});

test('unsubscribe says so', () =>
  withFake(
    (request, peer) => {
      if (request.op === 'WATCH_INSTANCE') peer.answer(request, BEGUN);
    },
    async (fake) => {
      const watch = await (await fake.connect()).watchInstance('i');
      await watch.unsubscribe();
      const { op, params } = fake.peer(2).requests.at(-1) as WireRequest;
      assert.deepEqual([op, params], ['UNWATCH', { subscription_id: 's' }]);
    },
  ));

test('a watch that was refused when it was asked for again', async () => {
  const asked: unknown[] = [];
  const script = (request: WireRequest, peer: Peer) => {
    if (request.op !== 'WATCH_INSTANCE') return;
    asked.push(request.params.from_offset);
    if (asked.length === 1) {
      peer.answer(request, BEGUN);
      peer.send(eventAt(9));
      peer.socket.end();
    } else if (asked.length === 2) {
      peer.answer(request, { ...BEGUN, subscription_id: 't' });
      peer.send({ ...eventAt(9), subscription_id: 't' }); // again: not given to the program
      peer.send({ ...eventAt(12), subscription_id: 't' });
      peer.socket.end();
    } else if (asked.length === 3) {
      peer.refuse(request, 'RATE_LIMITED', true); // worth another attempt
    } else {
      peer.refuse(request, 'INSTANCE_NOT_FOUND');
    }
  };
  await withFake(script, async (fake) => {
    const watcher = await fake.connect({ reconnectInterval: 2 });
    const watch = await watcher.watchInstance('i');
    const told: string[] = [];
    watch.on('error', (error) => told.push(error.name));
    watch.on('end', () => told.push('end'));
    const seen: number[] = [];
    await assert.rejects(async () => {
      for await (const { walOffset } of watch) seen.push(walOffset);
    }, NotFoundError);
    assert.deepEqual(seen, [9, 12]);
    assert.deepEqual(asked, [undefined, 10, 13, 13]);
    assert.deepEqual(told, ['NotFoundError', 'end']);
    await watcher.close();
  });
});
