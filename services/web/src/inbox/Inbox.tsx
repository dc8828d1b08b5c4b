import { useConversations } from '@freelancehub/messaging-client/react';
import { MessagesSquare, SquarePen } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';

import type { Route } from '../route/path.js';
import { useRoute } from '../route/route.js';
import { StartThread } from '../thread/StartThread.js';
import { Thread } from '../thread/Thread.js';
import { ErrorBoundary } from '../ui/ErrorBoundary.js';
import { IconButton } from '../ui/IconButton.js';
import { AccountMenu } from './AccountMenu.js';
import { ConnectionBanner } from './ConnectionBanner.js';
import { ConversationList } from './ConversationList.js';
import { NewConversation } from './NewConversation.js';

/** The list of conversations beside the one that is open; on a phone one of them at a time. */
export function Inbox(): ReactElement {
  const route = useRoute();
  const { unreadTotal } = useConversations();
  const [isStarting, setIsStarting] = useState(false);
  useTitle(unreadTotal);
  const isList = route.view === 'list';
  return (
    <div className={isList ? 'inbox shows-list' : 'inbox shows-thread'}>
      <a className="skip-link" href="#thread">
        Skip to the conversation
      </a>
      <ConnectionBanner />
      <aside className="sidebar">
        <header className="sidebar-header">
          <h1>Messages</h1>
          <IconButton label="New conversation" onClick={() => setIsStarting(true)}>
            <SquarePen />
          </IconButton>
          <AccountMenu />
        </header>
        <ConversationList currentId={route.view === 'conversation' ? route.id : null} />
      </aside>
      <main id="thread" tabIndex={-1}>
        <ErrorBoundary what="The conversation" key={JSON.stringify(route)}>
          <View route={route} onStart={() => setIsStarting(true)} />
        </ErrorBoundary>
      </main>
      {isStarting && <NewConversation onClose={() => setIsStarting(false)} />}
    </div>
  );
}

function View({ route, onStart }: { route: Route; onStart: () => void }): ReactElement {
  switch (route.view) {
    case 'conversation':
      return <Thread id={route.id} />;
    case 'new':
      return <StartThread contractId={route.contractId} milestoneId={route.milestoneId} />;
    case 'list':
      return (
        <Empty title="No conversation is open" text="Choose one from the list, or start one about a contract." onStart={onStart} />
      );
    case 'unknown':
      return <Empty title="There is nothing at this address" text="Choose a conversation from the list." onStart={onStart} />;
  }
}

function Empty({ title, text, onStart }: { title: string; text: string; onStart: () => void }): ReactElement {
  return (
    <div className="empty">
      <MessagesSquare className="empty-icon" aria-hidden />
      <h2>{title}</h2>
      <p>{text}</p>
      <button type="button" className="button primary" onClick={onStart}>
        New conversation
      </button>
    </div>
  );
}

/** What is unread shows in the title of the window. */
function useTitle(unreadTotal: number): void {
  useEffect(() => {
    document.title = unreadTotal === 0 ? 'Messages' : `(${String(unreadTotal)}) Messages`;
    return () => {
      document.title = 'Messages';
    };
  }, [unreadTotal]);
}
