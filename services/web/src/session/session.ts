import { MessagingClient } from '@freelancehub/messaging-client';

import { forgetDrafts } from '../compose/drafts.js';
import { readClaims } from './claims.js';
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

let state: SessionState = { status: 'signed out', notice: null };
const listeners = new Set<() => void>();

function become(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

export const session = {
  get: (): SessionState => state,

  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },

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
  },

  /** Goes on as whoever was signed in before the page was loaded anew. */
  resume: (): void => {
    const remembered = recall();
    if (remembered !== null) begin(remembered);
  },
};

function begin(remembered: Remembered): void {
  const claims = readClaims(remembered.token);
  if (claims === null) {
    end(NOTICES.unreadable);
    return;
  }
  if (claims.expiresAtMs !== null && claims.expiresAtMs <= Date.now()) {
    end(NOTICES.expired);
    return;
  }
  const { userId, name } = claims;
  const client = new MessagingClient({ url: serviceUrl(), token: () => remembered.token });
  let hasConnected = false;
  client.connection.subscribe(() => {
    const { status, error } = client.connection.get();
    hasConnected ||= status === 'connected';
    if (status !== 'refused' || error?.code !== 'unauthorized') return;
    const isOver = hasConnected || (claims.expiresAtMs !== null && claims.expiresAtMs <= Date.now());
    end(isOver ? NOTICES.expired : NOTICES.refused);
  });
  sessionStorage.setItem(KEY, JSON.stringify(remembered));
  const names = { ...remembered.names, ...(name === null ? {} : { [userId]: name }) };
  become({ status: 'signed in', client, userId, names, contracts: remembered.contracts });
  // What becomes of it is told by the client's state.
  client.connect().catch(() => undefined);
}

function end(notice: string | null): void {
  sessionStorage.removeItem(KEY);
  const before = state;
  become({ status: 'signed out', notice });
  if (before.status === 'signed in') before.client.close();
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
