// Answers as they come over the wire to results as users see them. Names are turned into camelCase
// here and nowhere else; contexts, payloads, definitions and log entries are users' and stay.

import { camelMembers, errorOf, ProtocolError, type WireError } from './errors.js';
import type {
  ApplyEventResult,
  BatchItem,
  BatchOperation,
  BatchResult,
  ChangeEvent,
  CountInstancesResult,
  CreateInstanceResult,
  DeleteInstanceResult,
  GetHistoryResult,
  GetInstanceResult,
  GetMachineResult,
  HistoryEvent,
  InstanceSummary,
  JsonObject,
  ListInstancesResult,
  ListMachinesResult,
  WalEntry,
  WalReadResult,
  WalRecord,
  WalStats,
} from './types.js';

interface WireInstance {
  instance_id: string;
  id: string;
  machine: string;
  version: number;
  state: string;
  ctx: JsonObject;
  last_event_id?: string;
  last_wal_offset: number;
  created_at: number;
  updated_at: number;
}

/** For results that hold nothing of users': every member with its name in camelCase. */
export function plain<T>(result: Record<string, unknown>): T {
  return camelMembers(result) as T;
}

export function machineOf(r: GetMachineResult): GetMachineResult {
  return { machine: r.machine, version: r.version, definition: r.definition, checksum: r.checksum };
}

export function machinesOf(
  r: Omit<ListMachinesResult, 'hasMore'> & { has_more: boolean },
): ListMachinesResult {
  return { items: r.items, total: r.total, hasMore: r.has_more };
}

export function createdOf(r: {
  instance_id: string;
  state: string;
  wal_offset: number;
}): CreateInstanceResult {
  return { instanceId: r.instance_id, state: r.state, walOffset: r.wal_offset };
}

export function instanceOf(r: WireInstance): GetInstanceResult<never> {
  const instance: GetInstanceResult = {
    instanceId: r.instance_id,
    machine: r.machine,
    version: r.version,
    state: r.state,
    ctx: r.ctx,
    lastWalOffset: r.last_wal_offset,
    createdAt: r.created_at,
    updatedAt: r.updated_at,
  };
  if (r.last_event_id !== undefined) instance.lastEventId = r.last_event_id;
  return instance as GetInstanceResult<never>;
}

function summaryOf(r: WireInstance): InstanceSummary {
  return {
    instanceId: r.id,
    machine: r.machine,
    version: r.version,
    state: r.state,
    createdAt: r.created_at,
    updatedAt: r.updated_at,
    lastWalOffset: r.last_wal_offset,
  };
}

export function instancesOf(r: {
  instances: WireInstance[];
  total: number;
  has_more: boolean;
  next_cursor?: string | null;
}): ListInstancesResult {
  return {
    instances: r.instances.map(summaryOf),
    total: r.total,
    hasMore: r.has_more,
    nextCursor: r.next_cursor ?? null,
  };
}

export function countsOf(r: {
  machine: string;
  version?: number;
  states: Record<string, number>;
  total: number;
  wal_offset: number;
}): CountInstancesResult {
  const counts: CountInstancesResult = {
    machine: r.machine,
    states: r.states,
    total: r.total,
    walOffset: r.wal_offset,
  };
  if (r.version !== undefined) counts.version = r.version;
  return counts;
}

class History implements GetHistoryResult {
  readonly instanceId: string;
  readonly events: HistoryEvent[];
  readonly hasMore: boolean;
  readonly nextBeforeOffset?: number;
  readonly horizon: number;
  readonly complete: boolean;

  constructor(r: WireHistory) {
    this.instanceId = r.instance_id;
    this.events = r.events.map((event) => plain<HistoryEvent>(event));
    this.hasMore = r.has_more;
    if (r.next_before_offset !== undefined) this.nextBeforeOffset = r.next_before_offset;
    this.horizon = r.horizon;
    this.complete = r.complete;
  }

  [Symbol.iterator](): Iterator<HistoryEvent> {
    return this.events[Symbol.iterator]();
  }
}

