// Events a second, for each edge and in all, over the last few seconds.

const SLOT_MS = 250;

export class Flow {
  private readonly slots: Map<string, number>[];
  private slot = 0; // number of the slot that is being filled, since the epoch of `now`
  private began: number | null = null;

  constructor(private readonly windowMs = 4000) {
    this.slots = Array.from({ length: windowMs / SLOT_MS }, () => new Map());
  }

  add(key: string, now: number, count = 1): void {
    this.advance(now);
    this.began ??= now;
    const slot = this.slots[this.slot % this.slots.length] as Map<string, number>;
    slot.set(key, (slot.get(key) ?? 0) + count);
  }

  /** Events a second by key. What began a moment ago is not divided by the whole window. */
  rates(now: number): Map<string, number> {
    this.advance(now);
    const sums = new Map<string, number>();
    for (const slot of this.slots) {
      for (const [key, count] of slot) sums.set(key, (sums.get(key) ?? 0) + count);
    }
    const passed = Math.min(this.windowMs, Math.max(1000, now - (this.began ?? now)));
    for (const [key, sum] of sums) sums.set(key, (sum * 1000) / passed);
    return sums;
  }

  clear(): void {
    for (const slot of this.slots) slot.clear();
    this.began = null;
  }

  private advance(now: number): void {
    const current = Math.floor(now / SLOT_MS);
    const missed = Math.min(current - this.slot, this.slots.length);
    for (let i = 0; i < missed; i++) this.slots[(current - i) % this.slots.length]?.clear();
    this.slot = Math.max(current, this.slot);
  }
}

/** Width of an edge's line: 1.5 when nothing moves, and a step for each factor of ten. */
export function lineWidth(perSecond: number): number {
  return perSecond <= 0 ? 1.5 : Math.min(2 + 1.5 * Math.log10(1 + perSecond), 9);
}
