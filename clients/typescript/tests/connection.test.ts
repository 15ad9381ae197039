// What happens around a connection: making it, losing it, making it again, giving up.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  AuthenticationError,
  Client,
  ConnectionError,
  ProtocolError,
  RateLimitedError,
  type RstmdbError,
  ServerError,
  TimeoutError,
} from '@rstmdb/client';
import {
  FakeServer,
  type Peer,
  politely,
  type WireRequest,
  withFake,
} from './support/fake_server.js';
import { Server } from './support/server.js';
import { until } from './support/until.js';

/** Answers every request well enough. */
const kindly = (request: WireRequest, peer: Peer) =>
  peer.answer(request, { ctx: {}, applied: true, instance_id: request.params?.instance_id });
const silently = () => {};

async function freePort(): Promise<number> {
  const server = await FakeServer.start(silently);
  const { port } = server;
  await server[Symbol.asyncDispose]();
  return port;
}

test('nobody listens: the reason is told, and connecting later works', async () => {
  const port = await freePort();
  const client = new Client({ host: '127.0.0.1', port });
  await assert.rejects(
    client.connect(),
    (error) =>
      error instanceof ConnectionError &&
      error.retryable &&
      error.message.includes(`127.0.0.1:${port}`) &&
      (error.cause as { code?: string }).code === 'ECONNREFUSED',
  );
  assert.equal(client.isConnected(), false);
  const server = await FakeServer.start(kindly, { port });
  await client.connect();
  assert.equal(client.isConnected(), true);
  await client.ping();
  await client.close();
  await server[Symbol.asyncDispose]();
});

test('a name that does not exist', async () => {
  await assert.rejects(Client.connect('no-such-host.invalid', 1), ConnectionError);
});

test('a server that does not answer HELLO: connectTimeout, or the signal', () =>
  withFake(
    silently,
    async (server) => {
      await assert.rejects(server.connect({ connectTimeout: 20 }), TimeoutError);
      const reason = new Error('enough');
      const controller = new AbortController();
      const connecting = server.connect({ signal: controller.signal });
      await until('a second connection', () => server.peers.length === 2);
      controller.abort(reason);
      await assert.rejects(connecting, reason);
      await until('both are closed', () => server.peers.every(({ socket }) => socket.destroyed));
    },
    { politeness: false },
  ));

test('tokens: right, wrong, none', async (t) => {
  const hash = '87aa92fd2f52b3a9c1c4ba94aef94ac3d6fb19f48ee4ba2a2a0d4c6b3a2b0c71';
  const { createHash } = await import('node:crypto');
  const right = createHash('sha256').update('right').digest('hex');
  const server = await Server.start({ auth: { required: true, token_hashes: [right, hash] } }, t);
  await assert.rejects(
    server.connect({ auth: 'wrong' }),
    (error) => error instanceof AuthenticationError && error.code === 'AUTH_FAILED',
  );
  const none = await server.connect();
  await assert.rejects(
    none.info(),
    (error) => error instanceof AuthenticationError && error.code === 'UNAUTHORIZED',
  );
  await none.close();
  const client = await server.connect({ authToken: 'right' });
  assert.equal((await client.info()).authRequired, true);
  await client.close();
});

test('before connect() and after close() calls fail at once', () =>
  withFake(kindly, async (server) => {
    const client = new Client({ host: '127.0.0.1', port: server.port });
    await assert.rejects(client.ping(), /connect\(\) has not been called/);
    await client.connect();
    await client.close();
    await assert.rejects(
      client.ping(),
      (error) => error instanceof ConnectionError && !error.retryable,
    );
    await assert.rejects(client.watchAll(), ConnectionError);
    await client.connect();
    await client.ping();
    await client[Symbol.asyncDispose]();
  }));

