import type { Conversation } from '@freelancehub/messaging-client';

import type { Route } from '../route/path.js';

/** Where to write about a contract, or one of its milestones. */
export interface Place {
  to: Route;
  /** Whether a conversation is known. One that is not may exist all the same: what is sent then goes there. */
  exists: boolean;
}

export function placeOf(known: readonly Conversation[], contractId: string, milestoneId: string | null): Place {
  const there = known.find((one) => one.contractId === contractId && one.milestoneId === milestoneId);
  if (there === undefined) return { to: { view: 'new', contractId, milestoneId }, exists: false };
  return { to: { view: 'conversation', id: there.id }, exists: true };
}
