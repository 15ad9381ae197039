// One request from the moment that somebody asks for it until they have their answer.

import {
  type ConnectionError,
  errorOf,
  ProtocolError,
  type RstmdbError,
  type TimeoutError,
  type WireError,
} from './errors.js';

/** What is asked for. */
export interface Request<T> {
  op: string;
  /** JSON, or "" for none. */
  params: string;
  /** Whether sending it twice does the same as sending it once. */
  repeatable: boolean;
  /** Whether it changes anything. */
  writes: boolean;
  idempotencyKey?: string | undefined;
  decode: (result: never) => T;
}

/** How long the caller waits for it. */
export interface CallOptions {
  /** Milliseconds, instead of the client's requestTimeout. */
  timeout?: number | undefined;
  /** Ends the waiting; the promise rejects with the signal's reason. What was sent stays sent. */
  signal?: AbortSignal | undefined;
}

export class Call {
  readonly request: Request<unknown>;
  readonly deadline: number;
  /** 0 until a link has taken it. */
  id = 0;
  sends = 0;
  settled = false;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  #unlisten: (() => void) | undefined;
  #onEnd: (() => void) | undefined;

  constructor(
    request: Request<unknown>,
    deadline: number,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    this.request = request;
    this.deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Calls `onAbort` when the signal does, unless the call has ended by then. */
  listen(signal: AbortSignal, onAbort: () => void): void {
    signal.addEventListener('abort', onAbort, { once: true });
    this.#unlisten = () => signal.removeEventListener('abort', onAbort);
  }

  succeed(result: unknown): void {
    if (!this.#settle()) return;
    try {
      this.#resolve(this.request.decode(result as never));
    } catch (error) {
      this.#reject(new ProtocolError('an answer of an unknown form', { cause: error }));
    }
  }

  fail(reason: unknown): void {
    if (this.#settle()) this.#reject(reason);
  }

  /** Fails it with an error that says whether it may have taken effect. */
  failWith(Class: typeof ConnectionError | typeof TimeoutError, message: string, cause?: unknown) {
    const maybeApplied = this.request.writes && this.sends > 0;
    this.fail(this.marked(new Class(message, { maybeApplied, cause })));
  }

  /** Fails it with what the server has answered. */
  failAnswered(wire: WireError): void {
    this.fail(this.marked(errorOf(wire, this.request.writes ? this.sends : 0)));
  }

  marked<E extends RstmdbError>(error: E): E {
    error.idempotencyKey = this.request.idempotencyKey;
    return error;
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.#unlisten?.();
    this.#onEnd?.();
    return true;
  }

  /** Resolves when it has ended, in whatever way. For one waiter. */
  ended(): Promise<void> {
    if (this.settled) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }
}
