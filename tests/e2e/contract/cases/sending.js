// Sending by events.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { NOBODYS_ID, apis, done, expect, range, refused } from '../world.js';

rowOverSockets('R-SEND-1', 'sending needs no join', async (t) => {
  const c = await t.begin();
  const [ada, ben] = [await t.connect(t.ada), await t.joined(t.ben, c)];
  const { message } = await done(ada, 'send_message', { conversationId: c.conversationId, content: 'Hi' });
  assert.deepEqual([message.seq, message.senderId, message.contractId], [2, t.ada, c.contractId]);
  assert.deepEqual(await ben.message(2), message);
  await done(ada, 'get_presence', { userIds: [t.ada] });
  assert.deepEqual(ada.all('new_message'), []);
});

rowOverSockets('R-SEND-2', 'what has been acknowledged is in the history of every replica at once', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  for (const index of range(1, 5)) {
    const { message } = await done(ada, 'send_message', { conversationId: c.conversationId, content: `Number ${index}` });
    for (const api of apis.keys()) {
      const { items } = expect(await t.rest(t.ben, api).get(`${c.path}/messages?limit=1`), 200, 'history_page');
      assert.deepEqual(items, [message]);
      assert.equal(expect(await t.rest(t.ben, api).get(c.path), 200).lastSeq, message.seq);
    }
  }
});

rowOverSockets('R-SEND-3', 'the rules are those of REST', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  const { conversationId } = c;
  for (const [data, code] of [
    [{ conversationId, content: ' ' }, 'validation_failed'], [{ conversationId: NOBODYS_ID, content: 'Hi' }, 'not_found'],
    [{ conversationId: 'x', content: 'Hi' }, 'validation_failed'], [{ conversationId, content: 'Hi', clientMessageId: 'x'.repeat(65) }, 'validation_failed'],
    [{ conversationId, content: 'Hi', attachments: range(1, 11).map(() => ({ id: NOBODYS_ID })) }, 'validation_failed'],
    [{ conversationId, content: 'Hi', attachments: range(1, 10).map((index) => ({ id: `${index}`.padStart(24, '0') })) }, 'not_found'],
  ]) await refused(ada, 'send_message', data, code);
  const { message } = await done(ada, 'send_message', { conversationId, content: 'Hi', clientMessageId: 'x'.repeat(64) });
  assert.equal(message.seq, 2);
});

rowOverSockets(['R-CREATE-1', 'R-CREATE-2'], 'create_message opens the conversation and joins it', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  const { contractId } = t;
  const [ada, ben] = [await t.connect(t.ada), await t.connect(t.ben)];
  for (const milestoneId of [null, 'm-1']) {
    const { message, conversation, duplicate } = await done(ada, 'create_message', { contractId, milestoneId, content: 'Hi' });
    assert.deepEqual([message.seq, message.milestoneId, conversation.milestoneId, !duplicate], [1, milestoneId, milestoneId, true]);
    const seen = await t.see(t.ada, { path: `/api/messages/conversations/${conversation.id}` });
    assert.deepEqual([conversation, conversation.lastMessage, message.conversationId], [seen, message, seen.id]);
    const again = await done(ben, 'create_message', { contractId, milestoneId, content: 'Ho' });
    assert.deepEqual([again.message.seq, again.conversation.id], [2, conversation.id]);
    const { message: third } = await done(ben, 'send_message', { conversationId: conversation.id, content: 'Three' });
    for (const client of [ada, ben]) {
      await client.until('the third', () => client.all('new_message').some(({ id }) => id === third.id));
      assert.deepEqual(client.all('new_message').filter(({ conversationId, seq }) => conversationId === third.conversationId && seq > 2), [third]);
    }
    assert.deepEqual(ada.all('new_message').filter(({ id }) => id === again.message.id), [again.message]);
  }
  assert.deepEqual(ada.all('message_notification'), []);
});

rowOverSockets('R-CREATE-3', 'an unknown contract or milestone, or one of others, is not_found', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  const { contractId } = t;
  const [ada, cleo] = [await t.connect(t.ada), await t.connect(t.cleo)];
  await refused(ada, 'create_message', { contractId: `no-${t.key}`, content: 'Hi' }, 'not_found');
  await refused(ada, 'create_message', { contractId, milestoneId: 'm-2', content: 'Hi' }, 'not_found');
  await refused(cleo, 'create_message', { contractId, content: 'Hi' }, 'not_found');
  await refused(cleo, 'create_message', { contractId, milestoneId: 'm-1', content: 'Hi' }, 'not_found');
  await refused(ada, 'create_message', { content: 'Hi' }, 'validation_failed');
  assert.deepEqual((await t.rest(t.ada).get('/api/messages/conversations')).body.items, []);
});

row('R-NEW-2', 'everyone who joined gets every seq once and in order, whatever is sent at the same time', async (t) => {
  const c = await t.begin();
  const clients = [];
  for (const user of [t.ada, t.ben]) {
    for (const dialect of ['default', 'websocket', 'polling', 'plain']) clients.push(await t.joined(user, c, { dialect }));
  }
  const last = 241;
  await Promise.all(range(2, last).map(async (index) => {
    const content = `About ${index} ${'x'.repeat(index % 7 ? 10 : 5_000)}`;
    if (index % 2) return t.say(index % 3 ? t.ada : t.ben, c, content);
    return done(clients[index % clients.length], 'send_message', { conversationId: c.conversationId, content });
  }));
  const stored = [];
  for (const after of [0, 100, 200]) stored.push(...(await t.rest(t.ada).get(`${c.path}/messages?limit=100&after=${after}`)).body.items);
  for (const client of clients) {
    await client.message(last);
    assert.deepEqual(client.seqs(), range(2, last), client.name);
    assert.deepEqual(client.all('new_message'), stored.slice(1), client.name);
  }
}, { group: 'open' });
