// Dark or light: the system's choice, or the reader's, which is remembered.

import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'rstmdb-theme';
const ORDER: Theme[] = ['system', 'light', 'dark'];

function remembered(): Theme {
  try {
    const found = localStorage.getItem(KEY) as Theme;
    return ORDER.includes(found) ? found : 'system';
  } catch {
    return 'system'; // storage is turned off
  }
}

export const theme = signal<Theme>(remembered());

theme.subscribe((chosen) => {
  if (chosen === 'system') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.setAttribute('data-theme', chosen);
});

export function nextTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] as Theme;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // It holds until the page is closed.
  }
}
