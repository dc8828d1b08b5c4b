// Who types is shown to the others.

import assert from 'node:assert/strict';

import { rowOverSockets } from '../table.js';
import { done, refused } from '../world.js';

const LAPSE_MS = 5_000;

const told = (client) => client.all('user_typing').map(({ userId, isTyping }) => [userId, isTyping]);
const untilTold = (client, count) => client.until(`${count} user_typing`, () => told(client).length >= count);

rowOverSockets(['R-TYPING-1', 'R-TYPE-1'], 'typing is told to who joined, and to none of the own connections', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const [ada, adaToo, ben, benOutside] = [await t.joined(t.ada, c), await t.joined(t.ada, c), await t.joined(t.ben, c), await t.connect(t.ben)];
  assert.deepEqual(await ada.emit('typing', { conversationId, isTyping: true }), { ok: true });
  await untilTold(ben, 1);
  assert.deepEqual(ben.all('user_typing'), [{ conversationId, userId: t.ada, isTyping: true }]);
  await done(ada, 'typing', { conversationId, isTyping: false });
  await untilTold(ben, 2);
  assert.deepEqual(await benOutside.emit('typing', { conversationId, isTyping: true }), { ok: true });
  for (const client of [ada, adaToo]) {
    await untilTold(client, 1);
    assert.deepEqual(told(client), [[t.ben, true]]);
  }
  await done(benOutside, 'typing', { conversationId, isTyping: false });
  for (const client of [ada, adaToo]) await untilTold(client, 2);
  await t.say(t.ada, c, 'A fence');
  await ben.message(2);
  await benOutside.event('message_notification');
  assert.deepEqual([told(ben), told(ada), told(adaToo), told(benOutside)],
    [[[t.ada, true], [t.ada, false]], [[t.ben, true], [t.ben, false]], [[t.ben, true], [t.ben, false]], []]);
});

rowOverSockets('R-TYPE-1', 'typing is checked like other events', async (t) => {
  const c = await t.begin();
  const [ada, cleo] = [await t.connect(t.ada), await t.connect(t.cleo)];
  for (const isTyping of [undefined, null, 1, 'true']) {
    await refused(ada, 'typing', { conversationId: c.conversationId, isTyping }, 'validation_failed');
  }
  await refused(cleo, 'typing', { conversationId: c.conversationId, isTyping: true }, 'not_found');
});

rowOverSockets('R-TYPING-2', 'typing that is not renewed ends after 5 s', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const [ada, ben] = [await t.joined(t.ada, c), await t.joined(t.ben, c)];
  await done(ada, 'typing', { conversationId, isTyping: true });
  await untilTold(ben, 1);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await done(ada, 'typing', { conversationId, isTyping: true });
  const renewed = Date.now();
  await ben.until('the end of typing', () => told(ben).at(-1)[1] === false);
  const lapsed = Date.now() - renewed;
  assert.ok(lapsed > LAPSE_MS - 300 && lapsed < LAPSE_MS + 2_500, `it ended after ${lapsed} ms`);
  assert.equal(told(ben).filter(([, isTyping]) => !isTyping).length, 1);
}, { slow: true });

rowOverSockets('R-TYPING-3', 'leaving ends it at once', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const [ada, ben] = [await t.joined(t.ada, c), await t.joined(t.ben, c)];
  await done(ada, 'typing', { conversationId, isTyping: true });
  await untilTold(ben, 1);
  const left = Date.now();
  await done(ada, 'leave_conversation', { conversationId });
  await untilTold(ben, 2);
  assert.deepEqual([told(ben)[1], Date.now() - left < LAPSE_MS / 2], [[t.ada, false], true]);
});

rowOverSockets('R-TYPING-4', 'disconnecting ends it at once', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const [ada, ben] = [await t.connect(t.ada), await t.joined(t.ben, c)];
  await done(ada, 'typing', { conversationId, isTyping: true });
  await untilTold(ben, 1);
  const went = Date.now();
  ada.close();
  await untilTold(ben, 2);
  assert.deepEqual([told(ben)[1], Date.now() - went < LAPSE_MS / 2], [[t.ada, false], true]);
});

rowOverSockets('R-TYPING-4', 'a connection that breaks off ends it, too', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const [ada, ben] = [await t.connect(t.ada), await t.joined(t.ben, c)];
  await done(ada, 'typing', { conversationId, isTyping: true });
  await untilTold(ben, 1);
  const went = Date.now();
  if (ada.socket.terminate === undefined) ada.socket.io.engine.transport.ws.terminate();
  else ada.socket.terminate();
  await untilTold(ben, 2);
  assert.deepEqual([told(ben)[1], Date.now() - went < LAPSE_MS / 2], [[t.ada, false], true]);
}, { dialects: ['websocket', 'plain'] });
