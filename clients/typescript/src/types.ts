// What operations take and give. Offsets fit a double exactly (the protocol keeps them below 2^53).

import type { CallOptions } from './call.js';
import type { RstmdbError } from './errors.js';

/** A context or payload. With `numbers: 'exact'` numbers in it may be bigint or JsonNumber. */
export type JsonObject = Record<string, unknown>;

// ---- machines -----------------------------------------------------------------------------------

export interface Transition {
  from: string | string[];
  event: string;
  to: string;
  /** For example `ctx.amount > 0 && !ctx.blocked`; sees the context as it was before the event. */
  guard?: string | null;
  meta?: object | null;
}

export interface MachineDefinition {
  states: string[];
  initial: string;
  /** Several may share state and event: the first whose guard holds is taken. */
  transitions: Transition[];
  meta?: object | null;
}

export interface PutMachineOptions extends CallOptions {
  /** SHA-256 in hex that the canonical definition must have. */
  checksum?: string | undefined;
}

export interface PutMachineResult {
  machine: string;
  version: number;
  /** SHA-256 in hex of the canonical definition. */
  storedChecksum: string;
  /** false when the same definition was there already. */
  created: boolean;
}

export interface GetMachineResult {
  machine: string;
  version: number;
  /** In canonical form: `from` is always an array. */
  definition: MachineDefinition;
  checksum: string;
}

export interface ListMachinesOptions extends CallOptions {
  /** 1 to 1000, which is also the default. */
  limit?: number | undefined;
  offset?: number | undefined;
  /** Only this one. */
  machine?: string | undefined;
}

export interface ListMachinesResult {
  items: { machine: string; versions: number[] }[];
  total: number;
  hasMore: boolean;
}

// ---- instances ----------------------------------------------------------------------------------

export interface KeyedOptions extends CallOptions {
  /** Instead of the one that the client makes. Calls with the same key take effect once. */
  idempotencyKey?: string | undefined;
}

export interface CreateInstanceOptions extends KeyedOptions {
  /** The server makes a UUID when it is missing. */
  instanceId?: string | undefined;
  initialCtx?: object | undefined;
}

export interface CreateInstanceResult {
  instanceId: string;
  state: string;
  walOffset: number;
}

export interface GetInstanceResult<Ctx = JsonObject> {
  instanceId: string;
  machine: string;
  version: number;
  state: string;
  ctx: Ctx;
  lastEventId?: string;
  lastWalOffset: number;
  /** Unix time in milliseconds. */
  createdAt: number;
  updatedAt: number;
}

export interface ListInstancesOptions extends CallOptions {
  machine?: string | undefined;
  state?: string | undefined;
  /** 1 to 1000: 100. */
  limit?: number | undefined;
  offset?: number | undefined;
  /** `nextCursor` of the page before. A page costs the same wherever it is. */
  cursor?: string | undefined;
}

export interface InstanceSummary {
  instanceId: string;
  machine: string;
  version: number;
  state: string;
  createdAt: number;
  updatedAt: number;
  lastWalOffset: number;
}

export interface ListInstancesResult {
  instances: InstanceSummary[];
  total: number;
  hasMore: boolean;
  nextCursor: string | null;
}

export interface CountInstancesOptions extends CallOptions {
  /** Only this version's instances and states; of all versions when it is missing. */
  version?: number | undefined;
}

export interface CountInstancesResult {
  machine: string;
  version?: number;
  /** Every state of the definition with its number of instances, 0 included. */
  states: Record<string, number>;
  total: number;
  /** Of the last record that is counted. */
  walOffset: number;
}

export interface GetHistoryOptions extends CallOptions {
  /** 1 to 1000: 100. */
  limit?: number | undefined;
  /** Only events before this offset: `nextBeforeOffset` of the page before. */
  beforeOffset?: number | bigint | undefined;
  /** Whether events carry the context after them: true. */
  includeCtx?: boolean | undefined;
}

interface HistoryEventBase {
  walOffset: number;
  /** Unix time in milliseconds. */
  ts: number;
  idempotencyKey?: string;
  /** Who did it, where the server knows. */
  actor?: string;
  /** Its place in an atomic batch, and how many records that has. */
  batchIndex?: number;
  batchSize?: number;
}

export type HistoryEvent<Ctx = JsonObject> =
  | (HistoryEventBase & {
      type: 'create_instance';
      machine: string;
      version: number;
      toState: string;
      ctx?: Ctx;
    })
  | (HistoryEventBase & {
      type: 'apply_event';
      event: string;
      fromState: string;
      toState: string;
      payload: JsonObject;
      eventId?: string;
      /** After the event; missing with `includeCtx: false`. */
      ctx?: Ctx;
    })
  | (HistoryEventBase & { type: 'delete_instance'; fromState?: string });

/** A page of a history; iterating over it gives its events. */
export interface GetHistoryResult<Ctx = JsonObject> extends Iterable<HistoryEvent<Ctx>> {
  instanceId: string;
  /** Newest first. */
  events: HistoryEvent<Ctx>[];
  hasMore: boolean;
  /** Where the next page begins; missing when there is none. */
  nextBeforeOffset?: number;
  /** The first offset that the log still has. */
  horizon: number;
  /** Whether the page reaches back to the creation. */
  complete: boolean;
}

export interface DeleteInstanceResult {
  instanceId: string;
  deleted: boolean;
  walOffset: number;
}

// ---- events -------------------------------------------------------------------------------------

export interface ApplyEventOptions extends KeyedOptions {
  /** Merged into the context, member by member. */
  payload?: object | undefined;
  /** Refuse unless the instance is in this state. */
  expectedState?: string | undefined;
  /** Refuse unless the instance's last record has this offset. */
  expectedWalOffset?: number | bigint | undefined;
  /** Your own id for the event, kept with the instance. */
  eventId?: string | undefined;
}

