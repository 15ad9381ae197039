// The parts alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backoffDelay } from '../src/backoff.js';
import { crc32c } from '../src/crc32c.js';
import { Emitter } from '../src/emitter.js';
import { camelMembers, errorOf } from '../src/errors.js';
import * as api from '../src/index.js';
import { Client, ClientOptions, JsonNumber, RstmdbError, VERSION } from '../src/index.js';
import { parseJson, readExactNumber, writeAnyJson, writeJson } from '../src/json.js';
import { Queue } from '../src/queue.js';
import { PACKAGE, REPOSITORY } from './support/server.js';

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));

test('crc32c: known values, and every length against bit by bit', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa); // from RFC 3720
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  const slow = (bytes: Uint8Array) => {
    let crc = -1;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc >>> 0;
  };
  const bytes = Buffer.from(Array.from({ length: 80 }, (_, n) => (n * 151) & 0xff));
  for (let start = 0; start < 9; start++) {
    for (let end = start; end <= bytes.length; end++) {
      assert.equal(crc32c(bytes, start, end), slow(bytes.subarray(start, end)));
    }
  }
});

test('numbers keep their value', () => {
  const cases: [string, unknown][] = [
    ['0', 0],
    ['-0', -0],
    ['42', 42],
    ['1.50', 1.5],
    ['1E+2', 100],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-18446744073709551615', -18446744073709551615n],
    ['9007199254740993.0', new JsonNumber('9007199254740993.0')],
    ['0.1', 0.1],
    ['0.30000000000000004', 0.30000000000000004],
    ['0.3000000000000000444', new JsonNumber('0.3000000000000000444')],
    ['1e400', new JsonNumber('1e400')],
    ['1e-400', new JsonNumber('1e-400')],
    ['1e22', 1e22],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['5e-324', 5e-324],
    ['9007199254740991.4', new JsonNumber('9007199254740991.4')],
  ];
  for (const [text, value] of cases) assert.deepEqual(readExactNumber(text), value, text);
  assert.equal(Number(new JsonNumber('1e3')), 1000);
  for (const bad of ['', '01', '1.', '.5', '+1', '1e', 'NaN', '0x1', ' 1']) {
    assert.throws(() => new JsonNumber(bad), SyntaxError, bad);
  }
});

test('the exact reader reads what JSON.parse reads, and refuses what it refuses', () => {
  const read = (text: string) => parseJson(text, Number);
  for (const text of [
    '{}',
    '[]',
    ' [ 1 , -2.5e3 , "a" , true , false , null ] ',
    '{"a":{"b":[{"c":""}]},"":0}',
    '{"a":1,"a":2}',
    '{"__proto__":{"x":1},"constructor":2}',
    '"\\u00e9\\ud834\\udd1e\\n\\t\\b\\f\\r\\"\\\\\\/ é€𝄞"',
    '"\u2028\u007f"',
    '\t\r\n 7\n',
  ]) {
    assert.deepEqual(read(text), JSON.parse(text), text);
  }
  for (const text of [
    ...['', ' ', '{', '[', '"', '[1,]', '{"a":1,}', '{a:1}', '{"a"}', '{"a":}', '[1 2]', '01'],
    ...[
      '1.',
      '-',
      '+1',
      'tru',
      'nul',
      '"\\x"',
      '"\\u12g4"',
      '"\n"',
      '1 2',
      '[1]]',
      "'a'",
      '\ufeff1',
    ],
  ]) {
    assert.throws(() => JSON.parse(text), SyntaxError, text);
    assert.throws(() => read(text), SyntaxError, text);
  }
  assert.throws(() => read('['.repeat(1000)), SyntaxError);
});

test('the writer writes what JSON.stringify writes, and what that cannot', () => {
  const date = new Date(0);
  for (const value of [
    { a: [1, 'é"\n\u2028', null, true, undefined, () => 1], b: undefined, c: date, d: { e: {} } },
    [new Number(1), new String('s'), new Boolean(false)],
    'text',
    1e21,
    1e-7,
    { toJSON: (key: string) => `key ${key}` },
    JSON.parse('{"__proto__":1}'),
  ]) {
    assert.equal(writeJson(value), JSON.stringify(value));
  }
  assert.equal(
    writeJson({ a: 2n ** 64n, b: [new JsonNumber('1.50')] }),
    '{"a":18446744073709551616,"b":[1.50]}',
  );
  assert.equal(writeAnyJson({ a: 2n ** 64n }), '{"a":18446744073709551616}');
  assert.throws(() => JSON.stringify(new JsonNumber('1')), TypeError);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, undefined, () => 1]) {
    assert.throws(() => writeJson(bad), TypeError);
  }
  const circle: unknown[] = [];
  circle.push(circle);
  assert.throws(() => writeAnyJson(circle), TypeError);
});

test('random JSON comes back', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const make = (depth: number): unknown => {
    switch (random(depth > 4 ? 5 : 7)) {
      case 0:
        return String.fromCharCode(...Array.from({ length: random(9) }, () => random(0xd800)));
      case 1:
        return BigInt(random(1 << 24)) ** BigInt(random(6) + 3) + 2n ** 60n;
      case 2:
        return (random(1 << 24) - (1 << 23)) / 2 ** random(40);
      case 3:
        return random(2) === 0;
      case 4:
        return null;
      case 5:
        return Array.from({ length: random(5) }, () => make(depth + 1));
      default:
        return Object.fromEntries(
          Array.from({ length: random(5) }, (_, n) => [`k${n}\u00e9`, make(depth + 1)]),
        );
    }
  };
  for (let round = 0; round < 500; round++) {
    const value = make(0);
    assert.deepEqual(parseJson(writeJson(value), readExactNumber), value);
  }
});

