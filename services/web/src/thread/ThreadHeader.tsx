import type { Conversation, PresenceItem } from '@freelancehub/messaging-client';
import { ArrowLeft, Search } from 'lucide-react';
import type { ReactElement } from 'react';

import { otherOf } from '../inbox/participants.js';
import { usePresenceOf } from '../inbox/usePresenceOf.js';
import { Link } from '../route/Link.js';
import { useName, useSession } from '../session/SessionContext.js';
import { lastSeen } from '../text/time.js';
import { Avatar } from '../ui/Avatar.js';
import { IconButton } from '../ui/IconButton.js';
import { useNow } from '../ui/useNow.js';
import { PlaceMenu } from './PlaceMenu.js';

interface Props {
  conversation: Conversation;
  isSearching: boolean;
  onSearch: () => void;
}

/** Whom one talks with, and what about. */
export function ThreadHeader({ conversation, isSearching, onSearch }: Props): ReactElement {
  const { userId } = useSession();
  const { contractId, milestoneId } = conversation;
  return (
    <Header userId={otherOf(conversation, userId)?.userId ?? ''} contractId={contractId} milestoneId={milestoneId}>
      <IconButton label="Search in this conversation" aria-pressed={isSearching} onClick={onSearch}>
        <Search />
      </IconButton>
    </Header>
  );
}

interface HeaderProps {
  userId: string;
  contractId: string;
  milestoneId: string | null;
  children?: ReactElement;
}

/** The head of a conversation, whether it exists or is about to be begun. */
export function Header({ userId, contractId, milestoneId, children }: HeaderProps): ReactElement {
  const name = useName(userId);
  const presence = usePresenceOf(userId);
  return (
    <header className="thread-header">
      <Link to={{ view: 'list' }} className="icon-button back" aria-label="Back to the list">
        <ArrowLeft aria-hidden />
      </Link>
      <Avatar userId={userId} name={name} isOnline={presence?.status === 'online'} />
      <div className="thread-title">
        <h2 tabIndex={-1}>{name}</h2>
        <Presence presence={presence} />
      </div>
      <PlaceMenu contractId={contractId} milestoneId={milestoneId} />
      {children}
    </header>
  );
}

function Presence({ presence }: { presence: PresenceItem | undefined }): ReactElement {
  const now = useNow();
  const text = presence === undefined ? '' : textOf(presence, now);
  return (
    <p className="presence" data-presence={presence?.status}>
      {text}
    </p>
  );
}

function textOf({ status, lastSeenAt }: PresenceItem, now: number): string {
  if (status === 'online') return 'Online';
  return lastSeenAt === null ? 'Offline' : `Last seen ${lastSeen(lastSeenAt, now)}`;
}
