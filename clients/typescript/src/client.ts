// The operations. A method puts the parameters together; the link does the rest.

import { randomBytes } from 'node:crypto';
import { Call, type CallOptions, type Request } from './call.js';
import { type ClientConfig, type ConnectOptions, type Settings, settingsOf } from './config.js';
import { Emitter } from './emitter.js';
import { ConnectionError, type RstmdbError } from './errors.js';
import { PAYLOAD_BYTES_MAX } from './frames.js';
import { writeAnyJson, writeJson } from './json.js';
import { Link } from './link.js';
import * as results from './results.js';
import { Subscription, watchOf } from './subscription.js';
import type * as t from './types.js';

/** What a client tells of its connection. */
export interface ClientEvents {
  /** There is a connection where there was none. */
  connect: [];
  /** There is none any more. Without an error when close() was the reason. */
  disconnect: [error: RstmdbError | undefined];
  /** Attempt number `attempt` to connect again begins. */
  reconnect: [attempt: number];
  /** The client has given up; the next call begins again. Need not be listened to. */
  error: [error: RstmdbError];
}

/** What a request has beside its parameters, at most. */
const ENVELOPE_BYTES = 128;

type Params = Record<string, unknown>;

/** Why a call may be sent again when its connection was lost, or that it may not. */
type Repeat = 'read' | 'keyed' | 'never';

function repeatOf(...writes: Params[]): Repeat {
  return writes.every((params) => params.idempotency_key !== undefined) ? 'keyed' : 'never';
}

/**
 * A client of one server. Many calls can be under way at once; those on one instance take effect in
 * the order in which they were made. A lost connection is replaced, and what is safe to repeat is
 * repeated.
 */
export class Client extends Emitter<ClientEvents> {
  readonly #settings: Settings;
  #links: Link[] = [];
  readonly #subscriptions = new Set<Subscription<t.ChangeEvent>>();
  #connectionsUp = 0;
  #nextLink = 0;
  #drained: Promise<void> | undefined; // by a drain() since the last connect()
  #state: 'new' | 'open' | 'closed' = 'new';
  // Keys are this client's own 96 random bits and a count.
  readonly #keyPrefix = `${randomBytes(12).toString('base64url')}-`;
  #keys = 0;

  /** @throws TypeError or RangeError for what no client can be made of. */
  constructor(config: ClientConfig) {
    super();
    this.#settings = settingsOf(config);
  }

  /** Makes a client and connects it, in one attempt. */
  static async connect(
    host: string,
    port?: number,
    { auth, signal, ...options }: ConnectOptions = {},
  ): Promise<Client> {
    const client = new Client({ authToken: auth, ...options, host, port });
    await client.connect({ signal });
    return client;
  }

  // ---- connection ------------------------------------------------------------------------------

