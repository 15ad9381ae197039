// What the live picture of a machine shows: counts from one answer, moved by a stream that begins
// exactly where they stand. When the stream falls too far behind it is given up for fresh counts.

import { signal } from '@preact/signals';
import { api, call, KINDS, Problem } from '../api/client.ts';
import type { Notification, StateCounts } from '../api/shapes.ts';
import type { SseEvent } from '../api/sse.ts';
import { EventStream, type StreamState } from '../api/stream.ts';
import { Counts } from '../model/counts.ts';
import { edgeKey } from '../model/definition.ts';
import { Flow } from '../model/flow.ts';
import { Lag } from '../model/lag.ts';

export interface LiveView {
  counts: Map<string, number>;
  total: number;
  offset: number;
  /** Events a second, by edge. */
  rates: Map<string, number>;
  lag: number;
  stream: StreamState;
  problem: Problem | null;
  /** When the stream was too slow last, and how many records of the log were passed over. */
  jump: { at: number; records: number } | null;
}

const LAG_MAX_S = 3;
const DRAW_MS = 100;
const SAMPLE_MS = 1000;
const AGAIN_MS = 2000;

export class MachineLive {
  readonly view = signal<LiveView | null>(null);
  private readonly counts = new Counts();
  private readonly flow = new Flow();
  private readonly lag = new Lag();
  private stream: EventStream | null = null;
  private state: StreamState = { name: 'connecting' };
  private problem: Problem | null = null;
  private jump: LiveView['jump'] = null;
  private stopped = false;
  private loading = false;
  private drawn = 0;
  private frame = 0;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly machine: string,
    private readonly version: number,
    private readonly onEvent: (edge: string) => void,
  ) {
    void this.begin();
    this.timer = setInterval(() => void this.sample(), SAMPLE_MS);
  }

  stop(): void {
    this.stopped = true;
    this.stream?.stop();
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
  }

  retryNow(): void {
    this.stream?.retryNow();
  }

  /** Fresh counts, and a stream from where they stand. */
  private async begin(): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    this.stream?.stop();
    this.stream = null;
    try {
      const path = api(['machines', this.machine, 'counts'], { version: this.version });
      const fresh = await call<StateCounts>(path);
      if (this.stopped) return;
      if (this.jump !== null && this.jump.records === 0) {
        this.jump.records = Math.max(0, fresh.wal_offset - this.counts.offset);
      }
      this.counts.reset(fresh.states, fresh.wal_offset);
      this.lag.clear();
      this.problem = null;
      this.listen(fresh.wal_offset);
    } catch (failure) {
      if (this.stopped) return;
      this.problem = failure instanceof Problem ? failure : new Problem(-1, '', String(failure));
      if (this.problem.lost || this.problem.status >= 429) this.beginAgain(this.problem);
    } finally {
      this.loading = false;
    }
    this.draw();
  }

  private listen(after: number): void {
    const path = api(['watch'], {
      machines: [this.machine],
      kinds: KINDS,
      include_ctx: false,
      after_offset: after,
    });
    this.stream = new EventStream({
      path,
      after,
      onEvents: (events) => this.take(events),
      onState: (state) => {
        this.state = state;
        if (state.name === 'ended' && state.problem !== null) this.beginAgain(state.problem);
        this.draw();
      },
    });
  }

  /** The log is compacted behind us, or cannot be read: fresh counts do not need what is gone. */
  private beginAgain(problem: Problem): void {
    if (problem.status === 410) {
      void this.begin();
      return;
    }
    this.problem = problem;
    setTimeout(() => this.stopped || void this.begin(), AGAIN_MS);
  }

  private take(events: SseEvent[]): void {
    const now = performance.now();
    let last = 0;
    for (const event of events) {
      if (event.event === 'watching' || event.event === 'error') continue;
      const told = JSON.parse(event.data) as Notification;
      last = told.wal_offset;
      if (told.version !== this.version || !this.counts.apply(told)) continue;
      if (told.from_state === null || told.to_state === null || told.event === null) continue;
      const key = edgeKey(told.from_state, told.event, told.to_state);
      this.flow.add(key, now);
      this.onEvent(key);
    }
    if (last > 0) this.lag.arrived(last, now);
    if (!this.counts.possible) void this.begin();
    if (this.lag.value > LAG_MAX_S) {
      this.jump = { at: Date.now(), records: 0 };
      void this.begin();
    }
    this.draw();
  }

  private async sample(): Promise<void> {
    this.draw(); // rates fall when nothing comes
    if (this.state.name !== 'live' || document.hidden) return;
    try {
      const stats = await call<{ latest_offset: number | null }>(api(['stats']));
      this.lag.sample(stats.latest_offset ?? 0, performance.now());
    } catch {
      // The stream will tell.
    }
  }

  /** Once for all that happens until the next frame, and not more often than anybody can read. */
  private draw(): void {
    if (this.frame !== 0 || this.stopped) return;
    const wait = (now: number) => {
      if (now - this.drawn < DRAW_MS) {
        this.frame = requestAnimationFrame(wait);
        return;
      }
      this.frame = 0;
      this.drawn = now;
      if (this.counts.offset === 0 && this.problem === null && this.stream === null) return;
      this.view.value = {
        counts: this.counts.byState(),
        total: this.counts.total,
        offset: this.counts.offset,
        rates: this.flow.rates(now),
        lag: this.lag.value,
        stream: this.state,
        problem: this.problem,
        jump: this.jump,
      };
    };
    this.frame = requestAnimationFrame(wait);
  }
}
