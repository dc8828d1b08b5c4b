// All messages of a conversation, whatever the page size is.

import assert from 'node:assert/strict';

import { expect } from './rest.js';
import { range, rest } from './scenario.js';

/** Reads the whole history by REST, and fails if there is a gap in it. */
export async function history(user, conversationId, api) {
  const messages = [];
  let page;
  do {
    const after = messages.at(-1)?.seq ?? 0;
    const path = `/api/messages/conversations/${conversationId}/messages?limit=100&after=${after}`;
    page = expect(await rest(user, api).get(path), 200, 'history_page');
    messages.push(...page.items);
  } while (page.hasMore);
  assert.deepEqual(messages.map(({ seq }) => seq), range(1, messages.length));
  return messages;
}
