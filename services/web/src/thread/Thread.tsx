import { useConversation } from '@freelancehub/messaging-client/react';
import type { ConversationView } from '@freelancehub/messaging-client/react';
import { MessageCircleOff } from 'lucide-react';
import type { ReactElement } from 'react';

import { Link } from '../route/Link.js';
import { explain } from '../text/explain.js';
import { LiveThread } from './LiveThread.js';

/** One conversation, joined while it is shown. */
export function Thread({ id }: { id: string }): ReactElement {
  const thread = useConversation(id);
  const { status, error, conversation, messages } = thread;
  if (status === 'failed' && messages.length === 0) {
    return (
      <div className="empty" role="alert">
        <MessageCircleOff className="empty-icon" aria-hidden />
        <h2>This conversation cannot be shown</h2>
        <p>{explain(error)}</p>
        <Link to={{ view: 'list' }} className="button">
          Back to the list
        </Link>
      </div>
    );
  }
  if (conversation === null || isWaiting(thread)) return <Placeholder />;
  return <LiveThread id={id} thread={thread} conversation={conversation} />;
}

/** Whether the first page is not there yet. Each conversation has at least one message. */
function isWaiting({ messages }: ConversationView): boolean {
  return !messages.some(({ state }) => state === 'sent');
}

function Placeholder(): ReactElement {
  return (
    <div className="thread-placeholder" role="status" aria-label="Loading the conversation">
      <span />
      <span />
      <span />
    </div>
  );
}
