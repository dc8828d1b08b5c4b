import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';

import { ScrollKeeper } from './scroll_keeper.js';

/** What `useScrollKeeper` returns. */
export interface KeptScroll {
  scroller: RefObject<HTMLDivElement | null>;
  /** All that is scrolled, the rows included. */
  content: RefObject<HTMLDivElement | null>;
  rows: RefObject<HTMLOListElement | null>;
  keeper: RefObject<ScrollKeeper | null>;
  isAtEnd: boolean;
  isNearStart: boolean;
}

/** Keeps the place in a thread; `version` is whatever changes when rows do. */
export function useScrollKeeper(version: unknown): KeptScroll {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLOListElement>(null);
  const keeper = useRef<ScrollKeeper | null>(null);
  const [place, setPlace] = useState({ isAtEnd: true, isNearStart: false });
  const changed = useCallback(() => {
    const now = keeper.current;
    if (now === null) return;
    const { isAtEnd, isNearStart } = now;
    setPlace((before) => (before.isAtEnd === isAtEnd && before.isNearStart === isNearStart ? before : { isAtEnd, isNearStart }));
  }, []);
  useLayoutEffect(() => {
    if (scroller.current === null || content.current === null || rows.current === null) return undefined;
    const parts = { scroller: scroller.current, content: content.current, rows: rows.current };
    const made = new ScrollKeeper(parts, changed);
    keeper.current = made;
    return () => {
      made.close();
      keeper.current = null;
    };
  }, [changed]);
  useLayoutEffect(() => keeper.current?.settle(), [version]);
  useEffect(changed, [changed, version]);
  return { scroller, content, rows, keeper, ...place };
}
