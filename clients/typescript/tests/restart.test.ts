// A server that is killed again and again under load: every call succeeds, and the log holds each
// write exactly once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@rstmdb/client';
import { ORDER } from './support/order.js';
import { Server } from './support/server.js';

const KILLS = 5;
const LANES = 64;
const INSTANCES = 16;

/** {idempotency key: how often it is in the log} of all events. */
async function keysInLog(client: Client): Promise<Map<string, number>> {
  const keys = new Map<string, number>();
  let from: bigint | null = 0n;
  while (from !== null) {
    const page: Awaited<ReturnType<Client['walRead']>> = await client.walRead(from, {
      limit: 1000,
    });
    for (const { entry } of page) {
      if (entry.type !== 'apply_event') continue;
      const key = String(entry.idempotency_key);
      keys.set(key, (keys.get(key) ?? 0) + 1);
    }
    from = page.nextOffset;
  }
  return keys;
}

for (const poolSize of [1, 3]) {
  test(`kill -9 under load, ${poolSize} connections: nothing lost, nothing doubled`, async (t) => {
    const server = await Server.start({}, t);
    const client = await server.connect({ poolSize, reconnectInterval: 10 });
    await client.putMachine('order', 1, ORDER);
    for (let n = 0; n < INSTANCES; n++) {
      await client.createInstance('order', 1, { instanceId: `k-${n}` });
    }
    let killing = true;
    let calls = 0;
    const lane = async (number: number) => {
      const answered: { key: string; walOffset: number }[] = [];
      while (killing) {
        const key = `key-${calls++}`;
        const { walOffset } = await client.applyEvent(`k-${number % INSTANCES}`, 'NOTE', {
          idempotencyKey: key,
        });
        answered.push({ key, walOffset });
      }
      return answered;
    };
    const lanes = Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
    for (let kill = 0; kill < KILLS; kill++) {
      const before = calls;
      while (calls < before + 500) await new Promise((resolve) => setImmediate(resolve));
      await server.restart('SIGKILL');
    }
    killing = false;
    const answered = (await lanes).flat();
    assert.equal(answered.length, calls);
    const keys = await keysInLog(client);
    assert.deepEqual([keys.size, new Set(keys.values())], [calls, new Set([1])]);
    const offsets = new Set(answered.map(({ walOffset }) => walOffset));
    assert.equal(offsets.size, calls);
    for (const { key, walOffset } of answered.slice(0, 20)) {
      const [record] = await client.walRead(walOffset, { limit: 1 });
      assert.equal(record?.entry.idempotency_key, key);
    }
    await client.close();
  });
}
