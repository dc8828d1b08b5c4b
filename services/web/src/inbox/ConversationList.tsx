import { useConversations } from '@freelancehub/messaging-client/react';
import { useEffect, useRef } from 'react';
import type { KeyboardEvent, ReactElement, UIEvent } from 'react';

import { explain } from '../text/explain.js';
import { useNow } from '../ui/useNow.js';
import { ConversationRow } from './ConversationRow.js';

/** The next page is asked for this far before the end of what is loaded. */
const AHEAD_PX = 400;

/** All conversations, latest activity first. */
export function ConversationList({ currentId }: { currentId: string | null }): ReactElement {
  const { items, isLoading, hasMore, error, loadMore, refresh } = useConversations();
  const now = useNow();
  const list = useRef<HTMLUListElement>(null);
  const shownId = useRef(currentId);
  useEffect(() => {
    // Whoever leaves a conversation goes on in the list where he was.
    if (currentId === null && shownId.current !== null) rowOf(list.current, shownId.current)?.focus();
    shownId.current = currentId;
  }, [currentId]);
  const scrolled = ({ currentTarget: { scrollTop, scrollHeight, clientHeight } }: UIEvent): void => {
    if (error === null && hasMore && scrollHeight - clientHeight - scrollTop < AHEAD_PX) void loadMore();
  };
  return (
    <nav className="list" aria-label="Conversations" onScroll={scrolled}>
      {items.length > 0 && (
        // Arrows are a shorter way only: each row is a link that Tab reaches.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
        <ul ref={list} onKeyDown={moveFocus}>
          {items.map((conversation) => (
            <li key={conversation.id}>
              <ConversationRow conversation={conversation} isCurrent={conversation.id === currentId} now={now} />
            </li>
          ))}
        </ul>
      )}
      {isLoading && items.length === 0 && <Placeholder />}
      {error !== null && (
        <p className="list-fault" role="alert">
          {explain(error)}{' '}
          <button type="button" className="link-button" onClick={() => void refresh()}>
            Try again
          </button>
        </p>
      )}
      {error === null && hasMore && items.length > 0 && (
        <button type="button" className="button list-more" disabled={isLoading} onClick={() => void loadMore()}>
          {isLoading ? 'Loading …' : 'Show older conversations'}
        </button>
      )}
      {!isLoading && !hasMore && error === null && items.length === 0 && (
        <p className="list-empty">No conversations yet. Start one with the pen above.</p>
      )}
    </nav>
  );
}

const PLACEHOLDERS = [0, 1, 2, 3, 4];

function Placeholder(): ReactElement {
  return (
    <div className="placeholder" role="status" aria-label="Loading conversations">
      {PLACEHOLDERS.map((index) => (
        <span key={index} />
      ))}
    </div>
  );
}

function rowOf(list: HTMLElement | null, id: string): HTMLElement | null {
  return list?.querySelector<HTMLElement>(`[data-conversation="${id}"]`) ?? null;
}

/** Arrows, Home and End move between rows. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('.row')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  rows[Math.min(Math.max(to, 0), rows.length - 1)]?.focus();
}
