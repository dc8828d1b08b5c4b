import { createContext, useContext } from 'react';

import type { SessionState } from './session.js';

type SignedIn = Extract<SessionState, { status: 'signed in' }>;

/** Who is signed in, for all that is shown of the inbox. */
export const SessionContext = createContext<SignedIn | null>(null);

export function useSession(): SignedIn {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('a component of the inbox must be below a SessionContext');
  return session;
}

/** How to call somebody: by name if it is known, else by id. */
export function useName(userId: string | null): string {
  const { names } = useSession();
  return userId === null ? '' : (names[userId] ?? userId);
}
