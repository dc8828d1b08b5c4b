import type { PresenceItem } from '@freelancehub/messaging-client';
import { useConnection, usePresence } from '@freelancehub/messaging-client/react';

/** Whether somebody is online; nothing while there is no connection, when what was known may be over. */
export function usePresenceOf(userId: string): PresenceItem | undefined {
  const { status } = useConnection();
  const presence = usePresence(userId).get(userId);
  return status === 'connected' ? presence : undefined;
}
