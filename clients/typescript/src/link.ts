// One connection of the pool for its whole life: connecting, connecting again, and the calls that
// travel on it.
//
//   idle --connect or call--> connecting --HELLO--> up --lost--> waiting --> connecting ...
//
// A call is in exactly one place: `#queue` (not sent on the present connection) or `#sent`. Ids
// grow in the order of submit(), and calls go out in that order, also those that are sent again.
//
// Speed comes from what is not done: one write for all calls of one turn of the event loop, one
// timer for all deadlines, and text put together around one JSON.stringify.

import { backoffDelay } from './backoff.js';
import type { Call } from './call.js';
import type { Settings } from './config.js';
import { ConnectionError, ProtocolError, RstmdbError, TimeoutError } from './errors.js';
import { Queue } from './queue.js';
import { type Message, type Opening, requestText, Session } from './session.js';

/** Sent calls without an answer, at most; more wait here. The server's own bound is four times
 * that. */
const IN_FLIGHT_MAX = 1024;
/** How often one call is sent before the loss of its connection becomes its answer. */
const SENDS_MAX = 5;
/** Deadlines are looked at no more often than that. */
const SWEEP_MS = 5;

/** What the owner of a link hears of it. */
export interface LinkEvents {
  up(): void;
  /** Without an error when close() was the reason. */
  down(error: RstmdbError | undefined): void;
  attempt(attempt: number): void;
  /** The link has given up; the next call begins again. */
  gaveUp(error: RstmdbError): void;
}

/** What a link with a subscription does beyond its calls. */
export interface Stream {
  /** The request that opens the stream; asked for on every connection. */
  opening(): Opening;
  opened(result: unknown): void;
  /** The request that ends it. */
  closing(): Opening;
  event(message: Message): void;
}

type State = 'idle' | 'connecting' | 'waiting' | 'up' | 'closed';

