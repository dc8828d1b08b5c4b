// Who types is shown to the others, until he stops, leaves, goes or falls silent.

import assert from 'node:assert/strict';
import { setTimeout as pass } from 'node:timers/promises';

import { begin, check, connect, done, putContract, scenario } from '../lib/scenario.js';

const LAPSE_MS = 5_000;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const [ada, adaElsewhere] = [await connect('ada', 0), await connect('ada', 1, 'polling')];
  const [ben, benOutside] = [await connect('ben', 1), await connect('ben', 0, 'plain')];
  for (const client of [ada, adaElsewhere, ben]) await done(client, 'join_conversation', { conversationId });
  const typing = (client, isTyping) => done(client, 'typing', { conversationId, isTyping });
  const told = (client, count) =>
    client.until(`${count} user_typing`, () => client.all('user_typing').length === count && client.all('user_typing'));

  await check('typing is told, and that it ended', async () => {
    await typing(ada, true);
    assert.deepEqual(await told(ben, 1), [{ conversationId, userId: 'ada', isTyping: true }]);
    await typing(ada, false);
    assert.equal((await told(ben, 2))[1].isTyping, false);
  });
  await check('a connection that has not joined can type, too', async () => {
    await typing(benOutside, true);
    for (const client of [ada, adaElsewhere]) {
      assert.deepEqual(await told(client, 1), [{ conversationId, userId: 'ben', isTyping: true }]);
    }
    await typing(benOutside, false);
    for (const client of [ada, adaElsewhere]) assert.equal((await told(client, 2))[1].isTyping, false);
  });
  await check('typing that is not renewed lapses after 5 s', async () => {
    await typing(ada, true);
    await told(ben, 3);
    await pass(LAPSE_MS / 2);
    await typing(ada, true);
    const renewed = Date.now();
    await ben.until('an end of typing', () => ben.all('user_typing').at(-1).isTyping === false);
    const lapsed = Date.now() - renewed;
    assert.ok(lapsed > LAPSE_MS - 200 && lapsed < LAPSE_MS + 2_000, `it lapsed after ${lapsed} ms`);
  });
  const ends = async (sentence, client, end) => {
    await check(sentence, async () => {
      await typing(client, true);
      await ben.until('typing', () => ben.all('user_typing').at(-1).isTyping);
      const ended = Date.now();
      await end();
      await ben.until('an end of typing', () => !ben.all('user_typing').at(-1).isTyping);
      assert.ok(Date.now() - ended < LAPSE_MS / 2, 'it did not end at once');
    });
  };
  await ends('leaving ends it', ada, () => done(ada, 'leave_conversation', { conversationId }));
  await ends('disconnecting ends it', adaElsewhere, () => adaElsewhere.close());
  await check('nobody is told of himself, and nobody who has not joined', () => {
    assert.ok(ada.all('user_typing').every(({ userId }) => userId === 'ben'));
    assert.ok(adaElsewhere.all('user_typing').every(({ userId }) => userId === 'ben'));
    assert.ok(ben.all('user_typing').every(({ userId }) => userId === 'ada'));
    assert.deepEqual(benOutside.all('user_typing'), []);
  });
});
