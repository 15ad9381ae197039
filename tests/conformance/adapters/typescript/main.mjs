// The TypeScript client behind the contract of tests/conformance.
import { createInterface } from 'node:readline';
import {
  Client,
  ConnectionError,
  ProtocolError,
  RstmdbError,
  ServerError,
  TimeoutError,
} from '../../../../clients/typescript/dist/esm/index.js';
import { read, write } from './json.mjs';
import { camel, methodsOf, snake } from './methods.mjs';

const general = typeof Client.prototype.call === 'function';
const methods = methodsOf(errorOf);
const watches = new Map();
let client;
let lastWatch = 0;

function kindOf(error) {
  if (error instanceof ServerError || error.code === 'UNSUPPORTED_PROTOCOL') return 'server';
  if (error instanceof ConnectionError) return 'connection';
  if (error instanceof TimeoutError) return 'timeout';
  return error instanceof ProtocolError ? 'protocol' : 'argument';
}

function errorOf(error) {
  const known = [RstmdbError, TypeError, RangeError].some((Class) => error instanceof Class);
  if (!known) throw error; // a fault of this program
  const kind = kindOf(error);
  return {
    kind,
    code: kind === 'server' ? error.code : '',
    message: error.message,
    retryable: error.retryable ?? false,
    details: error.details && snake(error.details),
  };
}

/** What the promise gives, or undefined when it has given nothing in that time. */
async function within(milliseconds, promise) {
  let timer;
  const elapsed = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    return await Promise.race([promise, elapsed]);
  } finally {
    clearTimeout(timer);
  }
}

const commands = {
  about: async () => ({
    client: 'typescript',
    wires: ['binary', 'jsonl'],
    numbers: 'exact',
    reconnects: true,
    general,
  }),

  async connect({ host, port, token, tls, wire, auto_keys, timeout_ms, pool, numbers }) {
    client = new Client({
      host,
      port,
      authToken: token,
      tls: tls && { caFile: tls.ca_cert, certFile: tls.client_cert, keyFile: tls.client_key },
      wire,
      idempotencyKeys: auto_keys,
      connectTimeout: timeout_ms,
      requestTimeout: timeout_ms,
      poolSize: pool,
      numbers: numbers === 'default' ? undefined : 'exact',
      reconnectInterval: 50,
      reconnectMaxAttempts: 1000,
    });
    client.on('error', () => undefined);
    await client.connect();
    return {};
  },

  call: async ({ op, params }) => methods[op](client, params),
  raw: async ({ op, params }) => client.call(op, params),

  async watch({ op, params }) {
    const { instance_id, ...options } = params;
    const subscription =
      op === 'WATCH_ALL'
        ? await client.watchAll(camel(options))
        : await client.watchInstance(instance_id, camel(options));
    watches.set(++lastWatch, {
      subscription,
      iterator: subscription[Symbol.asyncIterator](),
      kinds: (params.kinds ?? []).length > 0,
      pending: undefined,
      busy: Promise.resolve(),
    });
    const opened = { watch: lastWatch, subscription_id: subscription.id };
    if (op === 'WATCH_ALL') return { ...opened, wal_offset: subscription.startOffset };
    return {
      ...opened,
      instance_id,
      current_state: subscription.startState,
      current_wal_offset: subscription.startOffset,
      ...(subscription.startDeleted && { deleted: true }),
    };
  },

  next({ watch, count, timeout_ms }) {
    const state = watches.get(watch);
    const pulled = state.busy.then(() => pull(state, count, timeout_ms));
    state.busy = pulled.catch(() => undefined);
    return pulled;
  },

  async unwatch({ watch }) {
    await client.unwatch(watches.get(watch).subscription);
    watches.delete(watch);
    return {};
  },

  async load({ instances, event, payload, calls, under_way }) {
    let started = 0;
    let errors = 0;
    const began = performance.now();
    await new Promise((resolve) => {
      let ended = 0;
      const end = () => {
        if (++ended === calls) resolve();
        else if (started < calls) start();
      };
      const start = () => {
        const instance = instances[started++ % instances.length];
        client.applyEvent(instance, event, { payload }).then(end, () => {
          errors++;
          end();
        });
      };
      for (let i = 0; i < Math.min(calls, under_way); i++) start();
    });
    return { seconds: (performance.now() - began) / 1000, errors };
  },

  async close() {
    watches.clear();
    await client?.close();
    client = undefined;
    return {};
  },
};

async function pull(state, count, timeoutMs) {
  const events = [];
  while (events.length < count) {
    state.pending ??= state.iterator.next();
    const next = await within(timeoutMs, state.pending);
    if (next === undefined || next.done) break;
    state.pending = undefined;
    const { kind, ...rest } = next.value;
    const change = { subscription_id: state.subscription.id, ...snake(rest) };
    events.push(state.kinds ? { kind, ...change } : change);
  }
  return { events };
}

function answer(id, member) {
  process.stdout.write(`${write({ id, ...member })}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = read(line);
  const done = commands[request.do](request).then(
    (ok) => answer(request.id, { ok }),
    (error) => answer(request.id, { error: errorOf(error) }),
  );
  if (['connect', 'load', 'close'].includes(request.do)) await done;
}
await commands.close();