test('after a loss, what is safe to repeat is repeated in order, and nothing else', async () => {
  const script = (request: WireRequest, peer: Peer) => {
    if (peer.number > 1) kindly(request, peer);
    else if (peer.requests.length === 5) peer.socket.destroy();
  };
  await withFake(script, async (server) => {
    const client = await server.connect();
    const told: string[] = [];
    client.on('disconnect', (error) => told.push(`disconnect ${error?.code}`));
    client.on('reconnect', (attempt) => told.push(`reconnect ${attempt}`));
    client.on('connect', () => told.push('connect'));
    const calls = await Promise.allSettled([
      client.applyEvent('a', 'E'),
      client.getInstance('a'),
      client.putMachine('m', 1, { states: ['s'], initial: 's', transitions: [] }),
      client.deleteInstance('a', { idempotencyKey: 'mine' }),
      client.compact(),
    ]);
    assert.deepEqual(
      calls.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected'],
    );
    for (const call of calls) {
      if (call.status === 'fulfilled') continue;
      assert.ok(call.reason instanceof ConnectionError);
      assert.equal(call.reason.maybeApplied, true);
      assert.equal(call.reason.retryable, false);
    }
    const [first, second] = [server.peer(1).requests, server.peer(2).requests];
    assert.deepEqual(
      second.map(({ op }) => op),
      ['APPLY_EVENT', 'GET_INSTANCE', 'DELETE_INSTANCE'],
    );
    assert.deepEqual(second, [first[0], first[1], first[3]]);
    assert.equal(typeof second[0]?.params.idempotency_key, 'string');
    assert.equal(second[2]?.params.idempotency_key, 'mine');
    assert.deepEqual(told, ['disconnect CONNECTION', 'reconnect 1', 'connect']);
    await client.close();
  });
});

test('what is sent again goes before what has not been sent', async () => {
  const script = (request: WireRequest, peer: Peer) => {
    if (peer.number > 1) kindly(request, peer);
    else if (peer.requests.length === 1024) peer.socket.destroy(); // six are still waiting
  };
  await withFake(script, async (server) => {
    const client = await server.connect();
    const events = Array.from({ length: 1030 }, (_, n) => `E${n}`);
    await Promise.all(events.map((event) => client.applyEvent('a', event)));
    assert.deepEqual(
      server.peer(2).requests.map(({ params }) => params.event),
      events,
    );
    await client.close();
  });
});

test('a batch is repeated only if every operation has a key', async () => {
  const script = (request: WireRequest, peer: Peer) =>
    peer.number > 1 ? peer.answer(request, { results: [] }) : peer.socket.destroy();
  for (const idempotencyKeys of [true, false]) {
    await withFake(script, async (server) => {
      const client = await server.connect({ idempotencyKeys });
      const batch = client.batch([{ op: 'DELETE_INSTANCE', params: { instanceId: 'a' } }]);
      if (idempotencyKeys) await batch;
      else await assert.rejects(batch, ConnectionError);
      await client.close();
    });
  }
});

test('a call is sent five times at most', async () => {
  const script = (_: WireRequest, peer: Peer) => peer.socket.destroy();
  await withFake(script, async (server) => {
    const client = await server.connect({ reconnectInterval: 1 });
    await assert.rejects(
      client.applyEvent('a', 'E', { idempotencyKey: 'k' }),
      (error) =>
        error instanceof ConnectionError && error.maybeApplied && error.idempotencyKey === 'k',
    );
    assert.equal(server.peers.filter(({ requests }) => requests.length > 0).length, 5);
    await client.close();
  });
});

test('refusals: whether the write may have happened all the same', async () => {
  const script = (request: WireRequest, peer: Peer) => {
    const event = request.params?.event;
    if (event === 'LOST' && peer.number === 1) peer.socket.destroy();
    else if (event === 'LOST' || event === 'BUSY') peer.refuse(request, 'RATE_LIMITED', true);
    else peer.refuse(request, 'WAL_IO_ERROR', true, { code: 'LOG_STOPPED' });
  };
  await withFake(script, async (server) => {
    const client = await server.connect({ reconnectInterval: 1 });
    const told = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => assert.fail('it was refused'),
        (reason) => reason,
      );
      assert.ok(error instanceof ServerError);
      return [error.maybeApplied, error.retryable];
    };
    // Sent, lost, and sent again: what is refused the second time may have happened the first time.
    assert.deepEqual(await told(client.applyEvent('a', 'LOST')), [true, false]);
    assert.deepEqual(await told(client.applyEvent('a', 'BUSY')), [false, true]);
    assert.deepEqual(await told(client.applyEvent('a', 'STOPPED')), [true, false]);
    assert.deepEqual(await told(client.getInstance('a')), [false, true]);
    await client.close();
  });
});

