// A real server on a data folder of its own; survives restart().

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Client, Client as ClientClass, type ConnectOptions } from '@rstmdb/client';
import { until } from './until.js';

export const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));
export const REPOSITORY = join(PACKAGE, '../..');
const PROGRAM = process.env.RSTMDB_SERVER ?? join(REPOSITORY, 'build/release/bin/rstmdb');

export type Config = Record<string, Record<string, unknown>>;

export class Server {
  readonly folder = mkdtempSync(join(tmpdir(), 'rstmdb-ts-'));
  port = 0;
  readonly #clients: Client[] = [];
  #process: ChildProcess | undefined;
  readonly #portFile = join(this.folder, 'port');
  readonly #configFile = join(this.folder, 'config.yaml');

  private constructor(config: Config) {
    const settings: Config = {
      network: { bind_addr: '127.0.0.1:0' },
      // What a killed process has written, the kernel keeps; only a power cut would need the disk.
      storage: { data_dir: join(this.folder, 'data'), fsync_policy: 'never' },
      http: { enabled: false },
      logging: { level: 'warn', format: 'json' },
    };
    for (const [section, keys] of Object.entries(config)) {
      settings[section] = { ...settings[section], ...keys };
    }
    writeFileSync(this.#configFile, JSON.stringify(settings)); // every JSON text is YAML
  }

  /** With a test, the server and its clients end when the test does, however that is. */
  static async start(config: Config = {}, t?: TestContext): Promise<Server> {
    const server = new Server(config);
    t?.after(() => server[Symbol.asyncDispose]());
    await server.begin();
    return server;
  }

  /** Starts the program. After the first time it takes the port that it had. */
  async begin(): Promise<void> {
    rmSync(this.#portFile, { force: true });
    const output = openSync(join(this.folder, 'output'), 'a');
    const environment = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('RSTMDB_')),
    );
    if (this.port !== 0) environment.RSTMDB_BIND = `127.0.0.1:${this.port}`;
    environment.RSTMDB_CONFIG = this.#configFile;
    const child = spawn(PROGRAM, ['--port-file', this.#portFile], {
      env: environment,
      stdio: ['ignore', output, output],
    });
    this.#process = child;
    await until('the server listens', () => {
      if (child.exitCode !== null || child.pid === undefined) {
        throw new Error(`${PROGRAM} ended: ${this.output()}`);
      }
      return existsSync(this.#portFile) && readFileSync(this.#portFile, 'utf8').trim() !== '';
    });
    this.port = Number(readFileSync(this.#portFile, 'utf8'));
  }

  output(): string {
    return readFileSync(join(this.folder, 'output'), 'utf8');
  }

  /** SIGKILL, or SIGTERM, which has to end with exit code 0. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code] = await ended;
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`ended with ${code}: ${this.output()}`);
  }

  async restart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await this.end(signal);
    await this.begin();
  }

  /** A client that ends with the server at the latest. */
  async connect(options: ConnectOptions = {}, host = '127.0.0.1'): Promise<Client> {
    const client = await ClientClass.connect(host, this.port, options);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
