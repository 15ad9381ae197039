// A scripted server for what a real one never does: silence, cut frames, wrong answers, a
// connection that is lost between request and answer.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Client, type ConnectOptions } from '@rstmdb/client';
import { FrameReader, FrameWriter } from '../../src/frames.js';

export interface WireRequest {
  id: string;
  op: string;
  params: Record<string, unknown>;
}

/** One connection, as the server sees it. */
export class Peer {
  /** From 1, in the order of connecting. */
  readonly number: number;
  /** Requests after HELLO and AUTH. */
  readonly requests: WireRequest[] = [];
  /** How many of them each read from the socket has brought. */
  readonly reads: number[] = [];
  readonly socket: Socket;
  readonly #writer: FrameWriter;

  constructor(
    number: number,
    socket: Socket,
    onRequest: (request: WireRequest, peer: Peer) => void,
  ) {
    this.number = number;
    this.socket = socket;
    this.#writer = new FrameWriter('rcpx', (bytes) => socket.write(bytes));
    const reader = new FrameReader('rcpx');
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const before = this.requests.length;
      reader.push(chunk, (bytes, start, end) => {
        const request = JSON.parse(bytes.toString('utf8', start, end)) as WireRequest;
        if (!['HELLO', 'AUTH', 'BYE'].includes(request.op)) this.requests.push(request);
        onRequest(request, this);
      });
      this.reads.push(this.requests.length - before);
    });
  }

  send(message: object): void {
    this.#writer.add(JSON.stringify(message));
    this.#writer.flush();
  }

  answer(request: { id: string }, result: object): void {
    this.send({ type: 'response', id: request.id, status: 'ok', result });
  }

  refuse(request: { id: string }, code: string, retryable = false, details = {}): void {
    const error = { code, message: 'as scripted', retryable, details };
    this.send({ type: 'response', id: request.id, status: 'error', error });
  }
}

type Script = (request: WireRequest, peer: Peer) => void;

/** What a real server says to HELLO, AUTH and BYE. */
export function politely(request: WireRequest, peer: Peer): boolean {
  if (request.op === 'HELLO') peer.answer(request, { protocol_version: 1 });
  else if (request.op === 'AUTH') peer.answer(request, { authenticated: true });
  else if (request.op === 'BYE') peer.answer(request, { goodbye: true });
  else return false;
  if (request.op === 'BYE') peer.socket.end();
  return true;
}

export class FakeServer {
  readonly peers: Peer[] = [];
  readonly #server: Server;
  readonly #clients: Client[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `script` gets each request; unless `politeness` is off, not those that open and end a
   * session. */
  static async start(script: Script, { politeness = true, port = 0 } = {}): Promise<FakeServer> {
    const server = createServer({ noDelay: true });
    const fake = new FakeServer(server);
    server.on('connection', (socket) => {
      const peer = new Peer(fake.peers.length + 1, socket, (request, self) => {
        if (!politeness || !politely(request, self)) script(request, self);
      });
      fake.peers.push(peer);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  peer(number: number): Peer {
    const peer = this.peers[number - 1];
    if (!peer) throw new Error(`there are ${this.peers.length} connections`);
    return peer;
  }

  /** Ends all connections at once. */
  dropAll(): void {
    for (const { socket } of this.peers) socket.destroy();
  }

  /** A client that ends with the server at the latest. */
  async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = await Client.connect('127.0.0.1', this.port, {
      reconnectInterval: 5,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.stop();
  }

  /** Ends the server alone. */
  async stop(): Promise<void> {
    this.dropAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A fake server for one test. */
export async function withFake(
  script: Script,
  body: (server: FakeServer) => Promise<void>,
  options: { politeness?: boolean } = {},
): Promise<void> {
  const server = await FakeServer.start(script, options);
  try {
    await body(server);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}
