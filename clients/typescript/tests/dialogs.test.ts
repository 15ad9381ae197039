// Every conversation of protocol/vectors/dialogs with a server of its own, in each dialect that the
// client speaks, through its own frames and JSON.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Dialect } from '../src/frames.js';
import { writeJson } from '../src/json.js';
import { fill, mismatch, parseExact, type Saved } from './support/matcher.js';
import { RawConnection } from './support/raw_connection.js';
import { type Config, REPOSITORY, Server } from './support/server.js';

type Members = Record<string, unknown>;
interface Exchange {
  send: Members;
  expect: unknown;
}
interface Step extends Partial<Exchange> {
  payload?: string;
  pipeline?: Exchange[];
  event?: unknown;
  no_event?: true;
  restart?: 'kill' | 'stop';
  reconnect?: true;
  closed?: true;
}
interface Dialog {
  name: string;
  dialects?: Dialect[];
  server?: { config: Config };
  steps: Step[];
}

class Conversation {
  readonly #server: Server;
  readonly #dialect: Dialect;
  readonly #saved: Saved;
  #connection: RawConnection | undefined;
  #events: Members[] = [];
  #lastId = 0;

  constructor(server: Server, dialect: Dialect) {
    this.#server = server;
    this.#dialect = dialect;
    this.#saved = new Map([['wire_mode', dialect === 'jsonl' ? 'jsonl' : 'binary_json']]);
  }

  async hold(steps: Step[]): Promise<void> {
    await this.#connect();
    for (const [at, step] of steps.entries()) {
      try {
        await this.#step(step);
      } catch (error) {
        (error as Error).message = `step ${at + 1}: ${(error as Error).message}`;
        throw error;
      }
    }
    this.#connection?.close();
    await this.#server.end('SIGTERM');
  }

  async #connect(): Promise<void> {
    this.#connection?.close();
    this.#connection = await RawConnection.open(this.#server.port, this.#dialect);
    this.#events = [];
  }

  async #step(step: Step): Promise<void> {
    if (step.send) {
      const answer = await this.#answerTo(this.#send(step.send));
      this.#check(step.expect, answer);
      this.#followWireMode(step.send, answer);
    } else if (step.pipeline) {
      await this.#pipeline(step.pipeline);
    } else if (step.payload !== undefined) {
      this.#connection?.send(fill(step.payload, this.#saved) as string);
      this.#check(step.expect, await this.#message());
    } else if (step.event) {
      this.#check(step.event, this.#events.shift() ?? (await this.#message()));
    } else if (step.no_event) {
      await this.#answerTo(this.#send({ op: 'PING' }));
      assert.deepEqual(this.#events, []);
    } else if (step.restart) {
      await this.#server.restart(step.restart === 'kill' ? 'SIGKILL' : 'SIGTERM');
      await this.#connect();
    } else if (step.reconnect) {
      await this.#connect();
    } else {
      assert.ok(step.closed, `unknown step ${Object.keys(step).join()}`);
      assert.equal(await this.#connection?.receive(), undefined);
    }
  }

  #send(request: Members): string {
    const id = String(++this.#lastId);
    const filled = fill(request, this.#saved) as Members;
    this.#connection?.send(writeJson({ type: 'request', id, ...filled }));
    return id;
  }

  async #message(): Promise<Members> {
    const payload = await this.#connection?.receive();
    assert.ok(payload !== undefined, 'the server closed the connection');
    return parseExact(payload) as Members;
  }

  /** The next message that is no event; events before it are kept. */
  async #answer(): Promise<Members> {
    for (;;) {
      const message = await this.#message();
      if (message.type !== 'event') return message;
      this.#events.push(message);
    }
  }

  async #answerTo(id: string): Promise<Members> {
    const answer = await this.#answer();
    assert.deepEqual([answer.type, answer.id], ['response', id]);
    return answer;
  }

  async #pipeline(exchanges: Exchange[]): Promise<void> {
    const expected = new Map(exchanges.map(({ send, expect }) => [this.#send(send), expect]));
    const answers = new Map<string, Members>();
    while (answers.size < expected.size) {
      const answer = await this.#answer();
      const id = answer.id as string;
      assert.ok(expected.has(id) && !answers.has(id), `an answer to nothing: ${id}`);
      answers.set(id, answer);
    }
    for (const [id, wanted] of expected) this.#check(wanted, answers.get(id) as Members);
  }

  #check(expected: unknown, answer: Members): void {
    const problem = mismatch(expected, answer, this.#saved);
    assert.equal(problem, undefined, `${problem}; in ${writeJson(answer).slice(0, 1000)}`);
  }

  #followWireMode(request: Members, answer: Members): void {
    if (request.op !== 'HELLO' || answer.status !== 'ok') return;
    if ((answer.result as Members).wire_mode === 'jsonl') this.#connection?.switchTo('jsonl');
  }
}

const FOLDER = join(REPOSITORY, 'protocol/vectors/dialogs');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
assert.ok(files.length > 40, 'the dialogs are there');

describe('dialogs', { concurrency: 4 }, () => {
  for (const file of files) {
    const text = readFileSync(join(FOLDER, file), 'utf8');
    const dialog = parseExact(text) as Dialog;
    for (const dialect of dialog.dialects ?? (['rcpx', 'jsonl'] as const)) {
      test(`${dialog.name} (${dialect})`, async () => {
        const config = JSON.parse(text).server?.config ?? {};
        const server = await Server.start(config);
        try {
          await new Conversation(server, dialect).hold(dialog.steps);
        } finally {
          await server[Symbol.asyncDispose]();
        }
      });
    }
  }
});
