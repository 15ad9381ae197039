// A table whose rows are walked with j and k; one row at a time is reached by Tab.

import { useRef, useState } from 'preact/hooks';
import type { Key } from '../keys.ts';

export interface Rows {
  table: { current: HTMLTableElement | null };
  tabIndex: (index: number) => number;
  keys: Key[];
}

export function useRows(count: number, open: (index: number) => void): Rows {
  const table = useRef<HTMLTableElement>(null);
  const [chosen, setChosen] = useState(0);
  const rows = () => [...(table.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
  const focused = () => rows().indexOf(document.activeElement as HTMLElement);
  const walk = (by: number) => {
    const from = focused();
    const to = from < 0 ? Math.min(chosen, count - 1) : Math.min(count - 1, Math.max(0, from + by));
    rows()[to]?.focus();
    setChosen(Math.max(0, to));
  };
  return {
    table,
    tabIndex: (index) => (index === Math.min(chosen, count - 1) ? 0 : -1),
    keys: [
      { keys: 'j', does: 'next row', act: () => walk(1) },
      { keys: 'k', does: 'row before', act: () => walk(-1) },
      {
        keys: 'Enter',
        does: 'open the row',
        act: () => {
          const at = focused();
          if (at >= 0) open(at);
        },
      },
    ],
  };
}
