// The history of one instance as far as it is loaded, and kept at its end while the page is open.

import { signal } from '@preact/signals';
import { api, callText, KINDS, Problem } from '../api/client.ts';
import { EventStream, type StreamState } from '../api/stream.ts';
import { isObject, type Json, JsonNumber, parseJson } from '../json/parse.ts';
import { type Part, reaches, withNewest, withOlder } from '../model/history.ts';
import type { Step } from '../model/path.ts';

export interface HistoryStep extends Step {
  type: string;
  ts: number;
  machine: string | null;
  version: number | null;
  /** The context after it; null when the instance is gone. */
  ctx: Json | null;
  payload: Json | null;
  event_id: string | null;
  idempotency_key: string | null;
  actor: string | null;
}

export interface HistoryView {
  steps: HistoryStep[]; // oldest first
  /** Whether the first step is the creation. */
  complete: boolean;
  /** Whether there is more before the first step that can be loaded. */
  more: boolean;
  horizon: number;
  stream: StreamState;
  problem: Problem | null;
  loadingOlder: boolean;
}

type Page = Part<HistoryStep>;

const PAGE = 200;
const PAGES_TO_CATCH_UP = 5;
const CALM_MS = 200;

const text = (value: Json | undefined) => (typeof value === 'string' ? value : null);
const count = (value: Json | undefined) =>
  value instanceof JsonNumber ? Number(value.text) : null;

function readStep(value: Json): HistoryStep {
  const event = isObject(value) ? value : {};
  return {
    type: text(event.type) ?? '',
    wal_offset: count(event.wal_offset) ?? 0,
    ts: count(event.ts) ?? 0,
    machine: text(event.machine),
    version: count(event.version),
    from_state: text(event.from_state),
    to_state: text(event.to_state),
    event: text(event.event),
    ctx: event.ctx ?? null,
    payload: event.payload ?? null,
    event_id: text(event.event_id),
    idempotency_key: text(event.idempotency_key),
    actor: text(event.actor),
  };
}

/** A page of history as the server writes it. */
export function readPage(answer: string): Page {
  const page = parseJson(answer);
  if (!isObject(page) || !Array.isArray(page.events)) throw new Error('no page of history');
  return {
    steps: page.events.map(readStep).reverse(),
    next: page.has_more === true ? count(page.next_before_offset) : null,
    horizon: count(page.horizon) ?? 0,
    complete: page.complete === true,
  };
}

export class InstanceLive {
  readonly view = signal<HistoryView | null>(null);
  private loaded: Page = { steps: [], next: null, horizon: 0, complete: false };
  private problem: Problem | null = null;
  private state: StreamState = { name: 'connecting' };
  private stream: EventStream | null = null;
  private loadingOlder = false;
  private catching = false;
  private behind = false;
  private readonly controller = new AbortController();

  constructor(private readonly id: string) {
    void this.begin();
  }

  stop(): void {
    this.controller.abort();
    this.stream?.stop();
  }

  retryNow(): void {
    this.stream?.retryNow();
  }

  async older(): Promise<void> {
    const asked = this.loaded;
    if (asked.next === null || this.loadingOlder) return;
    this.loadingOlder = true;
    this.show();
    await this.attempt(async () => {
      const page = await this.page(asked.next);
      this.loaded = withOlder(this.loaded, asked, page);
    });
    this.loadingOlder = false;
    this.show();
  }

  private async begin(): Promise<void> {
    await this.attempt(async () => {
      this.loaded = await this.page(null);
      this.listen();
    });
    this.show();
  }

  private async page(before: number | null): Promise<Page> {
    const path = api(['instances', this.id, 'history'], { limit: PAGE, before_offset: before });
    return readPage(await callText(path, { signal: this.controller.signal }));
  }

  private listen(): void {
    const last = this.loaded.steps.at(-1);
    // Without any event left in the log the instance has not changed since it begins.
    const after = last?.wal_offset ?? Math.max(0, this.loaded.horizon - 1);
    this.stream = new EventStream({
      path: api(['instances', this.id, 'watch'], {
        kinds: KINDS,
        include_ctx: false,
        after_offset: after,
      }),
      after,
      onEvents: (events) => {
        const told = events.some((event) => !['watching', 'error'].includes(event.event));
        if (told) void this.catchUp();
      },
      onState: (state) => {
        this.state = state;
        // Compacted away while nobody listened: the history that is left begins anew.
        if (state.name === 'ended' && state.problem?.status === 410) void this.begin();
        this.show();
      },
    });
  }

  /** Reads what the stream has announced; notifications have no time, the history has. */
  private async catchUp(): Promise<void> {
    this.behind = true;
    if (this.catching) return;
    this.catching = true;
    while (this.behind && !this.controller.signal.aborted) {
      this.behind = false;
      await this.attempt(() => this.readNew());
      this.show();
      await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    }
    this.catching = false;
  }

  private async readNew(): Promise<void> {
    let newest = await this.page(null);
    // Where too much has happened to reach back, what lies before can be loaded again.
    for (let i = 1; i < PAGES_TO_CATCH_UP; i++) {
      if (newest.next === null || reaches(this.loaded, newest)) break;
      const page = await this.page(newest.next);
      newest = { ...page, steps: [...page.steps, ...newest.steps] };
    }
    this.loaded = withNewest(this.loaded, newest);
  }

  private async attempt(what: () => Promise<void>): Promise<void> {
    try {
      await what();
      this.problem = null;
    } catch (failure) {
      if (this.controller.signal.aborted) return;
      this.problem = failure instanceof Problem ? failure : new Problem(-1, '', String(failure));
    }
  }

  private show(): void {
    if (this.controller.signal.aborted) return;
    this.view.value = {
      steps: this.loaded.steps,
      complete: this.loaded.complete,
      more: this.loaded.next !== null,
      horizon: this.loaded.horizon,
      stream: this.state,
      problem: this.problem,
      loadingOlder: this.loadingOlder,
    };
  }
}
