// A watch: a connection of its own, so that a program that is slow in taking events holds up
// nothing else. What is not taken stays in the server's log: beyond EVENTS_MAX the socket is not
// read.
//
// After a lost connection the watch is asked for again from behind the last event that arrived, so
// there is neither gap nor repetition.

import type { Settings } from './config.js';
import { Emitter } from './emitter.js';
import type { RstmdbError } from './errors.js';
import { writeAnyJson } from './json.js';
import { Link } from './link.js';
import { Queue } from './queue.js';
import { changeOf } from './results.js';
import type { Message, Opening } from './session.js';
import type { ChangeEvent, StreamEvent, WatchAllOptions, WatchOptions } from './types.js';

/** Events that wait here for the program; the chunk in which the last came may bring more. */
const EVENTS_MAX = 1024;

export interface SubscriptionEvents<Event> {
  event: [event: Event];
  /** The watch is on again after a lost connection. */
  connect: [];
  disconnect: [error: RstmdbError | undefined];
  reconnect: [attempt: number];
  /** It cannot go on; `end` follows. */
  error: [error: Error];
  end: [];
}

/** What is watched. */
export interface Watch {
  op: 'WATCH_INSTANCE' | 'WATCH_ALL';
  params: Record<string, unknown>;
  fromOffset: number | bigint | undefined;
  afterOffset: number | bigint | undefined;
}

export function watchOf(
  instanceId: string | undefined,
  options: WatchAllOptions & WatchOptions,
): Watch {
  const { includeCtx, kinds, machines, events, fromStates, toStates } = options;
  const shared = { include_ctx: includeCtx, kinds };
  return {
    op: instanceId === undefined ? 'WATCH_ALL' : 'WATCH_INSTANCE',
    params:
      instanceId === undefined
        ? { machines, events, from_states: fromStates, to_states: toStates, ...shared }
        : { instance_id: instanceId, ...shared },
    fromOffset: options.fromOffset,
    afterOffset: options.afterOffset,
  };
}

interface Opened {
  subscription_id: string;
  /** WATCH_INSTANCE */
  current_state?: string;
  current_wal_offset?: number;
  deleted?: boolean;
  /** WATCH_ALL */
  wal_offset?: number;
}

type Taker<Event> = {
  resolve: (result: IteratorResult<Event, undefined>) => void;
  reject: (reason: unknown) => void;
};

