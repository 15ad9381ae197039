// One connection from its HELLO to its end: bytes to messages and back. Who the messages are for is
// the link's business.

import type { Socket } from 'node:net';
import type { Settings } from './config.js';
import { ConnectionError, errorOf, ProtocolError, RstmdbError, type WireError } from './errors.js';
import { FrameError, FrameReader, FrameWriter } from './frames.js';
import { parseJson, readExactNumber, writeJson } from './json.js';
import { openSocket, reasonOf } from './socket.js';
import { VERSION } from './version.js';

const UNSENT_BYTES_MAX = 1024 * 1024;
const GOODBYE_MS = 1000;

/** What a server sends. */
export interface Message {
  type: string;
  id?: string;
  status?: string;
  result?: unknown;
  error?: WireError;
  [member: string]: unknown;
}

/** A request as the text that is sent. `params` is JSON, or "" for none. */
export function requestText(id: string | number, op: string, params: string): string {
  return params === ''
    ? `{"type":"request","id":"${id}","op":"${op}"}`
    : `{"type":"request","id":"${id}","op":"${op}","params":${params}}`;
}

/** A request that is part of opening or ending the session. */
export interface Opening {
  op: string;
  params: string;
}

function handshakeOf(settings: Settings): Opening[] {
  const hello = {
    protocol_version: 1,
    client_name: settings.clientName,
    client_version: VERSION,
    wire_modes: [settings.wire === 'jsonl' ? 'jsonl' : 'binary_json'],
  };
  const requests = [{ op: 'HELLO', params: writeJson(hello) }];
  if (settings.authToken !== undefined) {
    requests.push({ op: 'AUTH', params: writeJson({ token: settings.authToken }) });
  }
  return requests;
}

export class Session {
  /** Whether anything has come since this was last set to false. */
  heard = false;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #parse: (text: string) => unknown;
  #take: (message: Message) => void;
  #onClose: ((error: RstmdbError | undefined) => void) | undefined;
  #onDrain: () => void = () => {};
  #early: Message[] = [];
  #failure: RstmdbError | undefined;
  #ended = false; // by us
  #closed = false;

  private constructor(socket: Socket, settings: Settings) {
    const dialect = settings.wire === 'jsonl' ? 'jsonl' : 'rcpx';
    this.#socket = socket;
    this.#reader = new FrameReader(dialect);
    this.#writer = new FrameWriter(dialect, (bytes) => socket.write(bytes));
    this.#parse =
      settings.numbers === 'exact' ? (text) => parseJson(text, readExactNumber) : JSON.parse;
    this.#take = (message) => this.#early.push(message);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('error', (error) =>
      this.#fail(new ConnectionError(reasonOf(error), { cause: error })),
    );
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#wasClosed());
  }

  /** Connects, says HELLO and AUTH, and makes the requests of `more`; gives their results. */
  static async open(
    settings: Settings,
    more: Opening[],
    signal: AbortSignal,
  ): Promise<{ session: Session; results: unknown[] }> {
    const session = new Session(await openSocket(settings, signal), settings);
    try {
      const requests = [...handshakeOf(settings), ...more];
      const results = await session.#answersTo(requests, signal);
      return { session, results: results.slice(requests.length - more.length) };
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  #answersTo(requests: Opening[], signal: AbortSignal): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const results: unknown[] = [];
      const settle = (end: () => void) => {
        signal.removeEventListener('abort', onAbort);
        this.#take = (message) => this.#early.push(message);
        this.#onClose = undefined;
        end();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#onClose = (error) =>
        settle(() => reject(error ?? new ConnectionError('the server closed the connection')));
      this.#take = (message) => {
        if (message.status === 'error') {
          settle(() => reject(errorOf(message.error as WireError)));
        } else if (message.id !== `open-${results.length}`) {
          settle(() => reject(new ProtocolError('an answer to something that was not asked')));
        } else {
          results.push(message.result);
          if (results.length === requests.length) settle(() => resolve(results));
        }
      };
      requests.forEach(({ op, params }, at) => {
        this.#writer.add(requestText(`open-${at}`, op, params));
      });
      this.flush();
    });
  }

  /** From now on messages go to `take`, and the end to `onClose`; both may be called before this
   * returns. `onDrain` is called when `full` has become false. */
  start(
    take: (message: Message) => void,
    onClose: (error: RstmdbError | undefined) => void,
    onDrain: () => void,
  ): void {
    this.#onClose = onClose;
    this.#onDrain = onDrain;
    this.#take = take;
    const early = this.#early;
    this.#early = [];
    for (const message of early) take(message);
    if (this.#closed) onClose(this.#failure);
  }

  /** Whether so much is unsent that more should wait. */
  get full(): boolean {
    return this.#socket.writableLength > UNSENT_BYTES_MAX;
  }

  /** Adds a request to what flush() sends. */
  add(text: string): void {
    this.#writer.add(text);
  }

  /** Holds back single writes until flush() makes one of them. */
  cork(): void {
    this.#socket.cork();
  }

  flush(): void {
    this.#writer.flush();
    this.#socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get paused(): boolean {
    return this.#socket.isPaused();
  }

  /** Makes a last request and says BYE; gives the server a moment to close. */
  async end(last?: Opening): Promise<void> {
    this.#ended = true;
    this.#take = () => {};
    if (this.#closed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    const late = setTimeout(() => this.#socket.destroy(), GOODBYE_MS);
    if (last) this.#writer.add(requestText('last', last.op, last.params));
    this.#writer.add(requestText('bye', 'BYE', ''));
    this.flush();
    this.#socket.end();
    this.#socket.resume();
    await closed;
    clearTimeout(late);
  }

  destroy(reason?: RstmdbError): void {
    this.#fail(reason ?? new ConnectionError('the connection was given up'));
  }

  #fail(error: RstmdbError): void {
    this.#failure ??= error;
    this.#socket.destroy();
  }

  #wasClosed(): void {
    this.#closed = true;
    if (this.#ended) return;
    this.#failure ??= new ConnectionError('the server closed the connection');
    this.#onClose?.(this.#failure);
  }

  #read(chunk: Buffer): void {
    this.heard = true;
    try {
      this.#reader.push(chunk, this.#onPayload);
    } catch (error) {
      this.#fail(protocolErrorOf(error));
    }
  }

  readonly #onPayload = (bytes: Buffer, start: number, end: number): void => {
    if (this.#failure) return;
    const message = this.#parse(bytes.toString('utf8', start, end)) as Message;
    if (typeof message !== 'object' || message === null) throw new ProtocolError('no object');
    if (message.id === '' && message.error) {
      // About the connection, not about a request: it closes.
      this.#failure = errorOf(message.error);
      this.#socket.end();
      return;
    }
    this.#take(message);
  };
}

function protocolErrorOf(error: unknown): RstmdbError {
  if (error instanceof RstmdbError) return error;
  if (error instanceof FrameError || error instanceof SyntaxError) {
    return new ProtocolError(error.message, { cause: error });
  }
  throw error;
}