  /** Connects in one attempt. Rejects with the reason; then it may be called again. */
  async connect({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.#state !== 'open') this.#open();
    // The first shows whether the server is there; the others connect when they are needed.
    const links = this.#links.filter((link, at) => at === 0 || link.isDown);
    const onAbort = () => void this.#shut();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.all(links.map((link) => link.connect()));
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Whether there is a connection right now. Calls may be made in either case. */
  isConnected(): boolean {
    return this.#connectionsUp > 0;
  }

  /** Ends subscriptions and connections. Calls without an answer fail. */
  close(): Promise<void> {
    return this.#shut();
  }

  /** Takes no new calls, waits for the answers of those under way, and closes. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#links.flatMap((link) => link.pending().map((call) => call.ended())));
    await this.#shut();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(): void {
    this.#state = 'open';
    this.#drained = undefined;
    this.#links = Array.from({ length: this.#settings.poolSize }, () => this.#newLink());
  }

  #newLink(): Link {
    return new Link(this.#settings, {
      up: () => {
        if (this.#connectionsUp++ === 0) this.emit('connect');
      },
      down: (error) => {
        if (--this.#connectionsUp === 0) this.emit('disconnect', error);
      },
      attempt: (attempt) => this.emit('reconnect', attempt),
      gaveUp: (error) => this.emit('error', error),
    });
  }

  async #shut(): Promise<void> {
    this.#state = 'closed';
    await Promise.all([
      ...[...this.#subscriptions].map((subscription) => subscription.unsubscribe()),
      ...this.#links.map((link) => link.close()),
    ]);
  }

  // ---- server ----------------------------------------------------------------------------------

  /** Resolves when the server has answered. */
  ping(options?: CallOptions): Promise<void> {
    return this.#call('PING', undefined, 'read', () => undefined, options);
  }

  info(options?: CallOptions): Promise<t.ServerInfo> {
    return this.#call('INFO', undefined, 'read', results.plain<t.ServerInfo>, options);
  }

  // ---- machines --------------------------------------------------------------------------------

  /** Registers one version of a machine. Putting the same definition again is no error. */
  putMachine(
    machine: string,
    version: number,
    definition: t.MachineDefinition,
    options: t.PutMachineOptions = {},
  ): Promise<t.PutMachineResult> {
    const params = { machine, version, definition, checksum: options.checksum };
    return this.#call('PUT_MACHINE', params, 'never', results.plain<t.PutMachineResult>, options);
  }

  /** The definition of a version, the highest when none is named. */
  getMachine(
    machine: string,
    version?: number,
    options?: CallOptions,
  ): Promise<t.GetMachineResult> {
    return this.#call('GET_MACHINE', { machine, version }, 'read', results.machineOf, options);
  }

  listMachines(options: t.ListMachinesOptions = {}): Promise<t.ListMachinesResult> {
    const { limit, offset, machine } = options;
    const params = { limit, offset, machine };
    return this.#call('LIST_MACHINES', params, 'read', results.machinesOf, options);
  }

  // ---- instances -------------------------------------------------------------------------------

  /** Creates an instance in the machine's initial state. */
  createInstance(
    machine: string,
    version: number,
    options: t.CreateInstanceOptions = {},
  ): Promise<t.CreateInstanceResult> {
    const params = this.#createParams({ ...options, machine, version });
    return this.#call('CREATE_INSTANCE', params, repeatOf(params), results.createdOf, options);
  }

  getInstance<Ctx = t.JsonObject>(
    instanceId: string,
    options?: CallOptions,
  ): Promise<t.GetInstanceResult<Ctx>> {
    const params = { instance_id: instanceId };
    return this.#call<t.GetInstanceResult<Ctx>>(
      'GET_INSTANCE',
      params,
      'read',
      results.instanceOf,
      options,
    );
  }

  /** One page of the instances, all or those of a machine or in a state. */
  listInstances(options: t.ListInstancesOptions = {}): Promise<t.ListInstancesResult> {
    const { machine, state, limit, offset, cursor } = options;
    const params = { machine, state, limit, offset, cursor };
    return this.#call('LIST_INSTANCES', params, 'read', results.instancesOf, options);
  }

  /** How many instances are in each state. Costs the same however many there are. */
  countInstances(
    machine: string,
    options: t.CountInstancesOptions = {},
  ): Promise<t.CountInstancesResult> {
    const params = { machine, version: options.version };
    return this.#call('COUNT_INSTANCES', params, 'read', results.countsOf, options);
  }

  /**
   * What has happened to an instance, newest first, as far back as the log reaches; also of one
   * that is deleted.
   */
  getHistory<Ctx = t.JsonObject>(
    instanceId: string,
    options: t.GetHistoryOptions = {},
  ): Promise<t.GetHistoryResult<Ctx>> {
    const { limit, beforeOffset, includeCtx } = options;
    const params = {
      instance_id: instanceId,
      limit,
      before_offset: beforeOffset,
      include_ctx: includeCtx,
    };
    return this.#call<t.GetHistoryResult<Ctx>>(
      'GET_HISTORY',
      params,
      'read',
      results.historyOf,
      options,
    );
  }

  /** Deletes an instance for good; its id is never used again. */
  deleteInstance(
    instanceId: string,
    options: t.KeyedOptions = {},
  ): Promise<t.DeleteInstanceResult> {
    const params = this.#deleteParams({ ...options, instanceId });
    return this.#call('DELETE_INSTANCE', params, repeatOf(params), results.deletedOf, options);
  }

  // ---- events ----------------------------------------------------------------------------------