/** Events of one watch: iterate over it, or listen to `event`. */
export class Subscription<Event extends ChangeEvent = StreamEvent>
  extends Emitter<SubscriptionEvents<Event>>
  implements AsyncIterable<Event>
{
  readonly #link: Link;
  readonly #watch: Watch;
  readonly #events = new Queue<Event>();
  readonly #takers = new Queue<Taker<Event>>();
  readonly #onEnd: () => void;
  #first: Opened | undefined;
  #id = '';
  #next: number | undefined; // the first offset that has not come yet
  #lastOffset = 0;
  #iterating = false;
  #ended = false;
  #reason: Error | undefined; // why it ended, until somebody has been told
  #flowing = false;

  /** @internal Use Client.watchInstance or Client.watchAll. */
  constructor(settings: Settings, watch: Watch, onEnd: () => void) {
    super();
    this.#watch = watch;
    this.#onEnd = onEnd;
    this.#link = new Link(
      settings,
      {
        up: () => this.emit('connect'),
        down: (error) => this.#ended || this.emit('disconnect', error),
        attempt: (attempt) => this.emit('reconnect', attempt),
        gaveUp: (error) => this.end(error),
      },
      {
        opening: () => this.#opening(),
        closing: () => ({
          op: 'UNWATCH',
          params: writeAnyJson({ subscription_id: this.#id }),
        }),
        opened: (result) => this.#opened(result as Opened),
        event: (message) => this.#arrived(message),
      },
    );
  }

  /** Names it on the server; another one after each reconnect. */
  get id(): string {
    return this.#id;
  }

  /** WATCH_INSTANCE: the state that the first event leads out of. */
  get startState(): string | undefined {
    return this.#first?.current_state;
  }

  /** WATCH_INSTANCE: whether the instance had been deleted by then. A watch of it from an offset
   * tells the rest of its changes, and nothing behind them. */
  get startDeleted(): boolean {
    return this.#first?.deleted === true;
  }

  /** Where the log, or the instance, was when the watch began. */
  get startOffset(): number {
    return this.#first?.wal_offset ?? this.#first?.current_wal_offset ?? 0;
  }

  /** The `walOffset` of the last event that was handed out, 0 before: `afterOffset` of a watch that
   * goes on elsewhere. */
  get lastOffset(): number {
    return this.#lastOffset;
  }

  /** Whether no more events will come. */
  get closed(): boolean {
    return this.#ended;
  }

  /** @internal */
  open(): Promise<void> {
    return this.#link.connect();
  }

  /** Ends the watch. Events that have not been taken are dropped. */
  async unsubscribe(): Promise<void> {
    this.#events.clear();
    this.#finish(undefined);
    await this.#link.close();
  }

  /** @internal Ends it for a reason that the program is told of. */
  end(reason: Error): void {
    this.#finish(reason);
    void this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  /** Leaving the loop ends the watch. Several loops share the events. */
  [Symbol.asyncIterator](): AsyncIterator<Event, undefined> {
    this.#iterating = true;
    return {
      next: () => this.#take(),
      return: async () => {
        await this.unsubscribe();
        return { done: true, value: undefined };
      },
    };
  }

  // ---- from the link ---------------------------------------------------------------------------

  #opening(): Opening {
    const { op, params, fromOffset, afterOffset } = this.#watch;
    const where =
      this.#next === undefined
        ? { from_offset: fromOffset, after_offset: afterOffset }
        : { from_offset: this.#next };
    return { op, params: writeAnyJson({ ...params, ...where }) };
  }

  #opened(result: Opened): void {
    this.#id = result.subscription_id;
    this.#first ??= result;
    if (this.#next !== undefined) return;
    const { fromOffset, afterOffset } = this.#watch;
    this.#next =
      fromOffset === undefined ? Number(afterOffset ?? this.startOffset) + 1 : Number(fromOffset);
  }

  #arrived(message: Message): void {
    const event = changeOf(message) as Event;
    if (this.#ended) return;
    if (this.#next !== undefined && event.walOffset < this.#next) return;
    this.#next = event.walOffset + 1;
    this.#deliver(event);
  }

  // ---- to the program --------------------------------------------------------------------------

  #deliver(event: Event): void {
    if (this.#flowing) {
      this.#lastOffset = event.walOffset;
      this.emit('event', event);
      if (!this.#iterating || this.#ended) return;
    }
    const taker = this.#takers.shift();
    if (taker) {
      this.#lastOffset = event.walOffset;
      taker.resolve({ done: false, value: event });
      return;
    }
    this.#events.push(event);
    if (this.#events.length >= EVENTS_MAX) this.#link.pause();
  }

  #take(): Promise<IteratorResult<Event, undefined>> {
    const event = this.#events.shift();
    if (event) {
      this.#lastOffset = event.walOffset;
      if (this.#events.length === EVENTS_MAX / 2) this.#link.resume();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#reason) {
      const reason = this.#reason;
      this.#reason = undefined;
      return Promise.reject(reason);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  /** With a listener, events are handed out as they come; those that waited go first. */
  protected override listening(name: keyof SubscriptionEvents<Event>): void {
    if (name !== 'event' || this.#flowing) return;
    process.nextTick(() => {
      this.#flowing = true;
      if (this.#iterating) return; // the loop takes what has come before the listener
      for (let event = this.#events.shift(); event; event = this.#events.shift()) {
        this.#lastOffset = event.walOffset;
        this.emit('event', event);
      }
      this.#link.resume();
    });
  }

  #finish(reason: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    this.#onEnd();
    for (let taker = this.#takers.shift(); taker; taker = this.#takers.shift()) {
      if (this.#reason) {
        taker.reject(this.#reason);
        this.#reason = undefined;
      } else {
        taker.resolve({ done: true, value: undefined });
      }
    }
    if (reason) this.emit('error', reason);
    this.emit('end');
  }
}
