// Every operation against a real server, through the public face.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  AlreadyExistsError,
  BadRequestError,
  type Client,
  ConflictError,
  GuardFailedError,
  InvalidTransitionError,
  JsonNumber,
  NotFoundError,
  RstmdbError,
  ServerError,
} from '@rstmdb/client';
import { ORDER } from './support/order.js';
import { Server } from './support/server.js';

let server: Server;
let client: Client;

before(async () => {
  server = await Server.start({ storage: { allow_flush_all: true } });
  client = await server.connect();
  await client.putMachine('order', 1, ORDER);
});

after(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

test('ping and info', async () => {
  assert.equal(await client.ping(), undefined);
  const info = await client.info();
  assert.equal(info.serverName, 'rstmdb');
  assert.equal(info.protocolVersion, 1);
  assert.equal(info.authRequired, false);
  assert.ok(info.features.includes('watch'));
  assert.equal(info.maxBatchOps, 100);
  for (const name of [
    'uptimeSecs',
    'connections',
    'instances',
    'machines',
    'walSegmentSize',
  ] as const)
    assert.equal(typeof info[name], 'number', name);
});

test('machines: put, get, list, and what is refused', async () => {
  const put = await client.putMachine('m', 1, ORDER);
  assert.deepEqual([put.machine, put.version, put.created], ['m', 1, true]);
  assert.match(put.storedChecksum, /^[0-9a-f]{64}$/);
  assert.equal((await client.putMachine('m', 1, ORDER)).created, false);
  assert.equal(
    (await client.putMachine('m', 2, ORDER, { checksum: put.storedChecksum })).storedChecksum,
    put.storedChecksum,
  );
  const latest = await client.getMachine('m');
  assert.equal(latest.version, 2);
  assert.deepEqual(latest.definition.transitions[0]?.from, ['created']);
  assert.equal((await client.getMachine('m', 1)).checksum, put.storedChecksum);
  const page = await client.listMachines({ limit: 1 });
  assert.deepEqual(page, { items: [{ machine: 'm', versions: [1, 2] }], total: 2, hasMore: true });
  const rest = await client.listMachines({ limit: 10, offset: 1 });
  assert.deepEqual(rest.items, [{ machine: 'order', versions: [1] }]);

  await assert.rejects(
    client.putMachine('m', 1, { ...ORDER, initial: 'paid' }),
    (error) =>
      error instanceof AlreadyExistsError &&
      error instanceof ConflictError &&
      error.code === 'MACHINE_VERSION_EXISTS' &&
      error.details?.storedChecksum === put.storedChecksum,
  );
  await assert.rejects(
    client.putMachine('m', 3, ORDER, { checksum: '0'.repeat(64) }),
    (error) => error instanceof ConflictError && error.details?.actualChecksum !== undefined,
  );
  await assert.rejects(
    client.putMachine('bad', 1, { ...ORDER, initial: 'nowhere' }),
    (error) =>
      error instanceof BadRequestError && error.details?.path === 'initial' && !error.retryable,
  );
  await assert.rejects(client.getMachine('nothing'), NotFoundError);
});

test('instances: create, get, list, delete', async () => {
  const created = await client.createInstance('order', 1, {
    instanceId: 'i-1',
    initialCtx: { customerId: 'c-1', snake_case: { stays_as: 'it is' } },
  });
  assert.deepEqual([created.instanceId, created.state], ['i-1', 'created']);
  const instance = await client.getInstance<{ customerId: string }>('i-1');
  assert.equal(instance.ctx.customerId, 'c-1');
  assert.deepEqual(instance.ctx, { customerId: 'c-1', snake_case: { stays_as: 'it is' } });
  assert.equal(instance.lastWalOffset, created.walOffset);
  assert.ok(Math.abs(instance.createdAt - Date.now()) < 3600_000);
  assert.equal('lastEventId' in instance, false);

  const made = await client.createInstance('order', 1);
  assert.match(made.instanceId, /^[0-9a-f-]{36}$/);

  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listInstances({
      machine: 'order',
      state: 'created',
      limit: 1,
      cursor,
    });
    seen.push(...page.instances.map(({ instanceId }) => instanceId));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  assert.deepEqual(seen.sort(), ['i-1', made.instanceId].sort());

  const gone = await client.deleteInstance('i-1');
  assert.deepEqual([gone.instanceId, gone.deleted], ['i-1', true]);
  assert.equal((await client.deleteInstance('i-1')).walOffset, gone.walOffset);
  await assert.rejects(
    client.getInstance('i-1'),
    (error) =>
      error instanceof NotFoundError &&
      error.code === 'INSTANCE_NOT_FOUND' &&
      error.details?.instanceId === 'i-1' &&
      error.name === 'NotFoundError' &&
      !error.maybeApplied,
  );
  await assert.rejects(
    client.createInstance('order', 1, { instanceId: 'i-1' }),
    (error) => error instanceof AlreadyExistsError && error.code === 'INSTANCE_EXISTS',
  );
});

test('events: what is applied, and each way of being refused', async () => {
  await client.createInstance('order', 1, { instanceId: 'e-1', initialCtx: { n: 1 } });
  const paid = await client.applyEvent('e-1', 'PAY', {
    payload: { amount: 99.99 },
    expectedState: 'created',
    eventId: 'my-event',
  });
  assert.deepEqual(
    { ...paid, walOffset: 0 },
    {
      fromState: 'created',
      toState: 'paid',
      ctx: { n: 1, amount: 99.99 },
      walOffset: 0,
      applied: true,
      eventId: 'my-event',
    },
  );
  assert.equal((await client.getInstance('e-1')).lastEventId, 'my-event');
  await client.applyEvent('e-1', 'SHIP', { expectedWalOffset: BigInt(paid.walOffset) });

  await assert.rejects(
    client.applyEvent('e-1', 'DELIVER', { expectedState: 'created' }),
    (error) =>
      error instanceof ConflictError &&
      error.details?.expectedState === 'created' &&
      error.details?.actualState === 'shipped',
  );
  await assert.rejects(
    client.applyEvent('e-1', 'DELIVER', { expectedWalOffset: paid.walOffset }),
    (error) => error instanceof ConflictError && error.details?.expectedOffset === paid.walOffset,
  );
  await assert.rejects(
    client.applyEvent('e-1', 'PAY'),
    (error) =>
      error instanceof InvalidTransitionError &&
      error.details?.currentState === 'shipped' &&
      error.details.event === 'PAY',
  );
  await assert.rejects(
    client.applyEvent('e-1', 'GUARDED'),
    (error) => error instanceof GuardFailedError && error.details?.guard === 'ctx.ok == true',
  );
  await assert.rejects(client.applyEvent('nothing', 'PAY'), NotFoundError);
});

test('idempotency keys: a given one, and none with idempotencyKeys off', async () => {
  await client.createInstance('order', 1, { instanceId: 'k-1' });
  const first = await client.applyEvent('k-1', 'NOTE', { idempotencyKey: 'key' });
  const again = await client.applyEvent('k-1', 'NOTE', { idempotencyKey: 'key' });
  assert.deepEqual([again.applied, again.walOffset], [false, first.walOffset]);
  await assert.rejects(
    client.applyEvent('k-1', 'PAY', { idempotencyKey: 'key' }),
    (error) =>
      error instanceof ConflictError &&
      error.details?.code === 'IDEMPOTENCY_MISMATCH' &&
      error.idempotencyKey === 'key',
  );

  const keyOf = async (offset: number) => {
    const [record] = await client.walRead(BigInt(offset), { limit: 1 });
    return record?.entry.idempotency_key;
  };
  const plain = await server.connect({ idempotencyKeys: false });
  const without = await plain.applyEvent('k-1', 'NOTE');
  await plain.close();
  const own = await client.applyEvent('k-1', 'NOTE');
  assert.equal(await keyOf(without.walOffset), undefined);
  assert.match(String(await keyOf(own.walOffset)), /^[\w-]{16}-[0-9a-z]+$/);
});

test('batch: atomic and best effort', async () => {
  const batch = await client.batch(
    [
      { op: 'CREATE_INSTANCE', params: { machine: 'order', version: 1, instanceId: 'b-1' } },
      { op: 'APPLY_EVENT', params: { instanceId: 'b-1', event: 'PAY', payload: { by: 'card' } } },
      { op: 'DELETE_INSTANCE', params: { instanceId: 'b-1' } },
    ],
    { mode: 'atomic' },
  );
  const [created, applied, deleted] = batch.results;
  assert.ok(created.status === 'ok' && created.result.state === 'created');
  assert.ok(applied.status === 'ok' && applied.result.ctx.by === 'card');
  assert.ok(deleted.status === 'ok' && deleted.result.deleted);
  assert.equal(batch.walOffset, deleted.result.walOffset);

  await assert.rejects(
    client.batch(
      [
        { op: 'CREATE_INSTANCE', params: { machine: 'order', version: 1, instanceId: 'b-2' } },
        { op: 'APPLY_EVENT', params: { instanceId: 'b-2', event: 'SHIP' } },
      ],
      { mode: 'atomic' },
    ),
    (error) => error instanceof InvalidTransitionError && error.details?.index === 1,
  );
  await assert.rejects(client.getInstance('b-2'), NotFoundError);

  const { results } = await client.batch([
    { op: 'APPLY_EVENT', params: { instanceId: 'b-2', event: 'PAY' } },
    { op: 'CREATE_INSTANCE', params: { machine: 'order', version: 1, instanceId: 'b-2' } },
  ]);
  assert.ok(results[0].status === 'error' && results[0].error instanceof NotFoundError);
  assert.equal(results[1].status, 'ok');
});

test('counts and histories', async () => {
  await client.putMachine('counted', 1, ORDER);
  await client.putMachine('counted', 2, ORDER);
  await client.createInstance('counted', 1, { instanceId: 'h-1', initialCtx: { total: 25 } });
  await client.createInstance('counted', 2, { instanceId: 'h-2' });
  const paid = await client.applyEvent('h-1', 'PAY', {
    payload: { by_card: true },
    eventId: 'e-1',
    idempotencyKey: 'k-h-1',
  });
  const counts = await client.countInstances('counted');
  assert.equal(counts.total, 2);
  assert.deepEqual([counts.states.created, counts.states.paid, counts.states.shipped], [1, 1, 0]);
  assert.equal('version' in counts, false);
  const second = await client.countInstances('counted', { version: 2 });
  assert.deepEqual([second.version, second.total, second.states.paid], [2, 1, 0]);
  await assert.rejects(client.countInstances('counted', { version: 3 }), NotFoundError);
  const { items } = await client.listMachines({ machine: 'counted' });
  assert.deepEqual(items, [{ machine: 'counted', versions: [1, 2] }]);

  const page = await client.getHistory<{ total: number }>('h-1', { limit: 1 });
  assert.equal(page.instanceId, 'h-1');
  const [event] = page;
  assert.ok(event?.type === 'apply_event');
  assert.deepEqual(event, {
    walOffset: paid.walOffset,
    ts: event.ts,
    type: 'apply_event',
    event: 'PAY',
    fromState: 'created',
    toState: 'paid',
    payload: { by_card: true },
    eventId: 'e-1',
    ctx: { total: 25, by_card: true },
    idempotencyKey: 'k-h-1',
  });
  assert.deepEqual([page.hasMore, page.complete, page.horizon], [true, false, 1]);
  await client.deleteInstance('h-1');
  const older = await client.getHistory('h-1', {
    beforeOffset: page.nextBeforeOffset,
    includeCtx: false,
  });
  assert.deepEqual([older.hasMore, older.complete], [false, true]);
  assert.equal(older.nextBeforeOffset, undefined);
  assert.deepEqual(
    older.events.map(({ type, ...rest }) => [type, 'ctx' in rest]),
    [['create_instance', false]],
  );
  const [last] = await client.getHistory('h-1', { limit: 1 });
  assert.ok(last?.type === 'delete_instance' && last.fromState === 'paid');
  await assert.rejects(client.getHistory('nobody'), NotFoundError);
});

test('the log: read with bigint offsets, statistics, snapshot, compaction', async () => {
  const stats = await client.walStats();
  assert.ok(stats.latestOffset !== null && stats.entryCount >= stats.latestOffset);
  assert.equal(typeof stats.ioStats.bytesWritten, 'number');

  const offsets: bigint[] = [];
  let from: bigint | null = 0n;
  while (from !== null) {
    const page: Awaited<ReturnType<Client['walRead']>> = await client.walRead(from, { limit: 3 });
    assert.ok(page.records.length <= 3);
    for (const record of page) offsets.push(record.offset);
    from = page.nextOffset;
  }
  assert.deepEqual(
    offsets,
    offsets.map((_, at) => BigInt(at + 1)),
  );
  assert.equal(offsets.length, stats.latestOffset);

  await client.createInstance('order', 1, { instanceId: 's-1' });
  const snapshot = await client.snapshotInstance('s-1');
  assert.equal(snapshot.instanceId, 's-1');
  assert.match(snapshot.checksum, /^[0-9a-f]{64}$/);
  assert.ok(snapshot.sizeBytes > 0 && snapshot.walOffset > 0);

  const compacted = await client.compact({ forceSnapshot: true });
  assert.equal(compacted.snapshotsCreated, 1);
  assert.equal(typeof compacted.bytesReclaimed, 'number');
});

test('exact numbers: bigint and JsonNumber there and back', async () => {
  const exact = await server.connect({ numbers: 'exact' });
  const ctx = {
    big: 9007199254740993n,
    huge: 123456789012345678901234567890n,
    far: new JsonNumber('1e400'),
    plain: 42,
    fraction: 0.1,
    list: [1, { deep: -9007199254740993n }],
  };
  await exact.createInstance('order', 1, { instanceId: 'n-1', initialCtx: ctx });
  const read = await exact.getInstance('n-1');
  await exact.close();
  assert.deepEqual(read.ctx, ctx);
  // A client with doubles can send a bigint, too.
  await client.createInstance('order', 1, { instanceId: 'n-2', initialCtx: { big: 2n ** 64n } });
  assert.equal((await client.getInstance('n-2')).ctx.big, 2 ** 64);
});

test('one order on one instance, however many calls are under way', async () => {
  await client.createInstance('order', 1, { instanceId: 'p-1' });
  const applied = await Promise.all(
    Array.from({ length: 3000 }, (_, n) => client.applyEvent('p-1', 'NOTE', { payload: { n } })),
  );
  assert.deepEqual(
    applied.map(({ ctx }) => ctx.n),
    applied.map((_, n) => n),
  );
  const offsets = applied.map(({ walOffset }) => walOffset);
  assert.deepEqual(
    offsets,
    [...offsets].sort((a, b) => a - b),
  );
});

test('jsonl speaks the same', async () => {
  const lines = await server.connect({ wire: 'jsonl' });
  await lines.createInstance('order', 1, { instanceId: 'j-1', initialCtx: { text: 'é€𝄞\n"' } });
  assert.equal((await lines.getInstance('j-1')).ctx.text, 'é€𝄞\n"');
  await assert.rejects(lines.applyEvent('j-1', 'SHIP'), InvalidTransitionError);
  await lines.close();
});

test('contexts of hundreds of kilobytes, and one that is too large', async () => {
  const text = 'x€'.repeat(200_000);
  await client.createInstance('order', 1, { instanceId: 'large', initialCtx: { text } });
  assert.equal((await client.getInstance('large')).ctx.text, text);
  await assert.rejects(
    client.createInstance('order', 1, { initialCtx: { text: text.repeat(3) } }),
    (error) => error instanceof BadRequestError && error.details?.limit === 1024 * 1024,
  );
});

test('what the client cannot write is refused before it is sent', async () => {
  const circle: Record<string, unknown> = {};
  circle.circle = circle;
  let lost = 0;
  client.on('disconnect', () => lost++);
  await assert.rejects(client.createInstance('order', 1, { initialCtx: circle }), TypeError);
  const text = '€'.repeat(6_000_000); // 18 MB: the server would end the connection
  await assert.rejects(client.createInstance('order', 1, { initialCtx: { text } }), RangeError);
  await client.ping();
  assert.equal(lost, 0);
  client.removeAllListeners('disconnect');
});

test('flushAll', async (t) => {
  const flushed = await client.flushAll();
  assert.equal(flushed.flushed, true);
  assert.equal(flushed.machinesRemoved, 3);
  assert.deepEqual((await client.listMachines()).items, []);
  const strict = await Server.start({}, t);
  const other = await strict.connect();
  await assert.rejects(
    other.flushAll(),
    (error) => error instanceof ServerError && error instanceof RstmdbError && !error.retryable,
  );
  await other.close();
});