  /** Takes the first transition for the event whose guard holds. */
  applyEvent<Ctx = t.JsonObject>(
    instanceId: string,
    event: string,
    options: t.ApplyEventOptions = {},
  ): Promise<t.ApplyEventResult<Ctx>> {
    const params = this.#applyParams(instanceId, event, options);
    return this.#call<t.ApplyEventResult<Ctx>>(
      'APPLY_EVENT',
      params,
      repeatOf(params),
      results.appliedOf,
      options,
    );
  }

  /**
   * Several writes in one request. An atomic batch happens as a whole or not at all: its first
   * failing operation is the call's error, with `details.index`.
   */
  batch<const Ops extends readonly t.BatchOperation[]>(
    operations: Ops,
    options: t.BatchOptions = {},
  ): Promise<t.BatchResult<Ops>> {
    const ops = operations.map((operation) => ({
      op: operation.op,
      params: this.#batchParams(operation),
    }));
    const params = { mode: options.mode, ops };
    const repeat = repeatOf(...ops.map((operation) => operation.params));
    return this.#call('BATCH', params, repeat, results.batchOf(operations), options);
  }

  #batchParams(operation: t.BatchOperation): Params {
    switch (operation.op) {
      case 'CREATE_INSTANCE':
        return this.#createParams(operation.params);
      case 'APPLY_EVENT': {
        const { instanceId, event } = operation.params;
        return this.#applyParams(instanceId, event, operation.params);
      }
      case 'DELETE_INSTANCE':
        return this.#deleteParams(operation.params);
    }
  }

  // ---- watch -----------------------------------------------------------------------------------

  /** Watches one instance. Resolves when the server has begun. */
  watchInstance(
    instanceId: string,
    options: t.WatchOptions & { kinds: t.ChangeKind[] },
  ): Promise<Subscription<t.ChangeEvent>>;
  watchInstance(instanceId: string, options?: t.WatchOptions): Promise<Subscription>;
  watchInstance(instanceId: string, options: t.WatchOptions = {}): Promise<unknown> {
    return this.#watch(instanceId, options);
  }

  /** Watches all instances that pass the filters. */
  watchAll(
    options: t.WatchAllOptions & { kinds: t.ChangeKind[] },
  ): Promise<Subscription<t.ChangeEvent>>;
  watchAll(options?: t.WatchAllOptions): Promise<Subscription>;
  watchAll(options: t.WatchAllOptions = {}): Promise<unknown> {
    return this.#watch(undefined, options);
  }

  /** The same as `subscription.unsubscribe()`. */
  unwatch(subscription: Pick<Subscription, 'unsubscribe'>): Promise<void> {
    return subscription.unsubscribe();
  }

  async #watch(
    instanceId: string | undefined,
    options: t.WatchAllOptions,
  ): Promise<Subscription<t.ChangeEvent>> {
    this.#refuseUnlessOpen();
    const { signal, timeout } = options;
    signal?.throwIfAborted();
    const settings = { ...this.#settings };
    if (timeout !== undefined) settings.connectTimeout = timeout;
    const watch = watchOf(instanceId, options);
    const subscription = new Subscription<t.ChangeEvent>(settings, watch, () => {
      this.#subscriptions.delete(subscription);
      signal?.removeEventListener('abort', onAbort);
    });
    const onAbort = () => subscription.end(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#subscriptions.add(subscription);
    try {
      await subscription.open();
    } catch (error) {
      await subscription.unsubscribe();
      signal?.throwIfAborted();
      throw error;
    }
    return subscription;
  }

  // ---- log and upkeep --------------------------------------------------------------------------

  /** Records of the log from `fromOffset` on; 0n is the oldest that there is. */
  walRead(fromOffset: bigint | number, options: t.WalReadOptions = {}): Promise<t.WalReadResult> {
    const params = { from_offset: fromOffset, limit: options.limit };
    return this.#call('WAL_READ', params, 'read', results.walPageOf, options);
  }

  walStats(options?: CallOptions): Promise<t.WalStats> {
    return this.#call('WAL_STATS', undefined, 'read', results.walStatsOf, options);
  }

  /** Keeps what one instance is now, as a document in the log. */
  snapshotInstance(instanceId: string, options?: CallOptions): Promise<t.SnapshotInstanceResult> {
    const params = { instance_id: instanceId };
    const decode = results.plain<t.SnapshotInstanceResult>;
    return this.#call('SNAPSHOT_INSTANCE', params, 'never', decode, options);
  }

  /** Takes a snapshot and deletes the log that it makes superfluous. */
  compact(options: t.CompactOptions = {}): Promise<t.CompactResult> {
    const params = { force_snapshot: options.forceSnapshot };
    return this.#call('COMPACT', params, 'never', results.plain<t.CompactResult>, options);
  }

  /** Removes every instance and every machine. Refused unless the server is configured for it. */
  flushAll(options?: CallOptions): Promise<t.FlushAllResult> {
    return this.#call('FLUSH_ALL', undefined, 'never', results.plain<t.FlushAllResult>, options);
  }

  // ---- calls -----------------------------------------------------------------------------------

  #key(given: string | undefined): string | undefined {
    if (given !== undefined || !this.#settings.idempotencyKeys) return given;
    return this.#keyPrefix + (++this.#keys).toString(36);
  }

  #createParams(given: t.BatchCreateInstance['params']): Params {
    return {
      machine: given.machine,
      version: given.version,
      instance_id: given.instanceId,
      initial_ctx: given.initialCtx,
      idempotency_key: this.#key(given.idempotencyKey),
    };
  }

  #applyParams(instanceId: string, event: string, given: t.ApplyEventOptions): Params {
    return {
      instance_id: instanceId,
      event,
      payload: given.payload,
      expected_state: given.expectedState,
      expected_wal_offset: given.expectedWalOffset,
      event_id: given.eventId,
      idempotency_key: this.#key(given.idempotencyKey),
    };
  }

  #deleteParams(given: t.BatchDeleteInstance['params']): Params {
    return {
      instance_id: given.instanceId,
      idempotency_key: this.#key(given.idempotencyKey),
    };
  }

  #refuseUnlessOpen(): void {
    if (this.#state === 'open' && !this.#drained) return;
    const why = this.#state === 'new' ? 'connect() has not been called' : 'the client is closed';
    throw new ConnectionError(why, { retryable: false });
  }

  #call<T>(
    op: string,
    params: Params | undefined,
    repeat: Repeat,
    decode: (result: never) => T,
    options: CallOptions | undefined,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#refuseUnlessOpen();
      const request: Request<T> = {
        op,
        params: params === undefined ? '' : this.#textOf(params),
        repeatable: repeat !== 'never',
        writes: repeat !== 'read',
        idempotencyKey: params?.idempotency_key as string | undefined,
        decode,
      };
      const timeout = options?.timeout ?? this.#settings.requestTimeout;
      const call = new Call(
        request,
        performance.now() + timeout,
        resolve as (value: unknown) => void,
        reject,
      );
      const link = this.#linkFor(params);
      const signal = options?.signal;
      if (signal) {
        signal.throwIfAborted();
        call.listen(signal, () => {
          call.fail(signal.reason);
          link.forget(call);
        });
      }
      link.submit(call);
    });
  }

  /** @throws RangeError for what no server takes: it would end the connection, and so everybody's
   * calls. */
  #textOf(params: Params): string {
    const text = this.#settings.numbers === 'exact' ? writeJson(params) : writeAnyJson(params);
    const bytesMax = PAYLOAD_BYTES_MAX - ENVELOPE_BYTES;
    if (text.length > bytesMax / 3 && Buffer.byteLength(text) > bytesMax) {
      throw new RangeError(`a request is larger than ${bytesMax} bytes`);
    }
    return text;
  }

  /** Calls on one instance keep their order because they travel on one connection; a batch goes
   * with its first operation. Calls on nothing in particular take turns. */
  #linkFor(params: Params | undefined): Link {
    const { length } = this.#links;
    if (length === 1) return this.#links[0] as Link;
    const [first] = (params?.ops as { params: Params }[] | undefined) ?? [];
    const id = params?.instance_id ?? first?.params.instance_id;
    const number = typeof id === 'string' ? hashOf(id) : this.#nextLink++;
    return this.#links[number % length] as Link;
  }
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5; // FNV-1a
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