export class Link {
  readonly #settings: Settings;
  readonly #events: LinkEvents;
  readonly #stream: Stream | undefined;
  #state: State = 'idle';
  #session: Session | undefined;
  #connecting: Promise<void> | undefined; // the attempt that is under way
  #abort = new AbortController(); // ends that attempt
  #wasUp = false;
  #persistent = false; // whether a failed attempt is followed by another
  #attempts = 0; // failed ones since the last connection
  #wait: NodeJS.Timeout | undefined;
  #lastId = 0;
  readonly #queue = new Queue<Call>();
  readonly #sent = new Map<number, Call>();
  #flushing = false; // a flush at the end of this turn is on its way
  #sweep: NodeJS.Timeout | undefined;
  #sweepAt = Number.POSITIVE_INFINITY;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(settings: Settings, events: LinkEvents, stream?: Stream) {
    this.#settings = settings;
    this.#events = events;
    this.#stream = stream;
  }

  /** Whether it was up, is not, and will not be by itself. */
  get isDown(): boolean {
    return this.#wasUp && this.#state === 'idle' && !this.#settings.reconnect;
  }

  /** Calls without an answer. */
  pending(): Call[] {
    return [...this.#sent.values(), ...this.#queue].filter((call) => !call.settled);
  }

  /** Makes one attempt, or waits for the one that is under way. */
  connect(): Promise<void> {
    if (this.#state === 'up') return Promise.resolve();
    if (this.#state === 'closed') return Promise.reject(closedError());
    if (this.#state === 'waiting') this.#persistent = true; // the waiting goes on if this fails
    clearTimeout(this.#wait);
    if (!this.#connecting) {
      const attempt = this.#attempt().finally(() => {
        if (this.#connecting === attempt) this.#connecting = undefined;
      });
      this.#connecting = attempt;
    }
    return this.#connecting;
  }

  /** Takes a call; its end comes through succeed() or fail(). */
  submit(call: Call): void {
    if (this.#state === 'closed') {
      call.fail(closedError());
      return;
    }
    if (this.isDown) {
      call.fail(new ConnectionError('the connection was lost, and reconnect is off'));
      return;
    }
    if (this.#state !== 'up' && this.#queue.length >= this.#settings.queueMax) {
      call.fail(new ConnectionError('too many calls wait for the connection (queueMax)'));
      return;
    }
    call.id = ++this.#lastId;
    this.#queue.push(call);
    this.#expireAt(call.deadline);
    if (this.#state === 'up') this.#flushSoon();
    else if (this.#state === 'idle') this.#begin();
  }

  /** Makes room for others when nobody waits for a call any more. What was sent stays sent; what
   * was not is passed over when its turn comes. */
  forget(call: Call): void {
    if (this.#sent.delete(call.id)) this.#flushSoon();
  }

  pause(): void {
    this.#session?.pause();
  }

  resume(): void {
    this.#session?.resume();
  }

  /** Fails what is pending, says goodbye, and is closed for good. */
  async close(reason: RstmdbError = closedError()): Promise<void> {
    if (this.#state === 'closed') return;
    const wasUp = this.#state === 'up';
    this.#state = 'closed';
    clearTimeout(this.#wait);
    clearTimeout(this.#sweep);
    clearInterval(this.#heartbeat);
    this.#abort.abort(reason);
    for (const call of this.pending()) {
      if (reason instanceof ConnectionError) call.failWith(ConnectionError, reason.message);
      else call.fail(reason);
    }
    this.#sent.clear();
    this.#queue.clear();
    if (wasUp) this.#events.down(undefined);
    await this.#session?.end(this.#stream?.closing());
    this.#session = undefined;
  }

  // ---- connecting ------------------------------------------------------------------------------

  /** Connects on behalf of calls: a failure goes to them. */
  #begin(): void {
    this.#persistent = true;
    this.connect().catch(() => {}); // #attempt has seen to it
  }

  async #attempt(): Promise<void> {
    this.#state = 'connecting';
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const { connectTimeout, host, port } = this.#settings;
    const late = setTimeout(
      () => this.#abort.abort(new TimeoutError(`no connection to ${host}:${port} in time`)),
      connectTimeout,
    );
    try {
      const openings = this.#stream ? [this.#stream.opening()] : [];
      const { session, results } = await Session.open(this.#settings, openings, signal);
      if (signal.aborted) {
        session.destroy();
        throw signal.reason;
      }
      this.#isUp(session, results);
    } catch (error) {
      if (this.#isClosed()) throw closedError();
      this.#state = 'idle';
      this.#connecting = undefined; // who hears of this may begin the next one at once
      if (this.#persistent || this.#queue.length > 0) this.#again(error, 'failed');
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** #state as it is now: a close() may have come during an await, which narrowing does not see. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #isUp(session: Session, results: unknown[]): void {
    this.#state = 'up';
    this.#session = session;
    this.#wasUp = true;
    this.#attempts = 0;
    this.#persistent = false;
    this.#stream?.opened(results[0]);
    this.#startHeartbeat(session);
    this.#events.up();
    if (this.#isClosed()) return;
    session.start(
      (message) => this.#take(message),
      (error) => this.#lost(session, error),
      () => this.#flush(),
    );
    this.#flush();
  }

  #lost(session: Session, error: RstmdbError | undefined): void {
    if (this.#session !== session || this.#state === 'closed') return;
    this.#session = undefined;
    clearInterval(this.#heartbeat);
    const cause = error ?? new ConnectionError('the connection was closed');
    const repeat: Call[] = [];
    for (const call of this.#sent.values()) {
      const { repeatable } = call.request;
      if (repeatable && this.#settings.reconnect && call.sends < SENDS_MAX) repeat.push(call);
      else call.failWith(ConnectionError, `the connection was lost: ${cause.message}`, cause);
    }
    this.#sent.clear();
    this.#queue.unshift(repeat);
    this.#state = 'idle';
    this.#events.down(cause);
    // A listener may have closed this, or connected again.
    if ((this.#state as State) === 'idle') this.#again(cause, 'lost');
  }

  /** After a failed attempt or a loss: waits and tries again, or gives up. */
  #again(error: unknown, kind: 'failed' | 'lost'): void {
    const { reconnect, reconnectMaxAttempts } = this.#settings;
    const cause =
      error instanceof RstmdbError
        ? error
        : new ConnectionError(String((error as Error)?.message ?? error), { cause: error });
    const hopeless = kind === 'failed' && !cause.retryable;
    if (!reconnect || hopeless || this.#attempts >= reconnectMaxAttempts) {
      this.#giveUp(cause);
      return;
    }
    this.#attempts++;
    this.#state = 'waiting';
    const wait = backoffDelay(this.#settings, this.#attempts, Math.random());
    this.#wait = setTimeout(() => {
      this.#events.attempt(this.#attempts);
      if (this.#state === 'waiting') this.#begin();
    }, wait);
  }

  #giveUp(cause: RstmdbError): void {
    this.#attempts = 0;
    this.#persistent = false;
    this.#state = 'idle';
    const waiting = [...this.#queue];
    this.#queue.clear();
    for (const call of waiting) {
      if (cause instanceof ConnectionError || cause instanceof TimeoutError) {
        call.failWith(ConnectionError, cause.message, cause);
      } else {
        call.fail(cause);
      }
    }
    this.#events.gaveUp(cause);
  }

  /** A peer that is gone without a word answers no PING; then the connection is given up. */
  #startHeartbeat(session: Session): void {
    const { keepAlive } = this.#settings;
    if (keepAlive === 0) return;
    let asked = false;
    this.#heartbeat = setInterval(() => {
      if (session.heard || session.paused) {
        session.heard = false;
        asked = false;
      } else if (asked) {
        session.destroy(new ConnectionError(`no sign of life in ${2 * keepAlive} ms`));
      } else {
        asked = true;
        session.add(requestText('alive', 'PING', ''));
        session.flush();
      }
    }, keepAlive);
    this.#heartbeat.unref();
  }

  // ---- calls -----------------------------------------------------------------------------------

  /** Requests made in one turn leave in one write. Ticks run when the turn's code, or a whole round
   * of promise continuations, has ended. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(this.#onTick);
  }

  readonly #onTick = (): void => {
    this.#flushing = false;
    this.#flush();
  };

  #flush(): void {
    const session = this.#session;
    if (!session || this.#state !== 'up' || this.#queue.length === 0) return;
    session.cork();
    while (this.#sent.size < IN_FLIGHT_MAX && !session.full) {
      const call = this.#queue.shift();
      if (!call) break;
      if (call.settled) continue;
      call.sends++;
      this.#sent.set(call.id, call);
      session.add(requestText(call.id, call.request.op, call.request.params));
    }
    session.flush();
  }

  #take(message: Message): void {
    if (message.type === 'event') {
      this.#stream?.event(message);
      return;
    }
    const id = Number(message.id);
    const call = this.#sent.get(id);
    if (!call) {
      // Answers to PINGs of the heartbeat, and to calls that were forgotten.
      if (message.id === 'alive' || (id > 0 && id <= this.#lastId)) return;
      throw new ProtocolError('an answer to something that was not asked');
    }
    this.#sent.delete(id);
    if (this.#queue.length > 0) this.#flushSoon();
    if (message.status === 'ok') call.succeed(message.result);
    else if (message.error) call.failAnswered(message.error);
    else call.fail(new ProtocolError('an answer that is neither ok nor an error'));
  }

  // ---- deadlines -------------------------------------------------------------------------------

  #expireAt(deadline: number): void {
    if (deadline >= this.#sweepAt) return;
    clearTimeout(this.#sweep);
    this.#sweepAt = deadline;
    const wait = Math.max(deadline - performance.now(), SWEEP_MS);
    this.#sweep = setTimeout(() => this.#expire(), wait);
    this.#sweep.unref(); // what is pending keeps a socket or a wait, and so the process, alive
  }

  #expire(): void {
    this.#sweepAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    const late: Call[] = [];
    for (const calls of [this.#sent.values(), this.#queue]) {
      for (const call of calls) {
        if (call.deadline <= now) late.push(call);
        else if (call.deadline < next) next = call.deadline;
      }
    }
    for (const call of late) {
      this.#sent.delete(call.id);
      call.failWith(TimeoutError, `${call.request.op} was not answered in time`);
    }
    this.#queue.retain((call) => !call.settled);
    this.#flushSoon();
    if (next < Number.POSITIVE_INFINITY) this.#expireAt(next);
  }
}

function closedError(): ConnectionError {
  return new ConnectionError('the client is closed', { retryable: false });
}
