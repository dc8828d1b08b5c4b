import type { ConversationHandle } from '@freelancehub/messaging-client';
import { useCallback, useEffect, useRef, useState } from 'react';

import { explain } from '../text/explain.js';
import { loadUntil, remainingOf } from './load_until.js';

/** How a jump is getting on. */
export interface JumpState {
  /** The message that is on its way. */
  seq: number;
  /** `loaded` once it can be shown; `paused` after so many pages that somebody should want the rest. */
  status: 'loading' | 'loaded' | 'paused' | 'failed';
  /** Messages between it and what is loaded, when it began and now. */
  distance: number;
  remaining: number;
  error: string | null;
}

/** What `useJump` returns. */
export interface Jump {
  state: JumpState | null;
  to: (seq: number) => void;
  /** Ends it, where it is. */
  end: () => void;
}

/** Loads earlier pages until a message is there. */
export function useJump(handle: ConversationHandle): Jump {
  const [state, setState] = useState<JumpState | null>(null);
  const attempt = useRef(0);
  const end = useCallback(() => {
    attempt.current += 1;
    setState(null);
  }, []);
  useEffect(
    () => () => {
      attempt.current += 1;
    },
    [],
  );
  const to = useCallback(
    (seq: number) => {
      attempt.current += 1;
      const mine = attempt.current;
      const distance = remainingOf(handle, seq);
      const tell = (status: JumpState['status'], error: string | null = null): void => {
        if (mine === attempt.current) setState({ seq, status, distance, remaining: remainingOf(handle, seq), error });
      };
      const load = async (): Promise<void> => {
        const isThere = await loadUntil(handle, seq, () => {
          tell('loading');
          return mine === attempt.current;
        });
        tell(isThere ? 'loaded' : 'paused');
      };
      load().catch((error: unknown) => tell('failed', explain(error)));
    },
    [handle],
  );
  return { state, to, end };
}
