// TLS and client certificates against a real server.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AuthenticationError, ConnectionError, type TlsConfig } from '@rstmdb/client';
import { makeCertificates, tlsConfig } from './support/certificates.js';
import { ORDER } from './support/order.js';
import { Server } from './support/server.js';

const folder = mkdtempSync(join(tmpdir(), 'rstmdb-tls-'));
const pem = (name: string) => readFileSync(join(folder, `${name}.pem`));
let server: Server;

before(async () => {
  makeCertificates(folder);
  server = await Server.start({ tls: tlsConfig(folder) });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const connect = (tls: TlsConfig, host = 'localhost') =>
  server.connect({ tls, reconnectInterval: 10 }, host);

test('with a CA: as bytes, as text, as a file; by name and by address', async () => {
  for (const tls of [
    { ca: pem('ca') },
    { ca: [pem('ca').toString()] },
    { caFile: join(folder, 'ca.pem') },
  ]) {
    for (const host of ['localhost', '127.0.0.1']) {
      const client = await connect(tls, host);
      await client.ping();
      await client.close();
    }
  }
});

test('what must not be trusted is refused', async () => {
  const refused = (reason: RegExp) => (error: unknown) =>
    error instanceof ConnectionError && !error.retryable && reason.test(error.message);
  const ca = pem('ca');
  await assert.rejects(connect({}), refused(/TLS/));
  await assert.rejects(connect({ ca: pem('client') }), refused(/TLS/));
  await assert.rejects(connect({ ca, servername: 'db.example.org' }), refused(/altnames/));
  await assert.rejects(connect({ ca, servername: '10.0.0.1' }), refused(/altnames/));
  const careless = await connect({ rejectUnauthorized: false });
  await careless.ping();
  await careless.close();
  const named = await connect({ ca, servername: 'localhost' }, '127.0.0.1');
  await named.close();
});

test('client certificates: as bytes and as files; the server can insist', async (t) => {
  const strict = await Server.start(
    {
      tls: { ...tlsConfig(folder), require_client_cert: true },
      auth: { required: true, certificates: ['CN=billing,O=Acme role=write'] },
    },
    t,
  );
  const caFile = join(folder, 'ca.pem');
  for (const tls of [
    { caFile, cert: pem('client'), key: pem('client-key') },
    { caFile, certFile: join(folder, 'client.pem'), keyFile: join(folder, 'client-key.pem') },
  ]) {
    const client = await strict.connect({ tls }, 'localhost');
    assert.equal((await client.info()).authRequired, true);
    await assert.rejects(client.walRead(0n), AuthenticationError); // that takes another role
    await client.close();
  }
  await assert.rejects(strict.connect({ tls: { caFile } }, 'localhost'), ConnectionError);
});

test('TLS to a plain port, and plain to a TLS port', async (t) => {
  const plain = await Server.start({}, t);
  await assert.rejects(plain.connect({ tls: { ca: pem('ca') } }), ConnectionError);
  await assert.rejects(server.connect(), ConnectionError);
});

test('a file that is not there is told at once', async () => {
  await assert.rejects(connect({ caFile: join(folder, 'nothing.pem') }), /nothing\.pem/);
});

test('calls and watches over TLS survive a restart', async (t) => {
  const own = await Server.start({ tls: tlsConfig(folder) }, t);
  const client = await own.connect({ tls: { ca: pem('ca') }, reconnectInterval: 10 }, 'localhost');
  await client.putMachine('order', 1, ORDER);
  await client.createInstance('order', 1, { instanceId: 't' });
  const watch = await client.watchInstance('t');
  const written: number[] = [];
  const write = async () => {
    const calls = Array.from({ length: 500 }, () => client.applyEvent('t', 'NOTE'));
    written.push(...(await Promise.all(calls)).map(({ walOffset }) => walOffset));
  };
  const meanwhile = write();
  await own.restart('SIGKILL');
  await meanwhile;
  await write();
  const seen: number[] = [];
  for await (const { walOffset } of watch) {
    seen.push(walOffset);
    if (seen.length === written.length) break;
  }
  assert.deepEqual(seen, written);
  await client.close();
});
