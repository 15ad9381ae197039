// What a client can be told, and what it does when it is told nothing.

/** TLS beyond "the system's CAs". Texts are PEM; files are read at every connect, so certificates
 * that were replaced are used from the next connection on. */
export interface TlsConfig {
  /** CAs that may have signed the server's certificate, instead of the system's. */
  ca?: string | Uint8Array | Array<string | Uint8Array> | undefined;
  /** This client's certificate and key, for mTLS. */
  cert?: string | Uint8Array | undefined;
  key?: string | Uint8Array | undefined;
  passphrase?: string | undefined;
  caFile?: string | undefined;
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** The name that the server's certificate must have; the host when missing. */
  servername?: string | undefined;
  /** false takes any certificate: whoever is in between can read and change everything. */
  rejectUnauthorized?: boolean | undefined;
}

/** Everything about a client. Only `host` is required. */
export interface ClientConfig {
  host: string;
  /** 7401 */
  port?: number | undefined;
  /** Bearer token. */
  authToken?: string | undefined;
  /** `true`: TLS with the system's CAs. */
  tls?: boolean | TlsConfig | undefined;
  /** For the server's logs. */
  clientName?: string | undefined;
  /** Milliseconds for one attempt to connect, TLS, HELLO and AUTH included: 10,000. */
  connectTimeout?: number | undefined;
  /** Milliseconds for a call, waiting for a connection and sending again included: 30,000. */
  requestTimeout?: number | undefined;
  /** Whether a lost connection is replaced: true. */
  reconnect?: boolean | undefined;
  /** Milliseconds before the first attempt; each further one waits twice as long: 1,000. */
  reconnectInterval?: number | undefined;
  /** What the wait grows to: 30,000. */
  reconnectMaxInterval?: number | undefined;
  /** Attempts before the calls that wait are failed: 10. The next call begins again. */
  reconnectMaxAttempts?: number | undefined;
  /** Which part of each wait is random, 0 to 1: 0.5. */
  reconnectJitter?: number | undefined;
  /** Connections; calls on one instance always use the same: 1. */
  poolSize?: number | undefined;
  /** Calls that may wait for a connection or a free place on it: 100,000. */
  queueMax?: number | undefined;
  /** Whether every create, event and delete is given an idempotency key: true. */
  idempotencyKeys?: boolean | undefined;
  /** Milliseconds of silence after which the server is asked for a sign of life, 0 = never:
   * 30,000. */
  keepAlive?: number | undefined;
  /** `exact`: numbers that a double cannot hold arrive as bigint or JsonNumber: `double`. */
  numbers?: 'double' | 'exact' | undefined;
  /** `jsonl` sends the same messages as lines of text, to be read with a network tool: `binary`. */
  wire?: 'binary' | 'jsonl' | undefined;
}

