import { MessagingClient, readClaims } from '@freelancehub/messaging-client';

import { forgetDrafts } from '../compose/drafts.js';
import { Signal } from '../state/signal.js';
import { forgetStarts } from '../state/starts.js';
import { forgetUnsent } from '../state/unsent.js';
import type { Demo } from './demo.js';
import { serviceUrl } from './service_url.js';

/** What a window remembers of who it belongs to. */
interface Remembered {
  token: string;
  /** Names of users by their ids, as far as they are known. */
  names: Record<string, string>;
  /** Contracts to write about that are known before there is a conversation. */
  contracts: Demo['contracts'];
}

/** Who is signed in, in this window. */
export type SessionState =
  | { status: 'signed out'; notice: string | null }
  | { status: 'signed in'; client: MessagingClient; userId: string; names: Record<string, string>; contracts: Demo['contracts'] };

// Of the window, so that two windows can be two users.
const KEY = 'session';

const NOTICES = {
  unreadable: 'This is not a token. Paste the whole token, with its two dots.',
  expired: 'Your sign-in has expired. Sign in again to go on.',
  refused: 'The service did not accept this token. Ask for a new one, or choose another user.',
};

/** A user's client. It outlives his token: what he has not sent yet goes out once he has signed in again. */
interface Held {
  userId: string;
  client: MessagingClient;
  token: string;
  expiresAtMs: number | null;
  /** Whether the service has accepted the token. */
  hasConnected: boolean;
}

let state: SessionState = { status: 'signed out', notice: null };
let held: Held | null = null;
const changed = new Signal();

function become(next: SessionState): void {
  state = next;
  changed.tell();
}

export const session = {
  get: (): SessionState => state,

  subscribe: changed.subscribe,

  /** Signs in by a token; what is wrong with it is told by the notice. */
  signIn: (pasted: string, demo: Demo | null = null): void => {
    const token = pasted.trim().replace(/^bearer\s+/i, '');
    const names = Object.fromEntries((demo?.users ?? []).map(({ userId, name }) => [userId, name]));
    begin({ token, names, contracts: demo?.contracts ?? [] });
  },

  /** Signs out, and forgets what was written but not sent. */
  signOut: (): void => {
    if (state.status === 'signed in') forgetDrafts(state.userId);
    end(null);
    letGo();
  },

  /** Goes on as whoever was signed in before the page was loaded anew. */
  resume: (): void => {
    const remembered = recall();
    if (remembered !== null) begin(remembered);
  },
};

function begin(remembered: Remembered): void {
  const { token, contracts } = remembered;
  const { sub: userId, name, expiresAtMs } = readClaims(token);
  if (userId === null) {
    end(NOTICES.unreadable);
    return;
  }
  if (isOver(expiresAtMs)) {
    end(NOTICES.expired);
    return;
  }
  if (held !== null && held.userId !== userId) letGo();
  if (held === null) held = hold(userId, token, expiresAtMs);
  else Object.assign(held, { token, expiresAtMs, hasConnected: false });
  const { client } = held;
  sessionStorage.setItem(KEY, JSON.stringify(remembered));
  const names = { ...remembered.names, ...(name === null ? {} : { [userId]: name }) };
  become({ status: 'signed in', client, userId, names, contracts });
  // What becomes of it is told by the client's state.
  client.connect().catch(() => undefined);
}

function isOver(expiresAtMs: number | null): boolean {
  return expiresAtMs !== null && expiresAtMs <= Date.now();
}

function hold(userId: string, token: string, expiresAtMs: number | null): Held {
  const client = new MessagingClient({ url: serviceUrl(), token: () => made.token });
  const made: Held = { userId, client, token, expiresAtMs, hasConnected: false };
  client.connection.subscribe(() => {
    const { status, error } = client.connection.get();
    made.hasConnected ||= status === 'connected';
    if (made !== held || status !== 'refused' || error?.code !== 'unauthorized') return;
    end(made.hasConnected || isOver(made.expiresAtMs) ? NOTICES.expired : NOTICES.refused);
  });
  return made;
}

/** Closes the client, with all that waits to be sent. */
function letGo(): void {
  held?.client.close();
  held = null;
  forgetUnsent();
  forgetStarts();
}

function end(notice: string | null): void {
  sessionStorage.removeItem(KEY);
  become({ status: 'signed out', notice });
}

function recall(): Remembered | null {
  try {
    const said = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Partial<Remembered> | null;
    if (typeof said?.token !== 'string') return null;
    return { token: said.token, names: said.names ?? {}, contracts: said.contracts ?? [] };
  } catch {
    return null;
  }
}
