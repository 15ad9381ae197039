// The path that an instance has taken, as numbers on the edges of its machine.

import { edgeKey } from './definition.ts';

export interface Step {
  wal_offset: number;
  from_state: string | null;
  to_state: string | null;
  event: string | null;
}

/** Numbers of the steps that went over each edge, up to and with step `last` (an index). */
export function numbersOnEdges(
  steps: readonly Step[],
  last: number,
  first = 1,
): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  let number = first - 1;
  steps.slice(0, last + 1).forEach(({ from_state, event, to_state }) => {
    if (from_state === null || event === null || to_state === null) return;
    const key = edgeKey(from_state, event, to_state);
    const taken = numbers.get(key) ?? [];
    taken.push(++number);
    numbers.set(key, taken);
  });
  return numbers;
}

/** "3", "1, 4", "1, 4 … 17": never more than three numbers. */
export function numbersText(numbers: readonly number[]): string {
  if (numbers.length <= 3) return numbers.join(', ');
  return `${numbers[0]}, ${numbers[1]} … ${numbers[numbers.length - 1]}`;
}
