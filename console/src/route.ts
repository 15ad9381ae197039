// Addresses: #/machines/order?version=2. Everything that a screen filters by stands in them.

import { signal } from '@preact/signals';

export interface Route {
  /** Decoded parts of the path: ["machines", "order"]. */
  parts: string[];
  query: Record<string, string>;
}

export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = splitOnce(hash.replace(/^#?\/?/, ''), '?');
  return {
    parts: path
      .split('/')
      .filter((part) => part !== '')
      .map(decode),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

export type Query = Record<string, string | number | null | undefined>;

export function formatRoute(parts: (string | number)[], query: Query = {}): string {
  const pairs = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  const path = `#/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
  return search === '' ? path : `${path}?${search}`;
}

function splitOnce(text: string, sign: string): string[] {
  const at = text.indexOf(sign);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}

const inBrowser = typeof window !== 'undefined';

export const route = signal<Route>(parseRoute(inBrowser ? window.location.hash : ''));
if (inBrowser) {
  window.addEventListener('hashchange', () => {
    route.value = parseRoute(window.location.hash);
  });
}

export function go(hash: string): void {
  window.location.hash = hash;
}

/** Changes the address without a step in the browser's history: for sliders and filters. */
export function replace(hash: string): void {
  window.history.replaceState(null, '', hash);
  route.value = parseRoute(hash);
}
