// The other vectors of the contract: frames through the codec; definitions and guards through a
// client with exact numbers, which must not change a digit of them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  BadRequestError,
  type Client,
  GuardFailedError,
  type MachineDefinition,
} from '@rstmdb/client';
import { type Dialect, FrameError, FrameReader, FrameWriter } from '../src/frames.js';
import { parseExact } from './support/matcher.js';
import { REPOSITORY, Server } from './support/server.js';

const read = (name: string) =>
  JSON.parse(readFileSync(join(REPOSITORY, 'protocol/vectors', name), 'utf8'));

// ---- frames
// --------------------------------------------------------------------------------------

interface FrameRow {
  name: string;
  bytes: string | { hex: string; times?: number }[];
  payload_bytes_max?: number;
  payloads: string[];
  error?: { code: string; details: { field: string } };
}

function bytesOf(given: FrameRow['bytes']): Buffer {
  if (typeof given === 'string') return Buffer.from(given, 'hex');
  return Buffer.concat(given.map(({ hex, times = 1 }) => Buffer.from(hex.repeat(times), 'hex')));
}

/** What a reader makes of the pieces. */
function readAll(row: FrameRow, pieces: Buffer[]) {
  const reader = new FrameReader(undefined, row.payload_bytes_max);
  const payloads: string[] = [];
  try {
    for (const piece of pieces) {
      reader.push(piece, (bytes, start, end) => payloads.push(bytes.toString('utf8', start, end)));
    }
  } catch (error) {
    assert.ok(error instanceof FrameError);
    return { payloads, error: { code: error.code, details: { field: error.field } } };
  }
  return { payloads };
}

const frames: FrameRow[] = read('frames.json').frames;
assert.ok(frames.length > 100, 'the frames are there');
for (const row of frames) {
  test(`frame: ${row.name}`, () => {
    const expected = row.error
      ? { payloads: row.payloads, error: row.error }
      : { payloads: row.payloads };
    const bytes = bytesOf(row.bytes);
    assert.deepEqual(readAll(row, [bytes]), expected);
    assert.deepEqual(
      readAll(
        row,
        Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
      ),
      expected,
    );
  });
}

for (const dialect of ['rcpx', 'rcp1', 'jsonl'] as Dialect[]) {
  test(`what is written in ${dialect} is read again, in pieces of any size`, () => {
    const written: Buffer[] = [];
    const writer = new FrameWriter(dialect, (bytes) => written.push(Buffer.from(bytes)));
    const texts = [0, 1, 7, 8, 9, 21_000, 30_000, 200_000].map((n) => `{"t":"${'é€𝄞'.repeat(n)}"}`);
    for (const text of texts) writer.add(text);
    writer.flush();
    writer.flush();
    const bytes = Buffer.concat(written);
    for (const size of [1021, 65_536, bytes.length]) {
      const pieces = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      assert.deepEqual(
        readAll({ name: '', bytes: '', payloads: [] }, pieces),
        { payloads: texts },
        `pieces of ${size}`,
      );
    }
  });
}

// ---- definitions and guards
// ----------------------------------------------------------------------

let server: Server;
let client: Client;
before(async () => {
  server = await Server.start();
  client = await server.connect({ numbers: 'exact' });
});
after(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

interface DefinitionRow {
  name: string;
  definition: string;
  sha256?: string;
  error?: { code: string; details: { path?: string } };
}

for (const [at, row] of (read('definitions.json').definitions as DefinitionRow[]).entries()) {
  test(`definition: ${row.name}`, async () => {
    const definition = parseExact(row.definition) as MachineDefinition;
    const put = client.putMachine(`definition-${at}`, 1, definition);
    if (!row.error) {
      assert.equal((await put).storedChecksum, row.sha256);
      return;
    }
    const { code, details } = row.error;
    // What is no object is refused as a parameter, before anybody looks at it as a definition.
    const path = row.definition.startsWith('{') ? details.path : 'definition';
    await assert.rejects(
      put,
      (error) =>
        error instanceof BadRequestError && error.code === code && error.details?.path === path,
    );
  });
}

interface GuardRow {
  name: string;
  guard: string;
  context?: object;
  result?: boolean;
  error?: { column: number; reason: string };
}

const guards: GuardRow[] = read('guards.json').guards;
// The contexts once more, with the text of their numbers.
const contexts = (
  parseExact(readFileSync(join(REPOSITORY, 'protocol/vectors/guards.json'), 'utf8')) as {
    guards: GuardRow[];
  }
).guards.map(({ context }) => context);
assert.ok(guards.length > 50, 'the guards are there');
for (const [at, row] of guards.entries()) {
  test(`guard: ${row.name}`, async () => {
    const machine = `guard-${at}`;
    const put = client.putMachine(machine, 1, {
      states: ['a', 'b'],
      initial: 'a',
      transitions: [{ from: 'a', event: 'GO', to: 'b', guard: row.guard }],
    });
    if (row.error) {
      const { column, reason } = row.error;
      await assert.rejects(
        put,
        (error) =>
          error instanceof BadRequestError &&
          error.details?.column === column &&
          error.details.reason === reason,
      );
      return;
    }
    await put;
    const { instanceId } = await client.createInstance(machine, 1, { initialCtx: contexts[at] });
    const applied = client.applyEvent(instanceId, 'GO');
    if (row.result) assert.equal((await applied).toState, 'b');
    else await assert.rejects(applied, GuardFailedError);
  });
}