test('the wait doubles up to its bound, less a random part', () => {
  const backoff = { reconnectInterval: 100, reconnectMaxInterval: 1000, reconnectJitter: 0.5 };
  const waits = [1, 2, 3, 4, 5, 2000].map((attempt) => backoffDelay(backoff, attempt, 0));
  assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000]);
  assert.equal(backoffDelay(backoff, 2, 0.5), 150);
  assert.equal(backoffDelay({ ...backoff, reconnectJitter: 0 }, 2, 0.9), 200);
});

test('a queue keeps its order', () => {
  const queue = new Queue<number>();
  for (let n = 0; n < 5000; n++) queue.push(n);
  for (let n = 0; n < 3000; n++) assert.equal(queue.shift(), n);
  queue.unshift([-2, -1]);
  queue.retain((n) => n !== 3001);
  assert.deepEqual([queue.length, ...queue].slice(0, 5), [2001, -2, -1, 3000, 3002]);
  queue.clear();
  assert.deepEqual([queue.shift(), queue.length], [undefined, 0]);
});

test('a listener that throws ends no other, and is heard of', async () => {
  class Loud extends Emitter<{ noise: [number]; error: [Error] }> {
    make(n: number) {
      this.emit('noise', n);
      this.emit('error', new Error('nobody listens'));
    }
  }
  const loud = new Loud();
  const heard: number[] = [];
  loud.on('noise', () => {
    throw new Error('from the listener');
  });
  loud.on('noise', (n) => heard.push(n));
  const thrown: unknown[] = [];
  const { queueMicrotask: original } = globalThis;
  globalThis.queueMicrotask = (callback) => {
    try {
      callback();
    } catch (error) {
      thrown.push(error);
    }
  };
  loud.make(1);
  globalThis.queueMicrotask = original;
  assert.deepEqual(heard, [1]);
  assert.match(String(thrown[0]), /from the listener/);
});

test('the builder and its defaults', () => {
  const config = ClientOptions.create('db')
    .port(7402)
    .auth('token')
    .tls({ ca: 'pem' })
    .timeout({ connect: 1, request: 2 })
    .reconnect({ enabled: true, interval: 3, maxInterval: 4, maxAttempts: 5, jitter: 0.1 })
    .clientName('name')
    .pool(6)
    .queueMax(7)
    .idempotencyKeys(false)
    .keepAlive(0)
    .numbers('exact')
    .wire('jsonl')
    .build();
  assert.deepEqual(config, {
    host: 'db',
    port: 7402,
    authToken: 'token',
    tls: { ca: 'pem' },
    connectTimeout: 1,
    requestTimeout: 2,
    reconnect: true,
    reconnectInterval: 3,
    reconnectMaxInterval: 4,
    reconnectMaxAttempts: 5,
    reconnectJitter: 0.1,
    clientName: 'name',
    poolSize: 6,
    queueMax: 7,
    idempotencyKeys: false,
    keepAlive: 0,
    numbers: 'exact',
    wire: 'jsonl',
  });
  assert.deepEqual(ClientOptions.create('db').reconnect(false).tls().build(), {
    host: 'db',
    reconnect: false,
    tls: true,
  });
  new Client({ host: 'db' });
  const wrong = [
    { host: '' },
    { host: 'db', port: 0 },
    { host: 'db', port: 65536 },
    { host: 'db', port: Number.NaN },
    { host: 'db', requestTimeout: 0 },
    { host: 'db', requestTimeout: 2 ** 31 },
    { host: 'db', reconnectJitter: 1.5 },
    { host: 'db', poolSize: 0 },
    { host: 'db', numbers: 'triple' as 'double' },
    { host: 'db', wire: 'pigeon' as 'binary' },
  ];
  for (const config of wrong) {
    assert.throws(
      () => new Client(config),
      (error) => error instanceof TypeError || error instanceof RangeError,
      JSON.stringify(config),
    );
  }
  assert.throws(() => ClientOptions.create('db').port(-1).build(), /port/);
});

test('every code of the protocol has a class, and only codes that are', () => {
  const { errors } = readJson(REPOSITORY, 'protocol/errors.json');
  assert.ok(errors.length > 10);
  for (const { code, retryable } of errors) {
    const error = errorOf({ code, message: 'm', retryable, details: { some_thing: { in_it: 1 } } });
    assert.equal(error.code, code);
    assert.equal(error.retryable, retryable);
    assert.deepEqual(error.details, { someThing: { in_it: 1 } });
    assert.ok(error instanceof RstmdbError);
    assert.equal(error.constructor, (api as Record<string, unknown>)[error.name]);
  }
  assert.equal(errorOf({ code: 'toString', message: '', retryable: true }).code, 'PROTOCOL');
});

test('every operation of the protocol has a method', () => {
  const methods: Record<string, string> = {
    HELLO: 'connect',
    AUTH: 'connect',
    BYE: 'close',
    WATCH_INSTANCE: 'watchInstance',
  };
  const { operations } = readJson(REPOSITORY, 'protocol/operations.json');
  assert.equal(operations.length, 24);
  for (const { op } of operations as { op: string }[]) {
    const name =
      methods[op] ?? op.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    assert.equal(typeof Client.prototype[name as keyof Client], 'function', op);
  }
});

test('names in camelCase, and the version', () => {
  assert.deepEqual(camelMembers({ a_b_c: { d_e: 1 }, uptime_secs: 2, x: 3 }), {
    aBC: { d_e: 1 },
    uptimeSecs: 2,
    x: 3,
  });
  assert.equal(VERSION, readJson(PACKAGE, 'package.json').version);
});