/** What `Client.connect` takes beside host and port. */
export interface ConnectOptions extends Omit<ClientConfig, 'host' | 'port'> {
  /** The same as `authToken`. */
  auth?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** A ClientConfig in which nothing is missing. */
export interface Settings {
  host: string;
  port: number;
  authToken: string | undefined;
  tls: TlsConfig | undefined;
  clientName: string;
  connectTimeout: number;
  requestTimeout: number;
  reconnect: boolean;
  reconnectInterval: number;
  reconnectMaxInterval: number;
  reconnectMaxAttempts: number;
  reconnectJitter: number;
  poolSize: number;
  queueMax: number;
  idempotencyKeys: boolean;
  keepAlive: number;
  numbers: 'double' | 'exact';
  wire: 'binary' | 'jsonl';
}

const TIMER_MAX_MS = 2 ** 31 - 1;

/** @throws TypeError or RangeError that names the option. */
export function settingsOf(config: ClientConfig): Settings {
  const within = (name: keyof Settings, fallback: number, min: number, max: number) => {
    const value = (config as unknown as Record<string, unknown>)[name] ?? fallback;
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      throw new RangeError(`${name} is a number from ${min} to ${max}, not ${String(value)}`);
    }
    return value;
  };
  const oneOf = <T extends string>(name: string, value: T, ...choices: T[]) => {
    if (!choices.includes(value)) {
      throw new TypeError(`${name} is ${choices.join(' or ')}, not ${String(value)}`);
    }
    return value;
  };
  if (typeof config.host !== 'string' || config.host === '') {
    throw new TypeError('host is the name or address of the server');
  }
  return {
    host: config.host,
    port: within('port', 7401, 1, 65535),
    authToken: config.authToken,
    tls: config.tls === true ? {} : config.tls || undefined,
    clientName: config.clientName ?? 'rstmdb-typescript',
    connectTimeout: within('connectTimeout', 10_000, 1, TIMER_MAX_MS),
    requestTimeout: within('requestTimeout', 30_000, 1, TIMER_MAX_MS),
    reconnect: config.reconnect ?? true,
    reconnectInterval: within('reconnectInterval', 1000, 0, TIMER_MAX_MS),
    reconnectMaxInterval: within('reconnectMaxInterval', 30_000, 0, TIMER_MAX_MS),
    reconnectMaxAttempts: within('reconnectMaxAttempts', 10, 1, Number.POSITIVE_INFINITY),
    reconnectJitter: within('reconnectJitter', 0.5, 0, 1),
    poolSize: within('poolSize', 1, 1, 1000),
    queueMax: within('queueMax', 100_000, 1, Number.POSITIVE_INFINITY),
    idempotencyKeys: config.idempotencyKeys ?? true,
    keepAlive: within('keepAlive', 30_000, 0, TIMER_MAX_MS),
    numbers: oneOf('numbers', config.numbers ?? 'double', 'double', 'exact'),
    wire: oneOf('wire', config.wire ?? 'binary', 'binary', 'jsonl'),
  };
}

/** Builds a ClientConfig step by step. */
export class ClientOptions {
  readonly #config: ClientConfig;

  private constructor(host: string) {
    this.#config = { host };
  }

  static create(host: string): ClientOptions {
    return new ClientOptions(host);
  }

  #set(part: Partial<ClientConfig>): this {
    Object.assign(this.#config, part);
    return this;
  }

  port(port: number): this {
    return this.#set({ port });
  }

  auth(token: string): this {
    return this.#set({ authToken: token });
  }

  tls(tls: boolean | TlsConfig = true): this {
    return this.#set({ tls });
  }

  /** Milliseconds. */
  timeout(times: { connect?: number; request?: number }): this {
    if (times.connect !== undefined) this.#set({ connectTimeout: times.connect });
    if (times.request !== undefined) this.#set({ requestTimeout: times.request });
    return this;
  }

  reconnect(
    how:
      | boolean
      | {
          enabled?: boolean;
          interval?: number;
          maxInterval?: number;
          maxAttempts?: number;
          jitter?: number;
        },
  ): this {
    const given = typeof how === 'boolean' ? { enabled: how } : how;
    if (given.enabled !== undefined) this.#set({ reconnect: given.enabled });
    if (given.interval !== undefined) this.#set({ reconnectInterval: given.interval });
    if (given.maxInterval !== undefined) this.#set({ reconnectMaxInterval: given.maxInterval });
    if (given.maxAttempts !== undefined) this.#set({ reconnectMaxAttempts: given.maxAttempts });
    if (given.jitter !== undefined) this.#set({ reconnectJitter: given.jitter });
    return this;
  }

  clientName(clientName: string): this {
    return this.#set({ clientName });
  }

  pool(poolSize: number): this {
    return this.#set({ poolSize });
  }

  queueMax(queueMax: number): this {
    return this.#set({ queueMax });
  }

  idempotencyKeys(idempotencyKeys: boolean): this {
    return this.#set({ idempotencyKeys });
  }

  keepAlive(milliseconds: number): this {
    return this.#set({ keepAlive: milliseconds });
  }

  numbers(numbers: 'double' | 'exact'): this {
    return this.#set({ numbers });
  }

  wire(wire: 'binary' | 'jsonl'): this {
    return this.#set({ wire });
  }

  /** @throws TypeError or RangeError for what no client can be made of. */
  build(): ClientConfig {
    settingsOf(this.#config);
    return { ...this.#config };
  }
}
