// A watch that goes on: reads server-sent events, and after a lost connection takes up behind the
// last one (Last-Event-ID), so that nothing is missing and nothing comes twice.

import { headers, type Problem, problemOf, reachable, readProblem, session } from './client.ts';
import { type SseEvent, SseParser } from './sse.ts';

export type StreamState =
  | { name: 'connecting' }
  | { name: 'live' }
  /** Lost; the next attempt is at `until` (ms, as Date.now). */
  | { name: 'waiting'; until: number; why: string }
  /** Ended for good: by stop(), or by a problem that another attempt would meet again. */
  | { name: 'ended'; problem: Problem | null };

export interface StreamOptions {
  path: string;
  /** Everything behind this offset is wanted; null: what is new. */
  after: number | null;
  onEvents(events: SseEvent[]): void;
  onState(state: StreamState): void;
}

const WAIT_MS = { first: 1000, most: 10_000 };
const SILENCE_MS = 40_000; // the server sends a heartbeat every 15 s

interface End {
  problem: Problem | null;
  /** By the stream itself, as its last event: the log cannot be read on. */
  told: boolean;
}

export class EventStream {
  private position: string | null;
  private controller = new AbortController();
  private stopped = false;
  private failures = 0;
  private firstWait = WAIT_MS.first; // until the server says otherwise
  private wake: (() => void) | null = null;

  constructor(private readonly options: StreamOptions) {
    this.position = options.after === null ? null : String(options.after);
    void this.run();
  }

  /** Offset of the last event, or where the stream began. */
  get offset(): number | null {
    return this.position === null ? null : Number(this.position);
  }

  stop(): void {
    this.stopped = true;
    this.controller.abort();
    this.wake?.();
  }

  /** Does not wait for the next attempt. */
  retryNow(): void {
    this.wake?.();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.options.onState({ name: 'connecting' });
      const end = await this.connection();
      if (this.stopped) return;
      if (end.problem !== null && (end.told || !isPassing(end.problem))) {
        this.stopped = true;
        this.options.onState({ name: 'ended', problem: end.problem });
        return;
      }
      await this.pause(end.problem?.message ?? 'the connection was lost');
    }
  }

  /** One connection from its beginning to its end. */
  private async connection(): Promise<End> {
    this.controller = new AbortController();
    const watchdog = new Watchdog(SILENCE_MS, () => this.controller.abort());
    const began = session.peek();
    try {
      const resume: Record<string, string> = { Accept: 'text/event-stream' };
      if (this.position !== null) resume['Last-Event-ID'] = this.position;
      const response = await fetch(this.options.path, {
        headers: headers(resume),
        signal: this.controller.signal,
        cache: 'no-store',
        credentials: 'omit',
      });
      reachable.value = true;
      if (!response.ok || response.body === null)
        return { problem: await problemOf(response, began), told: false };
      this.options.onState({ name: 'live' });
      return { problem: await this.read(response.body, watchdog), told: true };
    } catch (failure) {
      // fetch and its reader say so of a lost connection, and of one that we have given up.
      if (!(failure instanceof TypeError || failure instanceof DOMException)) throw failure;
      if (!this.stopped) reachable.value = false;
    } finally {
      watchdog.stop();
      this.controller.abort();
    }
    return { problem: null, told: false };
  }

  /** The problem that the stream ended with, if it told one. */
  private async read(body: ReadableStream<Uint8Array>, watchdog: Watchdog) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser();
    const rest = new Rest();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.stopped) return null;
      watchdog.seen();
      const events = parser.push(decoder.decode(value, { stream: true }));
      if (events.length === 0) continue;
      this.failures = 0;
      this.firstWait = parser.retry ?? this.firstWait;
      for (const event of events) {
        // The first event says where the stream stands; behind a position it is that position.
        if (event.id !== null && (event.event !== 'watching' || this.position === null)) {
          this.position = event.id;
        }
      }
      this.options.onEvents(events);
      const last = events[events.length - 1];
      if (last?.event === 'error') return readProblem(last.data, 500);
      await rest.taken();
      if (this.stopped) return null;
    }
  }

  private async pause(why: string): Promise<void> {
    const most = Math.min(this.firstWait * 2 ** this.failures++, WAIT_MS.most);
    const wait = most * (0.75 + Math.random() / 2);
    this.options.onState({ name: 'waiting', until: Date.now() + wait, why });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = null;
  }
}

/** Whether the same request may succeed later. */
function isPassing(problem: Problem): boolean {
  return problem.status === 429 || problem.status >= 500 || problem.status === 408;
}

class Watchdog {
  private timer: ReturnType<typeof setTimeout>;

  constructor(
    private readonly ms: number,
    private readonly bark: () => void,
  ) {
    this.timer = setTimeout(bark, ms);
  }

  seen(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.bark, this.ms);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

const SLICE_MS = 8;

/**
 * Gives the page time of its own. Under a flood there is always more to read, and reading resumes
 * by microtasks, which starve drawing and keys: after each slice the turn goes to the event loop.
 */
class Rest {
  private sliceEnd = performance.now() + SLICE_MS;

  async taken(): Promise<void> {
    if (performance.now() < this.sliceEnd) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.sliceEnd = performance.now() + SLICE_MS;
  }
}