test('timeouts: of the client, of a call; late answers harm nobody', async () => {
  const held: [WireRequest, Peer][] = [];
  const script = (request: WireRequest, peer: Peer) => {
    if (request.op === 'PING') kindly(request, peer);
    else held.push([request, peer]);
  };
  await withFake(script, async (server) => {
    const client = await server.connect({ requestTimeout: 500 });
    const [write, read] = await Promise.allSettled([
      client.applyEvent('a', 'E'),
      client.getInstance('a', { timeout: 250 }),
    ]);
    assert.ok(write?.status === 'rejected' && write.reason instanceof TimeoutError);
    assert.equal(write.reason.maybeApplied, true);
    assert.ok(write.reason.idempotencyKey);
    assert.ok(read?.status === 'rejected' && read.reason instanceof TimeoutError);
    assert.deepEqual([read.reason.maybeApplied, read.reason.retryable], [false, true]);
    await until('both are there', () => held.length === 2);
    for (const [request, peer] of held) kindly(request, peer);
    await client.ping();
    // One that may take longer is not touched when others are late.
    const patient = client.getInstance('b', { timeout: 20_000 });
    await assert.rejects(client.getInstance('c'), TimeoutError);
    await until('four are there', () => held.length === 4);
    for (const [request, peer] of held.slice(2)) kindly(request, peer);
    await patient;
    assert.equal(server.peers.length, 1);
    await client.close();
  });
});

test('a signal ends the waiting; what was not sent is not sent', async () => {
  await withFake(
    (request, peer) => {
      if (request.op !== 'GET_INSTANCE') kindly(request, peer);
    },
    async (server) => {
      const client = await server.connect();
      const early = AbortSignal.abort(new Error('before'));
      await assert.rejects(client.getInstance('a', { signal: early }), /before/);

      const unsent = new AbortController();
      const never = client.getInstance('b', { signal: unsent.signal });
      unsent.abort(new Error('in the same turn'));
      await assert.rejects(never, /in the same turn/);

      const sent = new AbortController();
      const waiting = client.getInstance('c', { signal: sent.signal });
      await until('it arrives', () => server.peer(1).requests.length === 1);
      sent.abort();
      await assert.rejects(waiting, { name: 'AbortError' });

      const [request] = server.peer(1).requests;
      assert.equal(request?.params.instance_id, 'c');
      kindly(request as WireRequest, server.peer(1)); // nobody waits for it any more
      await client.ping();
      assert.equal(server.peer(1).requests.length, 2);
      await client.close();
    },
  );
});

test('without reconnect a loss is final until connect()', () =>
  withFake(silently, async (server) => {
    const client = await server.connect({ reconnect: false });
    const call = client.getInstance('a');
    await until('it arrives', () => server.peer(1).requests.length === 1);
    server.dropAll();
    await assert.rejects(call, ConnectionError);
    assert.equal(client.isConnected(), false);
    await assert.rejects(client.ping(), ConnectionError);
    assert.equal(server.peers.length, 1);
    await client.connect();
    assert.equal(client.isConnected(), true);
    assert.equal(server.peers.length, 2);
    await client.close();
  }));

test('it gives up after reconnectMaxAttempts; the next call begins again', async () => {
  const first = await FakeServer.start(kindly);
  const { port } = first;
  const client = await first.connect({ reconnectMaxAttempts: 3, reconnectInterval: 2 });
  const attempts: number[] = [];
  client.on('reconnect', (attempt) => attempts.push(attempt));
  await first.stop();
  await until('the loss is seen', () => !client.isConnected());
  // Nobody listens to `error` here, and the process goes on.
  await assert.rejects(client.getInstance('a'), ConnectionError);
  assert.deepEqual(attempts, [1, 2, 3]);

  const given = once(client, 'error');
  const failed = assert.rejects(
    client.applyEvent('a', 'E'),
    (error) => error instanceof ConnectionError && !error.maybeApplied && error.retryable,
  );
  const [error] = await Promise.all([given, failed]);
  assert.ok(error[0] instanceof ConnectionError);

  const again = await FakeServer.start(kindly, { port });
  await client.applyEvent('a', 'E');
  await client.close();
  await again[Symbol.asyncDispose]();
});

