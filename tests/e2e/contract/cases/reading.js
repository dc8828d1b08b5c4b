// Reading by events, and who hears of it.

import assert from 'node:assert/strict';

import { rowOverSockets } from '../table.js';
import { done, expect } from '../world.js';

const marks = (client) => client.all('messages_read').map(({ userId, readSeq }) => `${userId} ${readSeq}`);

rowOverSockets('R-SEEN-1', 'mark_as_read needs no join and acknowledges the read mark', async (t) => {
  const c = await t.begin();
  await t.say(t.ada, c, 'Two');
  const ben = await t.connect(t.ben);
  const one = await done(ben, 'mark_as_read', { conversationId: c.conversationId, upToSeq: 1 });
  assert.deepEqual([one.readSeq, one.unreadCount], [1, 1]);
  const all = await done(ben, 'mark_as_read', { conversationId: c.conversationId });
  assert.deepEqual([all.readSeq, all.unreadCount], [2, 0]);
  assert.equal((await t.see(t.ada, c)).participants[1].readAt, all.readAt);
});

rowOverSockets(['R-MARKED-1', 'R-MARKED-2'], 'a mark that grew is told to who joined and to all connections of the reader', async (t) => {
  const c = await t.begin();
  for (const content of ['Two', 'Three']) await t.say(t.ada, c, content);
  const { conversationId } = c;
  const [ada, adaOutside] = [await t.joined(t.ada, c), await t.connect(t.ada)];
  const [ben, benOutside] = [await t.joined(t.ben, c), await t.connect(t.ben)];
  const first = await done(benOutside, 'mark_as_read', { conversationId, upToSeq: 2 });
  for (const upToSeq of [0, 1, 2]) await done(ben, 'mark_as_read', { conversationId, upToSeq });
  const byRest = expect(await t.rest(t.ben).patch(`${c.path}/read`, { upToSeq: 99 }), 200, 'read_receipt');
  await done(ben, 'mark_as_read', { conversationId });
  await done(adaOutside, 'mark_as_read', { conversationId, upToSeq: 1 });
  for (const [client, expected] of [
    [ada, [`${t.ben} 2`, `${t.ben} 3`, `${t.ada} 1`]], [ben, [`${t.ben} 2`, `${t.ben} 3`, `${t.ada} 1`]],
    [benOutside, [`${t.ben} 2`, `${t.ben} 3`]], [adaOutside, [`${t.ada} 1`]],
  ]) {
    await client.until(`messages_read ${expected}`, () => marks(client).length >= expected.length);
    assert.deepEqual(marks(client), expected, client.name);
  }
  const { ok, ...receipt } = first;
  assert.deepEqual([ok, ada.all('messages_read')[0].readAt, ada.all('messages_read')[0].unreadCount], [true, receipt.readAt, receipt.unreadCount]);
  assert.deepEqual(benOutside.all('messages_read')[1], byRest);
  await t.say(t.ada, c, 'A fence');
  await ben.message(4);
  assert.equal(marks(ben).length, 3);
});
