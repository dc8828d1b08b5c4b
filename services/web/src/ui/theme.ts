import { useSyncExternalStore } from 'react';

import { Signal } from '../state/signal.js';

/** Which colours are used: those that the system asks for, or always the same. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'theme';
const changed = new Signal();

export function currentTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

/** Puts the colours that are kept into effect. */
export function applyTheme(): void {
  const theme = currentTheme();
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  applyTheme();
  changed.tell();
}

export function useTheme(): Theme {
  return useSyncExternalStore(changed.subscribe, currentTheme);
}