test('what is begun at the news of giving up makes an attempt of its own', async () => {
  const script = (request: WireRequest, peer: Peer) => {
    if (peer.number === 2) peer.refuse(request, 'AUTH_FAILED');
    else if (politely(request, peer)) return;
    else if (peer.number === 1) peer.socket.destroy();
    else kindly(request, peer);
  };
  const ways: Record<string, (client: Client) => Promise<unknown>> = {
    'a call behind one that failed': (client) =>
      client.getInstance('a').catch(() => client.getInstance('a')),
    'connect() behind a call that failed': (client) =>
      client.getInstance('a').catch(() => client.connect()),
    'a call by a listener': async (client) => {
      const given = new Promise((resolve) => {
        client.once('error', () => resolve(client.getInstance('a')));
      });
      await assert.rejects(client.getInstance('a'), AuthenticationError);
      await given;
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    await withFake(
      script,
      async (server) => {
        const client = await server.connect();
        await way(client);
        assert.equal(server.peers.length, 3, name);
        await client.close();
      },
      { politeness: false },
    );
  }
});

test('a connect() that fails does not end the attempts that are under way', async () => {
  const first = await FakeServer.start(kindly);
  const { port } = first;
  const client = await first.connect({ reconnectInterval: 50, reconnectJitter: 0 });
  await first.stop();
  await until('the loss is seen', () => !client.isConnected());
  await assert.rejects(client.connect(), ConnectionError);
  const again = await FakeServer.start(kindly, { port });
  await until('it is back by itself', () => client.isConnected());
  await client.close();
  await again[Symbol.asyncDispose]();
});

test('calls wait while there is no connection, queueMax at most', async () => {
  const first = await FakeServer.start(kindly);
  const { port } = first;
  const client = await first.connect({ queueMax: 2 });
  await first.stop();
  await until('the loss is seen', () => !client.isConnected());
  const waiting = [client.getInstance('a'), client.getInstance('b')];
  await assert.rejects(client.getInstance('c'), /queueMax/);
  const again = await FakeServer.start(kindly, { port });
  await Promise.all(waiting);
  await client.close();
  await again[Symbol.asyncDispose]();
});

test('a token that is refused when connecting again is no reason to go on trying', async () => {
  const script = (request: WireRequest, peer: Peer) => {
    if (request.op === 'HELLO') peer.answer(request, { protocol_version: 1 });
    else if (request.op !== 'AUTH') peer.socket.destroy();
    else if (peer.number === 1) peer.answer(request, { authenticated: true });
    else peer.refuse(request, 'AUTH_FAILED');
  };
  await withFake(
    script,
    async (server) => {
      const client = await server.connect({ auth: 'token' });
      const given = once(client, 'error');
      await assert.rejects(client.getInstance('a'), AuthenticationError);
      assert.ok((await given)[0] instanceof AuthenticationError);
      assert.equal(server.peers.length, 2);
      await client.close();
    },
    { politeness: false },
  );
});

test('a peer that falls silent is given up', () =>
  withFake(
    (request, peer) => {
      if (peer.number > 1) kindly(request, peer);
    },
    async (server) => {
      const client = await server.connect({ keepAlive: 15 });
      const lost = once(client, 'disconnect');
      await client.getInstance('a'); // answered by the second connection
      const [error] = (await lost) as [RstmdbError];
      assert.match(error.message, /no sign of life/);
      assert.ok(server.peer(1).requests.some(({ op }) => op === 'PING'));
      await client.close();
    },
  ));

test('answers that no server gives end the connection with a ProtocolError', async () => {
  const wrong: Record<string, (request: WireRequest, peer: Peer) => void> = {
    'an answer to nothing': (_, peer) => peer.answer({ id: '999' }, {}),
    'no JSON': (_, peer) => peer.socket.write('RCPX\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0{', 'latin1'),
    'no frame': (_, peer) => peer.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'an array': (_, peer) => peer.send([]),
  };
  for (const [name, script] of Object.entries(wrong)) {
    await withFake(script, async (server) => {
      const client = await server.connect({ reconnect: false });
      await assert.rejects(
        client.getInstance('a'),
        (error) => error instanceof ConnectionError && error.cause instanceof ProtocolError,
        name,
      );
      await client.close();
    });
  }
  const odd = (request: WireRequest, peer: Peer) => {
    if (request.op === 'PING') kindly(request, peer);
    else if (request.op === 'INFO') peer.refuse(request, 'A_NEW_CODE');
    else peer.answer(request, undefined as never); // a result without members
  };
  await withFake(odd, async (server) => {
    const client = await server.connect();
    await assert.rejects(client.getInstance('a'), ProtocolError);
    await assert.rejects(client.info(), /A_NEW_CODE/);
    await client.ping();
    await client.close();
  });
});

test('a server that is full says so', async () => {
  const script = (_: WireRequest, peer: Peer) => {
    peer.refuse({ id: '' }, 'RATE_LIMITED', true, { code: 'TOO_MANY_CONNECTIONS', limit: 1000 });
    peer.socket.end();
  };
  await withFake(
    script,
    (server) =>
      assert.rejects(
        server.connect(),
        (error) =>
          error instanceof RateLimitedError &&
          error.retryable &&
          error.details?.code === 'TOO_MANY_CONNECTIONS',
      ),
    { politeness: false },
  );
});

test('close() fails what is under way; drain() waits for it', () =>
  withFake(silently, async (server) => {
    const client = await server.connect();
    const told: unknown[] = [];
    client.on('disconnect', (error) => told.push(error));
    const call = client.applyEvent('a', 'E');
    await until('it arrives', () => server.peer(1).requests.length === 1);
    const failed = assert.rejects(
      call,
      (error) => error instanceof ConnectionError && error.maybeApplied && !error.retryable,
    );
    await client.close();
    await failed;
    assert.deepEqual(told, [undefined]);
    assert.ok(server.peer(1).socket.destroyed || server.peer(1).socket.readableEnded);

    await client.connect();
    const last = client.getInstance('a');
    await until('it arrives', () => server.peer(2).requests.length === 1);
    const drained = client.drain();
    await assert.rejects(client.ping(), ConnectionError);
    kindly(server.peer(2).requests[0] as WireRequest, server.peer(2));
    await last;
    await drained;
    assert.equal(client.isConnected(), false);
  }));

test('several may drain() at once, and again after another connect()', () =>
  withFake(silently, async (server) => {
    const client = await server.connect();
    for (const round of [1, 2]) {
      const call = client.getInstance('a');
      await until('it arrives', () => server.peer(round).requests.length === 1);
      let ended = 0;
      for (let count = 0; count < 3; count++) void client.drain().then(() => ended++);
      await assert.rejects(client.ping(), ConnectionError);
      assert.equal(ended, 0);
      kindly(server.peer(round).requests[0] as WireRequest, server.peer(round));
      await call;
      await until('all have ended', () => ended === 3);
      assert.equal(client.isConnected(), false);
      await client.drain(); // nothing is left to do
      await client.connect();
    }
  }));

test('calls of one turn leave in one write, and 1,024 are in flight at most', () =>
  withFake(silently, async (server) => {
    const client = await server.connect();
    const calls = Array.from({ length: 1500 }, (_, n) => client.getInstance(`i-${n}`));
    const settled = Promise.allSettled(calls);
    const peer = server.peer(1);
    await until('as many as may', () => peer.requests.length === 1024);
    const [hello, ...reads] = peer.reads;
    assert.equal(hello, 0);
    // Of 64 KiB each; there would be one for each call if they were not joined.
    assert.ok(reads.length <= 8, `${reads.length} reads`);
    kindly(peer.requests[0] as WireRequest, peer);
    await calls[0];
    await until('one more', () => peer.requests.length === 1025);
    assert.equal(peer.requests.at(-1)?.params.instance_id, 'i-1024');
    await client.close();
    const rejected = (await settled).filter(({ status }) => status === 'rejected');
    assert.equal(rejected.length, 1499);
    // Those that were never sent cannot have been applied.
    assert.ok(
      rejected.every((call) => (call as PromiseRejectedResult).reason instanceof ConnectionError),
    );
  }));

test('a pool keeps an instance on one connection and spreads the rest', () =>
  withFake(kindly, async (server) => {
    const client = await server.connect({ poolSize: 3 });
    assert.equal(server.peers.length, 1); // the others connect when they are needed
    const ids = Array.from({ length: 31 }, (_, n) => `i-${n}`);
    for (let round = 0; round < 3; round++) {
      await Promise.all(ids.map((id) => client.applyEvent(id, 'E')));
    }
    await client.batch([{ op: 'DELETE_INSTANCE', params: { instanceId: 'i-0' } }]).catch(() => {});
    assert.equal(server.peers.length, 3);
    for (const id of ids) {
      const used = server.peers.filter(({ requests }) =>
        requests.some(({ params }) => params.instance_id === id),
      );
      assert.equal(used.length, 1, id);
    }
    const batch = server.peers.find(({ requests }) => requests.some(({ op }) => op === 'BATCH'));
    assert.ok(batch?.requests.some(({ params }) => params.instance_id === 'i-0'));
    await client.close();
    assert.equal(client.isConnected(), false);
  }));

test('listeners: once, off, and one that closes the client', () =>
  withFake(kindly, async (server) => {
    const client = await server.connect();
    let calls = 0;
    const listener = () => {
      calls++;
    };
    client.on('disconnect', listener).on('disconnect', listener).once('disconnect', listener);
    client.off('disconnect', listener).removeListener('disconnect', listener);
    assert.equal(client.listenerCount('disconnect'), 1);
    const closed = new Promise<void>((resolve) => {
      client.on('disconnect', () => void client.close().then(resolve));
    });
    server.dropAll();
    await closed;
    assert.equal(calls, 1);
    await assert.rejects(client.ping(), ConnectionError);
    client.removeAllListeners();
    assert.equal(client.listenerCount('disconnect'), 0);
    assert.equal(server.peers.length, 1);
  }));
