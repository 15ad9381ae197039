// Counts per state that move with the stream. They start from GET …/counts, which says at which
// offset they stand; whatever the stream tells up to there is in them already, and all behind it
// moves them, so that they are exact and not nearly so.

export interface Moved {
  wal_offset: number;
  version: number;
  from_state: string | null; // null: created
  to_state: string | null; // null: deleted
}

export class Counts {
  private states = new Map<string, number>();
  private at = 0;

  /** The offset at which the counts stand. */
  get offset(): number {
    return this.at;
  }

  get total(): number {
    let sum = 0;
    for (const count of this.states.values()) sum += count;
    return sum;
  }

  /** Whether they can be true. FLUSH_ALL takes all instances away and tells no watcher of it. */
  get possible(): boolean {
    for (const count of this.states.values()) if (count < 0) return false;
    return true;
  }

  /** A copy, for those who show it. */
  byState(): Map<string, number> {
    return new Map(this.states);
  }

  reset(states: Record<string, number>, offset: number): void {
    this.states = new Map(Object.entries(states));
    this.at = offset;
  }

  /** Whether it moved them; one that they have in them already does not. */
  apply(moved: Moved): boolean {
    if (moved.wal_offset <= this.at) return false;
    this.at = moved.wal_offset;
    if (moved.from_state !== null) this.add(moved.from_state, -1);
    if (moved.to_state !== null) this.add(moved.to_state, 1);
    return true;
  }

  private add(state: string, by: number): void {
    this.states.set(state, (this.states.get(state) ?? 0) + by);
  }
}