interface WireHistory {
  instance_id: string;
  events: Record<string, unknown>[];
  has_more: boolean;
  next_before_offset?: number;
  horizon: number;
  complete: boolean;
}

export function historyOf(r: WireHistory): GetHistoryResult<never> {
  return new History(r) as GetHistoryResult<never>;
}

export function appliedOf(r: {
  from_state: string;
  to_state: string;
  ctx: JsonObject;
  wal_offset: number;
  applied: boolean;
  event_id?: string;
}): ApplyEventResult<never> {
  const applied: ApplyEventResult = {
    fromState: r.from_state,
    toState: r.to_state,
    ctx: r.ctx,
    walOffset: r.wal_offset,
    applied: r.applied,
  };
  if (r.event_id !== undefined) applied.eventId = r.event_id;
  return applied as ApplyEventResult<never>;
}

export function deletedOf(r: {
  instance_id: string;
  deleted: boolean;
  wal_offset: number;
}): DeleteInstanceResult {
  return { instanceId: r.instance_id, deleted: r.deleted, walOffset: r.wal_offset };
}

const ITEM_READERS = {
  CREATE_INSTANCE: createdOf,
  APPLY_EVENT: appliedOf,
  DELETE_INSTANCE: deletedOf,
} as const;

interface WireBatch {
  results: { status: string; result?: unknown; error?: WireError }[];
  wal_offset?: number;
}

export function batchOf<Ops extends readonly BatchOperation[]>(
  ops: Ops,
): (r: WireBatch) => BatchResult<Ops> {
  const kinds = ops.map(({ op }) => op);
  return (r) => {
    const results = r.results.map((item, at): BatchItem => {
      const kind = kinds[at];
      if (item.status !== 'ok') return { status: 'error', error: errorOf(item.error as WireError) };
      if (kind === undefined) throw new ProtocolError('more results than operations');
      return { status: 'ok', result: ITEM_READERS[kind](item.result as never) };
    });
    const batch = { results } as unknown as BatchResult<Ops>;
    if (r.wal_offset !== undefined) batch.walOffset = r.wal_offset;
    return batch;
  };
}

interface WireRecord {
  sequence: number | string;
  offset: number | string;
  entry: WalEntry;
}

class WalPage implements WalReadResult {
  readonly records: WalRecord[];
  readonly nextOffset: bigint | null;

  constructor(records: WalRecord[], nextOffset: bigint | null) {
    this.records = records;
    this.nextOffset = nextOffset;
  }

  [Symbol.iterator](): Iterator<WalRecord> {
    return this.records[Symbol.iterator]();
  }
}

export function walPageOf(r: { records: WireRecord[]; next_offset: number | null }): WalReadResult {
  return new WalPage(
    r.records.map(({ sequence, offset, entry }) => ({
      sequence: BigInt(sequence),
      offset: BigInt(offset),
      entry,
    })),
    r.next_offset === null ? null : BigInt(r.next_offset),
  );
}

export function walStatsOf(r: Record<string, unknown>): WalStats {
  const stats = plain<WalStats>(r);
  return { ...stats, ioStats: plain(r.io_stats as Record<string, unknown>) };
}

interface WireChange {
  kind?: ChangeEvent['kind'];
  instance_id: string;
  machine: string;
  version: number;
  wal_offset: number;
  from_state: string | null;
  to_state: string | null;
  event: string | null;
  payload: JsonObject | null;
  ctx?: JsonObject | null;
}

export function changeOf(message: Record<string, unknown>): ChangeEvent {
  const m = message as unknown as WireChange;
  const change: ChangeEvent = {
    kind: m.kind ?? 'transition',
    instanceId: m.instance_id,
    machine: m.machine,
    version: m.version,
    walOffset: m.wal_offset,
    fromState: m.from_state,
    toState: m.to_state,
    event: m.event,
    payload: m.payload,
  };
  if (m.ctx !== undefined) change.ctx = m.ctx;
  return change;
}
