import { useSyncExternalStore } from 'react';

import { formatRoute, parseRoute } from './path.js';
import type { Route } from './path.js';

const CHANGED = 'routechanged';

/** Goes to a view; `replace` leaves no way back to the present one. */
export function navigate(route: Route, { replace = false }: { replace?: boolean } = {}): void {
  const path = formatRoute(route);
  if (path === location.pathname) return;
  if (replace) history.replaceState(null, '', path);
  else history.pushState(null, '', path);
  dispatchEvent(new Event(CHANGED));
}

function subscribe(listener: () => void): () => void {
  addEventListener('popstate', listener);
  addEventListener(CHANGED, listener);
  return () => {
    removeEventListener('popstate', listener);
    removeEventListener(CHANGED, listener);
  };
}

const currentPath = (): string => location.pathname;

/** The view that the address names. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, currentPath));
}
