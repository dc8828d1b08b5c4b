import type { Attachment, MessagingClient } from '@freelancehub/messaging-client';
import { randomId } from '@freelancehub/messaging-client';

import { keepDraft } from '../compose/drafts.js';
import { formatRoute } from '../route/path.js';
import type { Route } from '../route/path.js';
import { navigate } from '../route/route.js';
import { explain } from '../text/explain.js';
import { Signal } from './signal.js';
import { countStart } from './unsent.js';

/** Where a conversation is begun. */
export type StartRoute = Extract<Route, { view: 'new' }>;

/** How far the message is that begins a conversation. */
export interface StartState {
  isBusy: boolean;
  /** Why it was not taken. */
  error: string | null;
}

interface Start extends StartState {
  /** What is sent, to be known again. */
  content: string;
  clientMessageId: string;
}

/** Starts that are remembered; of those that have failed the oldest goes first. */
const STARTS_MAX = 100;

const NONE: StartState = { isBusy: false, error: null };

// They outlive the view in which they were written: whoever comes back finds them on their way, and does not send them twice.
const starts = new Map<string, Start>();
const changed = new Signal();

export const subscribeToStarts = changed.subscribe;

function keyOf(userId: string, route: StartRoute): string {
  return `${userId} ${formatRoute(route)}`;
}

export function startAt(userId: string, route: StartRoute): StartState {
  return starts.get(keyOf(userId, route)) ?? NONE;
}

/**
 * Sends the message that begins a conversation, and goes there unless somebody has gone elsewhere meanwhile.
 *
 * The draft is kept until the message is stored. One that is sent again has the same name: an attempt without an answer may have been
 * stored.
 */
export async function startBy(
  client: MessagingClient,
  userId: string,
  route: StartRoute,
  text: string,
  attachments: Attachment[],
): Promise<void> {
  const key = keyOf(userId, route);
  const content = JSON.stringify([text, attachments.map(({ id }) => id)]);
  const before = starts.get(key);
  const clientMessageId = before?.content === content ? before.clientMessageId : randomId();
  const start: Start = { content, clientMessageId, isBusy: true, error: null };
  const endCount = countStart();
  remember(key, start);
  try {
    const { contractId, milestoneId } = route;
    const { conversation } = await client.start(contractId, milestoneId, text, { attachments, clientMessageId });
    keepDraft(userId, formatRoute(route), '');
    if (location.pathname === formatRoute(route)) navigate({ view: 'conversation', id: conversation.id }, { replace: true });
    if (starts.get(key) === start) starts.delete(key);
  } catch (thrown) {
    if (starts.get(key) === start) starts.set(key, { ...start, isBusy: false, error: explain(thrown) });
    throw thrown;
  } finally {
    endCount();
    changed.tell();
  }
}

function remember(key: string, start: Start): void {
  starts.delete(key);
  starts.set(key, start);
  const [oldest] = [...starts].find(([, { isBusy }]) => !isBusy) ?? [];
  if (starts.size > STARTS_MAX && oldest !== undefined) starts.delete(oldest);
  changed.tell();
}

/** Their client is closed: nothing of them will be stored any more. */
export function forgetStarts(): void {
  starts.clear();
  changed.tell();
}
