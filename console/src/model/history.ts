// Joining pages of an instance's history: never with a hole between two steps.

import type { Step } from './path.ts';

/** A page as the server writes it, or what is loaded of the history. */
export interface Part<S extends Step> {
  steps: S[]; // oldest first
  /** Where the page before it begins to be read; null when there is none. */
  next: number | null;
  /** The log's first offset: what lies before is gone. */
  horizon: number;
  /** Whether the first step is the creation. */
  complete: boolean;
}

/** `loaded` with the page in front that was asked for when `asked` was loaded. What has been begun
 * anew meanwhile stays as it is: the page does not end where it begins. */
export function withOlder<S extends Step>(loaded: Part<S>, asked: Part<S>, page: Part<S>): Part<S> {
  if (loaded.steps[0] !== asked.steps[0] || loaded.next !== asked.next) return loaded;
  return { ...page, steps: [...page.steps, ...loaded.steps] };
}

/** Whether `newest`, which ends with the newest step, reaches back to what is loaded. */
export function reaches<S extends Step>(loaded: Part<S>, newest: Part<S>): boolean {
  const known = loaded.steps.at(-1)?.wal_offset ?? 0;
  const first = newest.steps[0]?.wal_offset;
  if (first !== undefined && first <= known) return true;
  return newest.next === null && newest.horizon <= known + 1;
}

/** `loaded` with what is behind it in `newest`; `newest` alone when steps between the two may be
 * missing. */
export function withNewest<S extends Step>(loaded: Part<S>, newest: Part<S>): Part<S> {
  const known = loaded.steps.at(-1)?.wal_offset ?? 0;
  if (known === 0 || !reaches(loaded, newest)) return newest;
  const fresh = newest.steps.filter((step) => step.wal_offset > known);
  return { ...loaded, horizon: newest.horizon, steps: [...loaded.steps, ...fresh] };
}
