// The live stream: what happens, newest last, in a list that is bounded however much it is.

import { signal } from '@preact/signals';
import { api, call, type Problem } from '../api/client.ts';
import type { Notification } from '../api/shapes.ts';
import type { SseEvent } from '../api/sse.ts';
import { EventStream, type StreamState } from '../api/stream.ts';
import { Flow } from '../model/flow.ts';
import { Lag } from '../model/lag.ts';

export type TailFilter = Partial<
  Record<'machines' | 'events' | 'from_states' | 'to_states' | 'kinds', string[]>
>;

/** A line of the list: a notification, or a place where some have been left out. */
export interface Line {
  offset: number;
  at: number; // when it was read, Date.now()
  told: Notification | null;
  text: string;
}

export interface TailView {
  lines: Line[]; // newest first
  seen: number;
  rate: number;
  lag: number;
  head: number;
  offset: number;
  paused: boolean;
  stream: StreamState;
  problem: Problem | null;
}

export const LINES_MAX = 300;
const LAG_MAX_S = 3;
const DRAW_MS = 200;

export class Tail {
  readonly view = signal<TailView | null>(null);
  private lines: Line[] = [];
  private seen = 0;
  private head = 0;
  private offset = 0;
  private paused = false;
  private readonly flow = new Flow();
  private readonly lag = new Lag();
  private stream: EventStream | null = null;
  private state: StreamState = { name: 'connecting' };
  private problem: Problem | null = null;
  private drawn = 0;
  private frame = 0;
  private readonly timer: ReturnType<typeof setInterval>;

  /** `after` null: what is new. A stream from the past is read whole, however far behind. */
  constructor(
    private readonly filter: TailFilter,
    private after: number | null,
  ) {
    this.listen(after);
    this.timer = setInterval(() => void this.sample(), 1000);
  }

  stop(): void {
    this.stream?.stop();
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    this.frame = -1;
  }

  retryNow(): void {
    this.stream?.retryNow();
  }

  /** Stops reading where it is; going on takes up behind the last line. */
  pause(): void {
    this.paused = true;
    this.offset = this.stream?.offset ?? this.offset;
    this.stream?.stop();
    this.draw();
  }

  goOn(): void {
    this.paused = false;
    this.after = this.offset;
    this.lag.clear();
    this.listen(this.offset === 0 ? null : this.offset);
  }

  private listen(after: number | null): void {
    this.problem = null;
    this.stream = new EventStream({
      path: api(['watch'], { ...this.filter, after_offset: after }),
      after,
      onEvents: (events) => this.take(events),
      onState: (state) => {
        this.state = state;
        if (state.name === 'ended') this.problem = state.problem;
        this.draw();
      },
    });
  }

  private take(events: SseEvent[]): void {
    const told = events.filter((event) => event.event !== 'watching' && event.event !== 'error');
    const at = Date.now();
    const now = performance.now();
    const last = events[events.length - 1];
    if (last?.id) this.offset = Number(last.id);
    if (told.length > 0) {
      this.seen += told.length;
      this.flow.add('', now, told.length);
      this.lag.arrived(this.offset, now);
      // What would be pushed out of the list at once is counted, and not even looked at.
      for (const event of told.slice(-LINES_MAX)) {
        this.lines.push({ offset: Number(event.id), at, told: null, text: event.data });
      }
      if (this.lines.length > LINES_MAX) this.lines = this.lines.slice(-LINES_MAX);
    }
    if (this.after === null && this.lag.value > LAG_MAX_S) this.jump();
    this.draw();
  }

  /** Goes to the end of the log and says so. */
  private jump(): void {
    const passed = Math.max(0, this.head - this.offset);
    const words = `about ${passed} records passed over: more than can be read here`;
    this.lines.push({ offset: this.offset, at: Date.now(), told: null, text: words });
    this.stream?.stop();
    this.lag.clear();
    this.listen(null);
  }

  private async sample(): Promise<void> {
    this.draw();
    if (this.state.name !== 'live' || this.paused || document.hidden) return;
    try {
      const stats = await call<{ latest_offset: number | null }>(api(['stats']));
      this.head = stats.latest_offset ?? 0;
      this.lag.sample(this.head, performance.now());
    } catch {
      // The stream will tell.
    }
  }

  private draw(): void {
    if (this.frame !== 0) return;
    const wait = (now: number) => {
      if (now - this.drawn < DRAW_MS) {
        this.frame = requestAnimationFrame(wait);
        return;
      }
      this.frame = 0;
      this.drawn = now;
      for (const line of this.lines) {
        if (line.told === null && line.text.startsWith('{')) line.told = JSON.parse(line.text);
      }
      this.view.value = {
        lines: [...this.lines].reverse(),
        seen: this.seen,
        rate: this.flow.rates(now).get('') ?? 0,
        lag: this.lag.value,
        head: this.head,
        offset: this.offset,
        paused: this.paused,
        stream: this.state,
        problem: this.problem,
      };
    };
    this.frame = requestAnimationFrame(wait);
  }
}
