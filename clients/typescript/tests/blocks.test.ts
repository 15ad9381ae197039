// Runs every code block of README.md and of the seed's page, as make_blocks.mjs has made programs
// of them, each against a server of its own that has what the block speaks of.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Client } from '@rstmdb/client';
import { makeCertificates, tlsConfig } from './support/certificates.js';
import { ORDER } from './support/order.js';
import { type Config, PACKAGE, Server } from './support/server.js';
import { until } from './support/until.js';

const TIMEOUT_MS = 20_000;

/** What blocks with this text in them print. */
const PRINTED: [string, RegExp][] = [
  ['paid.fromState', /^created -> paid$/m],
  ['console.log(client.isConnected())', /^true$/m],
  ['order.ctx.total', /^created 25 20/m],
  ['2n ** 63n', /^true$/m],
  ['info.serverVersion', /^0\.\d+\.\d+ 0$/m],
  ['done.walOffset', /^paid \{ method: 'card' \} 3$/m],
  ["['PAY', 'SHIP']", /^\[ 'paid', 'shipped' \]$/m],
  ['event.walOffset, event.type', /^2 create_instance\ntrue undefined$/m],
  ['offset, entry.type', /^1n put_machine$/m],
  ['applied.result.toState', /^paid$/m],
  ['event.instanceId}: ', /^order-1: created -> paid .*\norder-1: shipped -> delivered /m],
  ['change.kind', /^create order-1\n2$/m],
  ['error.details?.actualState}, not', /^is created, not paid$/m],
  [
    'Created order',
    /^Created order: [0-9a-f-]{36}\nInitial state: created\nState: created -> paid$/m,
  ],
  ['state.state, state.ctx', /^created \{ customerId: 'c-1' \}$/m],
  ['// AsyncIterator style', /^created -> paid\npaid -> shipped\nshipped -> delivered$/m],
  ["'Expected:'", /^Expected: created\nActual: paid$/m],
];

const certificates = mkdtempSync(join(tmpdir(), 'rstmdb-certificates-'));
makeCertificates(certificates);
after(() => rmSync(certificates, { recursive: true, force: true }));

/** Makes what the block takes for granted. */
async function prepare(client: Client, code: string): Promise<void> {
  if (!code.includes("putMachine('order'")) await client.putMachine('order', 1, ORDER);
  const used = ['order-1', 'order-123', 'i-1'].filter((id) => code.includes(`'${id}'`));
  if (used.length === 0 && code.includes('watchAll(')) used.push('order-1'); // something to watch
  for (const instanceId of used) {
    if (code.includes(`instanceId: '${instanceId}', //`)) continue; // the block makes it
    await client.createInstance('order', 1, { instanceId });
    if (code.includes("'Expected:'")) await client.applyEvent(instanceId, 'PAY');
  }
}

/** Stands between a block and the server, and tells when a watch has begun. */
class Wire {
  watched = false;
  readonly #server: NetServer;

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      near.pipe(far).pipe(near);
      far.on('data', (chunk: Buffer) => {
        this.watched ||= chunk.includes('"subscription_id"');
      });
      for (const socket of [near, far]) socket.on('error', () => socket.destroy());
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}

/** Lets something happen as soon as the block watches. */
async function drive(client: Client, code: string, wire: Wire, ended: () => boolean) {
  await until('the block watches', () => wire.watched || ended());
  const instanceId = code.includes("'order-123'") ? 'order-123' : 'order-1';
  for (const event of ['PAY', 'SHIP', 'DELIVER']) {
    if (!ended()) await client.applyEvent(instanceId, event);
  }
}

async function run(program: string, code: string): Promise<void> {
  const config: Config = {};
  if (code.includes('your-token')) {
    const hash = createHash('sha256').update('your-token').digest('hex');
    config.auth = { required: true, token_hashes: [hash] };
  }
  const tls = /\.tls\(|\btls: /.test(code);
  if (tls) config.tls = tlsConfig(certificates);
  const server = await Server.start(config);
  const client = await server.connect({
    auth: config.auth ? 'your-token' : undefined,
    tls: tls && { caFile: `${certificates}/ca.pem` },
  });
  const wire = new Wire(server.port);
  try {
    await prepare(client, code);
    const child = spawn(process.execPath, [program], {
      cwd: certificates,
      env: {
        ...process.env,
        PORT: String(await wire.listen()),
        NODE_EXTRA_CA_CERTS: `${certificates}/ca.pem`,
        NODE_TEST_CONTEXT: undefined,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        printed += chunk;
      });
    }
    const ended = () => child.exitCode !== null || child.signalCode !== null;
    const closed = once(child, 'close');
    if (/\bfor await\b/.test(code)) await drive(client, code, wire, ended);
    const [exit, signal] = await closed;
    assert.deepEqual([exit, signal], [0, null], printed);
    for (const [text, expected] of PRINTED) {
      if (code.includes(text)) assert.match(printed, expected);
    }
  } finally {
    wire.close();
    await server[Symbol.asyncDispose]();
  }
}

const found = new Set<string>();
describe('blocks', { concurrency: 4 }, () => {
  for (const document of ['readme', 'seed']) {
    const folder = join(PACKAGE, 'build/blocks', document);
    const programs: { file: string; code: string }[] = JSON.parse(
      readFileSync(join(folder, 'programs.json'), 'utf8'),
    );
    for (const { file, code } of programs) {
      for (const [text] of PRINTED) if (code.includes(text)) found.add(text);
      test(`${document}: ${file}`, () => run(join(folder, 'js', `${file}.js`), code));
    }
  }
});

test('each expected output belongs to a block', () => {
  assert.deepEqual(
    PRINTED.map(([text]) => text).filter((text) => !found.has(text)),
    [],
  );
});
