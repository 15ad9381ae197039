// A server of its own with tokens of every role, and calls to it beside the browser.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';

const START_MS = 30_000;

export const TOKENS = {
  admin: 'admin-of-the-test',
  write: 'writer-of-the-test',
  read: 'reader-of-the-test',
};

const hash = (token) => createHash('sha256').update(token).digest('hex');

/** The condition's first true value; throws after `ms`. */
export async function eventually(condition, what, ms = 10_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15)); // polling, with the deadline above
  }
}

export class Server {
  constructor(program, folder) {
    this.program = program;
    this.folder = folder;
    this.address = '127.0.0.1:0';
    mkdirSync(folder, { recursive: true });
  }

  /** Starts it; the second time at the address of the first. */
  async start() {
    const log = join(this.folder, 'log');
    const config = {
      network: { bind_addr: '127.0.0.1:0' },
      storage: { data_dir: join(this.folder, 'data'), wal_segment_size_mb: 1 },
      http: { bind_addr: this.address },
      auth: {
        required: true,
        token_hashes: Object.entries(TOKENS).map(
          ([role, token]) => `${hash(token)} name=${role} role=${role}`,
        ),
      },
      logging: { format: 'json' },
    };
    writeFileSync(join(this.folder, 'config.yaml'), JSON.stringify(config));
    writeFileSync(log, '');
    const output = openSync(log, 'a');
    this.agent = new Agent({ keepAlive: true, maxSockets: 16 });
    this.process = spawn(this.program, ['--config', join(this.folder, 'config.yaml')], {
      stdio: ['ignore', output, output],
    });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.address = await eventually(
      () => /"HTTP is served".*?"address":"([^"]+)"/.exec(readFileSync(log, 'utf8'))?.[1],
      `the server serves HTTP: ${readFileSync(log, 'utf8')}`,
      START_MS,
    );
    this.url = `http://${this.address}`;
    await eventually(() => this.alive(), 'the server answers', START_MS);
  }

  async end(signal) {
    this.agent.destroy();
    this.process.kill(signal);
    await this.ended;
  }

  async alive() {
    try {
      return (await this.raw('GET', '/readyz')).status === 200;
    } catch {
      return false;
    }
  }

  /** {status, headers, text} of one request over a connection that is kept. */
  raw(method, path, { body, headers = {} } = {}) {
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.url}${path}`,
        { method, headers, agent: this.agent },
        (answer) => {
          const pieces = [];
          answer.on('data', (piece) => pieces.push(piece));
          answer.on('end', () => {
            const bytes = Buffer.concat(pieces);
            resolve({
              status: answer.statusCode,
              headers: answer.headers,
              bytes,
              text: bytes.toString(),
            });
          });
          answer.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** The answer's JSON; throws when it is no success. */
  async call(method, path, value, role = 'admin') {
    const body =
      value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
    const headers = { Authorization: `Bearer ${TOKENS[role]}` };
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json';
      headers['Content-Length'] = Buffer.byteLength(body);
    }
    const answer = await this.raw(method, path, { body, headers });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text);
  }

  get(path) {
    return this.call('GET', `/v1${path}`);
  }

  create(machine, version, id, ctx = {}) {
    return this.call('POST', '/v1/instances', {
      machine,
      version,
      instance_id: id,
      initial_ctx: ctx,
    });
  }

  apply(id, event, payload = {}) {
    return this.call('POST', `/v1/instances/${id}/events`, { event, payload });
  }

  define(machine, version, definition) {
    return this.call('PUT', `/v1/machines/${machine}/versions/${version}`, definition);
  }

  batch(ops) {
    return this.call('POST', '/v1/batch', { mode: 'best_effort', ops });
  }
}

export const ORDER = {
  states: ['created', 'paid', 'review', 'packed', 'shipped', 'delivered', 'returned', 'cancelled'],
  initial: 'created',
  transitions: [
    { from: 'created', event: 'PAY', to: 'paid', guard: 'ctx.total < 500' },
    { from: 'created', event: 'PAY', to: 'review' },
    { from: 'review', event: 'APPROVE', to: 'paid', guard: 'ctx.approved_by != null' },
    { from: ['created', 'paid', 'review'], event: 'CANCEL', to: 'cancelled' },
    { from: 'paid', event: 'PACK', to: 'packed' },
    { from: 'packed', event: 'NOTE', to: 'packed' },
    { from: 'packed', event: 'SHIP', to: 'shipped' },
    { from: 'shipped', event: 'DELIVER', to: 'delivered' },
    { from: 'delivered', event: 'RETURN', to: 'returned' },
    { from: 'returned', event: 'RESEND', to: 'packed' },
  ],
};

export const TURNSTILE = {
  states: ['locked', 'open'],
  initial: 'locked',
  transitions: [
    { from: 'locked', event: 'COIN', to: 'open' },
    { from: 'open', event: 'PUSH', to: 'locked' },
  ],
};

const LIFE = ['PAY', 'PACK', 'NOTE', 'SHIP', 'DELIVER', 'RETURN', 'RESEND', 'SHIP', 'DELIVER'];

/** Creates `count` orders and takes each some way, the same ones for the same numbers. */
export async function fill(server, count, first = 0) {
  for (let start = first; start < first + count; start += 100) {
    const ids = Array.from({ length: Math.min(100, first + count - start) }, (_, i) => start + i);
    await server.batch(
      ids.map((i) => ({
        op: 'CREATE_INSTANCE',
        params: {
          machine: 'order',
          version: 2,
          instance_id: `o-${1000 + i}`,
          initial_ctx: { total: (i * 37) % 600, currency: 'EUR', customer: { city: 'Porto' } },
        },
      })),
    );
    for (const [step, event] of LIFE.entries()) {
      const going = ids.filter((i) => (i * 7919) % 10 > step);
      if (going.length === 0) break;
      await server.batch(
        going.map((i) => ({ op: 'APPLY_EVENT', params: { instance_id: `o-${1000 + i}`, event } })),
      );
    }
  }
}

/** Turns turnstiles by batches, each over its connection, until `stop`; counts what it did. */
export function flood(server, connections = 6) {
  let going = true;
  let events = 0;
  const lane = async (index) => {
    const id = `turn-${index}`;
    while (going) {
      const ops = Array.from({ length: 100 }, (_, i) => ({
        op: 'APPLY_EVENT',
        params: { instance_id: id, event: i % 2 === 0 ? 'COIN' : 'PUSH' },
      }));
      try {
        await server.batch(ops);
        events += 100;
      } catch {
        if (going) await new Promise((resolve) => setTimeout(resolve, 20)); // the server is away
      }
    }
  };
  const lanes = Array.from({ length: connections }, (_, index) => lane(index));
  return {
    events: () => events,
    stop: async () => {
      going = false;
      await Promise.all(lanes);
      return events;
    },
  };
}
