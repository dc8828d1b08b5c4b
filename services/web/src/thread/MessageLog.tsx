import type { Conversation, ThreadMessage } from '@freelancehub/messaging-client';
import type { ConversationView } from '@freelancehub/messaging-client/react';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef } from 'react';
import type { ReactElement, Ref } from 'react';

import { otherOf, selfOf } from '../inbox/participants.js';
import { badge } from '../inbox/preview.js';
import { useSession } from '../session/SessionContext.js';
import { explain } from '../text/explain.js';
import { arrange, keyOf } from '../text/rows.js';
import type { Row } from '../text/rows.js';
import { dayName } from '../text/time.js';
import { useNow } from '../ui/useNow.js';
import { Announcer } from './Announcer.js';
import { MessageRow } from './MessageRow.js';
import type { RowActions } from './MessageRow.js';
import { moveBetweenMessages } from './message_keys.js';
import type { Jump } from './useJump.js';
import { useScrollKeeper } from './useScrollKeeper.js';
import type { KeptScroll } from './useScrollKeeper.js';
import { useUnreadMark } from './useUnreadMark.js';
import { useVisible } from './useVisible.js';

/** What others may do with the log. */
export interface LogControls {
  /** Goes to the latest message, where what is sent appears. */
  toEnd: () => void;
}

interface Props {
  ref: Ref<LogControls>;
  thread: ConversationView;
  conversation: Conversation;
  jump: Jump;
  actions: RowActions;
}

const FLASH_MS = 1_800;

/** The messages of a conversation, which stay where they are while others are added before and after them. */
export function MessageLog({ ref, thread, conversation, jump, actions }: Props): ReactElement {
  const { userId } = useSession();
  const { messages } = thread;
  const readSeq = selfOf(conversation, userId)?.readSeq ?? 0;
  const isVisible = useVisible();
  const scroll = useScrollKeeper(messages);
  const { keeper, isAtEnd } = scroll;
  const { markSeq, clearMark } = useUnreadMark({
    isLoaded: true,
    isAttentive: isVisible && isAtEnd,
    readSeq,
    lastOtherSeq: useMemo(() => lastSeqOf(messages, (senderId) => senderId !== userId), [messages, userId]),
    unreadCount: conversation.unreadCount,
  });
  const rows = useMemo(
    () => arrange(messages, markSeq === null ? null : { readSeq: markSeq, ownId: userId }),
    [messages, markSeq, userId],
  );
  useStart(scroll, rows);
  useEarlier(thread, scroll);
  useReading(thread, scroll, isVisible);
  useArrival(jump, messages, scroll);
  useImperativeHandle(ref, () => ({
    toEnd: () => {
      clearMark();
      keeper.current?.toEnd();
    },
  }));
  const firstSeq = seqOf(messages[0]);
  const isMarkAbove = markSeq !== null && firstSeq !== null && firstSeq > markSeq + 1;
  return (
    <div className="log">
      {/* Focus lets the arrows and Page Up scroll it, and move between messages. */}
      {/* eslint-disable jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/no-noninteractive-tabindex */}
      <div
        ref={scroll.scroller}
        className="log-scroller"
        tabIndex={0}
        role="region"
        aria-label="Messages"
        onKeyDown={moveBetweenMessages}
      >
        {/* eslint-enable */}
        <div ref={scroll.content}>
          <Beginning thread={thread} />
          <Rows {...{ rows, conversation, actions }} ref={scroll.rows} />
        </div>
      </div>
      {isMarkAbove && (
        <button type="button" className="log-chip above" onClick={() => jump.to(markSeq + 1)}>
          <ArrowUp aria-hidden /> To the first unread message
        </button>
      )}
      {!isAtEnd && <ToLatest unreadCount={conversation.unreadCount} onClick={() => keeper.current?.toEnd()} />}
      <Announcer messages={messages} />
    </div>
  );
}

interface RowsProps {
  ref: Ref<HTMLOListElement>;
  rows: Row[];
  conversation: Conversation;
  actions: RowActions;
}

function Rows({ ref, rows, conversation, actions }: RowsProps): ReactElement {
  const { userId } = useSession();
  const now = useNow();
  const otherReadSeq = otherOf(conversation, userId)?.readSeq ?? 0;
  return (
    <ol ref={ref} className="rows">
      {rows.map((row) => {
        if (row.kind === 'day') {
          return (
            <li key={row.key} className="day">
              <span>{dayName(row.time, now)}</span>
            </li>
          );
        }
        if (row.kind === 'unread') {
          return (
            <li key={row.key} className="unread-mark" data-key={row.key}>
              <span>New messages</span>
            </li>
          );
        }
        const { key, message, isFirst, isLast } = row;
        const isRead = message.state === 'sent' && message.seq <= otherReadSeq;
        const isOwn = message.senderId === userId;
        return <MessageRow key={key} rowKey={key} {...{ message, isFirst, isLast, isOwn, isRead, actions }} />;
      })}
    </ol>
  );
}

