import type { StoredMessage, ThreadMessage } from '@freelancehub/messaging-client';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';

import { previewOf } from '../inbox/preview.js';
import { useName, useSession } from '../session/SessionContext.js';

/** Announcements that stay readable. */
const KEPT = 5;

/**
 * Tells those who cannot see it of messages that come.
 *
 * The thread itself is not a live region: pages that are loaded from before would be read aloud.
 */
export function Announcer({ messages }: { messages: readonly ThreadMessage[] }): ReactElement {
  const { userId } = useSession();
  const lastSeq = lastStored(messages)?.seq ?? 0;
  // What was there when the thread was opened is not new.
  const [firstSeq] = useState(lastSeq + 1);
  const [shown, setShown] = useState<readonly StoredMessage[]>([]);
  useEffect(() => {
    const isNew = (one: ThreadMessage): one is StoredMessage =>
      one.state === 'sent' && one.seq >= firstSeq && one.senderId !== userId;
    setShown(messages.slice(-KEPT).filter(isNew));
  }, [messages, firstSeq, userId]);
  return (
    <div className="hidden" role="log" aria-live="polite" aria-label="New messages">
      {shown.map((message) => (
        <Announcement key={message.id} message={message} />
      ))}
    </div>
  );
}

function Announcement({ message }: { message: StoredMessage }): ReactElement {
  const { userId } = useSession();
  const name = useName(message.senderId);
  return (
    <p>
      {name}: {previewOf(message, userId)}
    </p>
  );
}

function lastStored(messages: readonly ThreadMessage[]): StoredMessage | undefined {
  return messages.findLast((message): message is StoredMessage => message.state === 'sent');
}
