// What the server answers, as far as the console reads it.

import type { Definition } from '../model/definition.ts';

export interface ServerFacts {
  server_version: string;
  auth_required: boolean;
  role?: 'read' | 'write' | 'admin';
}

export interface MachineRow {
  machine: string;
  versions: number[];
}

export interface MachineList {
  items: MachineRow[];
  total: number;
  has_more: boolean;
}

export interface Machine {
  machine: string;
  version: number;
  definition: Definition;
  checksum: string;
}

export interface StateCounts {
  machine: string;
  states: Record<string, number>;
  total: number;
  wal_offset: number;
}

export interface InstanceRow {
  id: string;
  machine: string;
  version: number;
  state: string;
  created_at: number;
  updated_at: number;
  last_wal_offset: number;
}

export interface InstancePage {
  instances: InstanceRow[];
  total: number;
  has_more: boolean;
  next_cursor: string | null;
}

/** One notification of a watch. */
export interface Notification {
  kind: 'transition' | 'create' | 'delete';
  instance_id: string;
  machine: string;
  version: number;
  wal_offset: number;
  from_state: string | null;
  to_state: string | null;
  event: string | null;
}
