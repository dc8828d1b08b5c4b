import type { Conversation } from '@freelancehub/messaging-client';
import { memo } from 'react';
import type { ReactElement } from 'react';

import { useDraft } from '../compose/drafts.js';
import { Link } from '../route/Link.js';
import { useName, useSession } from '../session/SessionContext.js';
import { fullTime, relativeTime } from '../text/time.js';
import { Avatar } from '../ui/Avatar.js';
import { otherOf } from './participants.js';
import { badge, previewOf } from './preview.js';
import { usePresenceOf } from './usePresenceOf.js';
import { contractTitle, milestoneTitle, useContract } from './useContract.js';

interface Props {
  conversation: Conversation;
  isCurrent: boolean;
  now: number;
}

/** One conversation of the list. */
export const ConversationRow = memo(function ConversationRow({ conversation, isCurrent, now }: Props): ReactElement {
  const { id, contractId, milestoneId, unreadCount, updatedAt } = conversation;
  const { userId } = useSession();
  const otherId = otherOf(conversation, userId)?.userId ?? '';
  const name = useName(otherId);
  const isOnline = usePresenceOf(otherId)?.status === 'online';
  const about = useContract(contractId);
  return (
    <Link to={{ view: 'conversation', id }} className="row" aria-current={isCurrent ? 'page' : undefined} data-conversation={id}>
      <Avatar userId={otherId} name={name} isOnline={isOnline} />
      <span className="row-text">
        <span className="row-top">
          <span className="row-name">{name}</span>
          {isOnline && <span className="hidden">, online</span>}
          <time dateTime={updatedAt} title={fullTime(updatedAt)}>
            {relativeTime(updatedAt, now)}
          </time>
        </span>
        <span className="row-about">
          <span>{contractTitle(about, contractId)}</span>
          {milestoneId !== null && <span className="row-milestone">{milestoneTitle(about, milestoneId)}</span>}
        </span>
        <span className="row-bottom">
          <LastWords conversation={conversation} isCurrent={isCurrent} />
          {unreadCount > 0 && (
            <span className="badge">
              {badge(unreadCount)}
              <span className="hidden"> unread</span>
            </span>
          )}
        </span>
      </span>
    </Link>
  );
});

/** What was written last: one's own draft, unless it is just being written, or the last message. */
function LastWords({ conversation, isCurrent }: { conversation: Conversation; isCurrent: boolean }): ReactElement {
  const { userId } = useSession();
  const draft = useDraft(userId, conversation.id);
  if (draft === '' || isCurrent) return <span className="row-last">{previewOf(conversation.lastMessage, userId)}</span>;
  return (
    <span className="row-last">
      <span className="row-draft">Draft:</span> {draft}
    </span>
  );
}
