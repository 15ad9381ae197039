// Pipelined APPLY_EVENT through one client, against a server that this starts itself.
//
//   node build/bench/pipelined.js [--seconds 5] [--rounds 3] [--window 512] [--instances 1000]
//                                 [--no-keys] [--connect HOST:PORT]
//
// `--window` calls are under way at any time: each answer's continuation makes the next call.

import { parseArgs } from 'node:util';
import { Client } from '@rstmdb/client';
import { ORDER } from '../tests/support/order.js';
import { Server } from '../tests/support/server.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    window: { type: 'string', default: '512' },
    instances: { type: 'string', default: '1000' },
    connect: { type: 'string' },
    'no-keys': { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const window = Number(values.window);
const instances = Number(values.instances);

/** Operations per second of one round. */
async function round(client: Client): Promise<number> {
  const began = performance.now();
  const end = began + seconds * 1000;
  let done = 0;
  let next = 0;
  const lane = async () => {
    while (performance.now() < end) {
      await client.applyEvent(`bench-${next++ % instances}`, 'NOTE', { payload: { by: 'card' } });
      done++;
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
  return (done * 1000) / (performance.now() - began);
}

const server = values.connect
  ? undefined
  : await Server.start({ storage: { fsync_policy: 'every_write' } });
const [host, port] = values.connect?.split(':') ?? ['127.0.0.1', String(server?.port)];
const client = await Client.connect(host as string, Number(port), {
  idempotencyKeys: !values['no-keys'],
});
await client.putMachine('bench', 1, ORDER);
await Promise.all(
  Array.from({ length: instances }, (_, n) =>
    client.createInstance('bench', 1, { instanceId: `bench-${n}` }),
  ),
);
const figures = [];
for (let n = 0; n < Number(values.rounds); n++) figures.push(await round(client));
figures.sort((a, b) => a - b);
const median = figures[Math.floor(figures.length / 2)] as number;
console.log(
  `node ${process.version}, window ${window}, keys ${!values['no-keys']}: ` +
    `median ${Math.round(median)} ops/s (${figures.map(Math.round).join(', ')})`,
);
await client.close();
await server?.[Symbol.asyncDispose]();
