// Keys that work everywhere. A screen adds its own while it is shown. Nothing fires while something
// is typed, except Escape.

import { useLayoutEffect } from 'preact/hooks';

export interface Key {
  /** As KeyboardEvent.key; "g m" are two keys one behind the other. */
  keys: string;
  does: string;
  act: () => void;
}

const SEQUENCE_MS = 1200;
const active: Key[][] = [];
let first: { key: string; at: number } | null = null;

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.matches('input:not([type=checkbox]):not([type=radio]), textarea, select') ||
      target.isContentEditable)
  );
}

/** What can be pressed now, what was added last first. */
export function activeKeys(): Key[] {
  return [...active].reverse().flat();
}

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target)) {
    if (event.key === 'Escape') (event.target as HTMLElement).blur();
    return;
  }
  if (document.querySelector('dialog[open]') !== null) return;
  const pair =
    first !== null && event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${event.key}` : '';
  first = null;
  const keys = activeKeys();
  const found = keys.find((key) => key.keys === pair) ?? keys.find((key) => key.keys === event.key);
  if (found !== undefined) {
    // Enter and space on a button or link are its own.
    const own = event.key === 'Enter' || event.key === ' ';
    if (own && (event.target as Element).closest('a, button, [role=link]') !== null) return;
    event.preventDefault();
    found.act();
  } else if (keys.some((key) => key.keys.startsWith(`${event.key} `))) {
    first = { key: event.key, at: event.timeStamp };
  }
}

export function listenToKeys(): void {
  window.addEventListener('keydown', pressed);
}

/** Adds keys while the component is shown. */
export function useKeys(keys: Key[]): void {
  useLayoutEffect(() => {
    active.push(keys);
    return () => {
      active.splice(active.indexOf(keys), 1);
    };
  });
}