export interface ApplyEventResult<Ctx = JsonObject> {
  fromState: string;
  toState: string;
  /** After the event. */
  ctx: Ctx;
  walOffset: number;
  /** false when the idempotency key had been used before: all else is the first answer. */
  applied: boolean;
  eventId?: string;
}

// ---- batch --------------------------------------------------------------------------------------

/** What an operation inside a batch may say: all but how long to wait. */
export type WithoutCall<T> = Omit<T, keyof CallOptions>;

export interface BatchCreateInstance {
  op: 'CREATE_INSTANCE';
  params: { machine: string; version: number } & WithoutCall<CreateInstanceOptions>;
}

export interface BatchApplyEvent {
  op: 'APPLY_EVENT';
  params: { instanceId: string; event: string } & WithoutCall<ApplyEventOptions>;
}

export interface BatchDeleteInstance {
  op: 'DELETE_INSTANCE';
  params: { instanceId: string } & WithoutCall<KeyedOptions>;
}

export type BatchOperation = BatchCreateInstance | BatchApplyEvent | BatchDeleteInstance;

export interface BatchOptions extends CallOptions {
  /** `atomic`: all or none, and the first error is the call's. `best_effort`, the default: each for
   * itself. */
  mode?: 'atomic' | 'best_effort' | undefined;
}

/** What each operation of a batch gives. */
export interface BatchResultOf {
  CREATE_INSTANCE: CreateInstanceResult;
  APPLY_EVENT: ApplyEventResult;
  DELETE_INSTANCE: DeleteInstanceResult;
}

export type BatchItem<Op extends BatchOperation = BatchOperation> =
  | { status: 'ok'; result: BatchResultOf[Op['op']] }
  | { status: 'error'; error: RstmdbError };

export interface BatchResult<Ops extends readonly BatchOperation[] = BatchOperation[]> {
  /** One for each operation, in order. */
  results: { [At in keyof Ops]: BatchItem<Ops[At]> };
  /** Of the last record written; missing when none was. */
  walOffset?: number;
}

// ---- watch --------------------------------------------------------------------------------------

export type ChangeKind = 'transition' | 'create' | 'delete';

export interface WatchOptions extends CallOptions {
  /** Whether events carry the context after the transition: true. */
  includeCtx?: boolean | undefined;
  /** Everything from this offset on comes first, then what is new. 0 tells the whole history. */
  fromOffset?: number | bigint | undefined;
  /** The same, from behind this offset: the `walOffset` of the last event you have dealt with. */
  afterOffset?: number | bigint | undefined;
  /** Only transitions when it is missing. */
  kinds?: ChangeKind[] | undefined;
}

/** All fields must let a change pass; of each, one value is enough, and none means any. */
export interface WatchAllOptions extends WatchOptions {
  machines?: string[] | undefined;
  events?: string[] | undefined;
  fromStates?: string[] | undefined;
  toStates?: string[] | undefined;
}

/** A transition, as a watch tells of it. */
export interface StreamEvent<Ctx = JsonObject> {
  kind: 'transition';
  instanceId: string;
  machine: string;
  version: number;
  walOffset: number;
  fromState: string;
  toState: string;
  event: string;
  payload: JsonObject;
  /** After the transition; missing with `includeCtx: false`. */
  ctx?: Ctx;
}

/** What a watch with `kinds` tells of: what a creation or a deletion lacks is null. */
export interface ChangeEvent<Ctx = JsonObject> {
  kind: ChangeKind;
  instanceId: string;
  machine: string;
  version: number;
  walOffset: number;
  fromState: string | null;
  toState: string | null;
  event: string | null;
  payload: JsonObject | null;
  ctx?: Ctx | null;
}

// ---- log and server -----------------------------------------------------------------------------

export interface WalReadOptions extends CallOptions {
  /** 1 to 1000: 100. */
  limit?: number | undefined;
}

/** What a record says; its members are named as in the log (docs/log-format.md). */
export interface WalEntry {
  type: string;
  [member: string]: unknown;
}

export interface WalRecord {
  sequence: bigint;
  offset: bigint;
  entry: WalEntry;
}

/** A page of the log; iterating over it gives its records. */
export interface WalReadResult extends Iterable<WalRecord> {
  records: WalRecord[];
  /** Where to read on; null at the end of the log. */
  nextOffset: bigint | null;
}

export interface WalStats {
  entryCount: number;
  segmentCount: number;
  totalSizeBytes: number;
  latestOffset: number | null;
  /** Since the server's start. */
  ioStats: {
    bytesWritten: number;
    bytesRead: number;
    writes: number;
    reads: number;
    fsyncs: number;
  };
}

export interface SnapshotInstanceResult {
  instanceId: string;
  snapshotId: string;
  walOffset: number;
  sizeBytes: number;
  checksum: string;
}

export interface CompactOptions extends CallOptions {
  /** Take a snapshot even when nothing has happened since the last. */
  forceSnapshot?: boolean | undefined;
}

export interface CompactResult {
  snapshotsCreated: number;
  segmentsDeleted: number;
  bytesReclaimed: number;
  totalSnapshots: number;
  walSegments: number;
}

export interface FlushAllResult {
  flushed: boolean;
  instancesRemoved: number;
  machinesRemoved: number;
}

export interface ServerInfo {
  serverName: string;
  serverVersion: string;
  protocolVersion: number;
  features: string[];
  maxFrameBytes: number;
  maxBatchOps: number;
  maxPayloadBytes: number;
  walSegmentSize: number;
  authRequired: boolean;
  uptimeSecs: number;
  connections: number;
  instances: number;
  machines: number;
  /** What the caller may do: read, write or admin; not known of servers before 0.3. */
  role?: string;
}