/** What is above the first message that is loaded. */
function Beginning({ thread }: { thread: ConversationView }): ReactElement {
  const { hasEarlier, isLoadingEarlier, error, loadEarlier } = thread;
  if (!hasEarlier) return <p className="beginning">This is the beginning of the conversation.</p>;
  if (error !== null && !isLoadingEarlier) {
    return (
      <p className="beginning" role="alert">
        {explain(error)}{' '}
        <button type="button" className="link-button" onClick={() => void loadEarlier()}>
          Load earlier messages
        </button>
      </p>
    );
  }
  return (
    <p className="beginning" aria-hidden>
      {isLoadingEarlier ? 'Loading earlier messages …' : ' '}
    </p>
  );
}

function ToLatest({ unreadCount, onClick }: { unreadCount: number; onClick: () => void }): ReactElement {
  const label = unreadCount === 0 ? 'To the latest message' : `To the latest message, ${String(unreadCount)} unread`;
  return (
    <button type="button" className="to-latest" aria-label={label} onClick={onClick}>
      <ArrowDown aria-hidden />
      {unreadCount > 0 && <span className="badge">{badge(unreadCount)}</span>}
    </button>
  );
}

/** Begins at what is new, or else at the end. */
function useStart({ keeper }: KeptScroll, rows: Row[]): void {
  const hasStarted = useRef(false);
  useLayoutEffect(() => {
    if (hasStarted.current) return;
    hasStarted.current = true;
    if (rows.some(({ kind }) => kind === 'unread')) keeper.current?.show('unread');
  }, [keeper, rows]);
}

/** Loads what is before, in time for whoever scrolls there. */
function useEarlier({ hasEarlier, isLoadingEarlier, error, loadEarlier, messages }: ConversationView, scroll: KeptScroll): void {
  const { isNearStart, keeper } = scroll;
  useEffect(() => {
    // A page may be shorter than the screen: then the next one is loaded without scrolling.
    const isDue = isNearStart && keeper.current?.isNearStart === true;
    if (isDue && hasEarlier && !isLoadingEarlier && error === null) void loadEarlier();
  }, [isNearStart, keeper, hasEarlier, isLoadingEarlier, error, loadEarlier, messages]);
}

/** Marks as read what somebody can see: the end of the thread, on a page that is visible. */
function useReading({ messages, markAsRead, status }: ConversationView, { keeper, isAtEnd }: KeptScroll, isVisible: boolean): void {
  const lastSeq = useMemo(() => lastSeqOf(messages, () => true), [messages]);
  useEffect(() => {
    // A refusal shows in the state of the thread; what could not be asked for is asked for again by the client.
    if (isVisible && isAtEnd && keeper.current?.isAtEnd === true && lastSeq > 0) markAsRead(lastSeq).catch(() => undefined);
  }, [isVisible, isAtEnd, keeper, lastSeq, markAsRead, status]);
}

/** Shows the message that was jumped to, once it is there. */
function useArrival(jump: Jump, messages: readonly ThreadMessage[], { keeper }: KeptScroll): void {
  const { state, end } = jump;
  useLayoutEffect(() => {
    if (state?.status !== 'loaded') return;
    const target = messages.find((message) => seqOf(message) !== null && (seqOf(message) ?? 0) >= state.seq);
    const row = target === undefined ? null : (keeper.current?.show(keyOf(target)) ?? null);
    if (row !== null) {
      row.focus({ preventScroll: true });
      const colour = getComputedStyle(row).getPropertyValue('--flash');
      row.animate([{ backgroundColor: colour }, { backgroundColor: 'transparent' }], { duration: FLASH_MS, easing: 'ease-out' });
    }
    end();
  }, [state, end, messages, keeper]);
}

function seqOf(message: ThreadMessage | undefined): number | null {
  return message?.state === 'sent' ? message.seq : null;
}

function lastSeqOf(messages: readonly ThreadMessage[], isMeant: (senderId: string) => boolean): number {
  const last = messages.findLast((message) => message.state === 'sent' && isMeant(message.senderId));
  return seqOf(last) ?? 0;
}
