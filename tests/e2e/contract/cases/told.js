// To whom new messages and notifications go.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { done, expect } from '../world.js';

rowOverSockets(['R-NEW-1', 'R-NOTE-1'], 'a message goes to who joined, and a notification to the rest of the other participant', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const [ada, adaToo, adaOutside] = [await t.joined(t.ada, c), await t.joined(t.ada, c), await t.connect(t.ada)];
  const [ben, benOutside, benElsewhere] = [await t.joined(t.ben, c), await t.connect(t.ben), await t.connect(t.ben)];
  const cleo = await t.connect(t.cleo);
  const { message } = await done(ada, 'send_message', { conversationId, content: 'One' });
  const byRest = await t.say(t.ben, c, 'Two');
  await done(benOutside, 'send_message', { conversationId, content: 'Three' });
  const last = await t.say(t.ada, c, 'Four');
  for (const client of [ada, adaToo, ben]) {
    await client.message(5);
    assert.deepEqual([client.seqs(), client.seqs('message_notification')], [[2, 3, 4, 5], []], client.name);
    assert.deepEqual([client.all('new_message')[0], client.all('new_message')[1], client.all('new_message')[3]], [message, byRest, last]);
  }
  for (const [client, seqs] of [[benOutside, [2, 5]], [benElsewhere, [2, 5]], [adaOutside, [3, 4]]]) {
    await client.event('message_notification', ({ seq }) => seq === seqs[1]);
    assert.deepEqual([client.seqs(), client.seqs('message_notification')], [[], seqs], client.name);
  }
  const { conversationId: id, contractId, milestoneId, messageId, seq, senderId } = benOutside.all('message_notification')[0];
  assert.deepEqual([id, contractId, milestoneId, messageId, seq, senderId], [conversationId, c.contractId, null, message.id, 2, t.ada]);
  await done(cleo, 'get_presence', { userIds: [t.cleo] });
  assert.deepEqual([cleo.seqs(), cleo.all('message_notification')], [[], []]);
});

rowOverSockets('R-NOTE-1', 'the first message of a conversation is notified, and so is one of a milestone', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  const [ada, ben] = [await t.connect(t.ada), await t.connect(t.ben)];
  const byRest = expect(await t.rest(t.ada).post('/api/messages', { contractId: t.contractId, milestoneId: 'm-1', content: ' Hi ' }), 201);
  const note = await ben.event('message_notification');
  assert.deepEqual(note, {
    conversationId: byRest.conversationId, contractId: t.contractId, milestoneId: 'm-1', messageId: byRest.id, seq: 1, senderId: t.ada, preview: 'Hi', unreadCount: 1,
  });
  const { message } = await done(ada, 'create_message', { contractId: t.contractId, content: 'Ho' });
  assert.equal((await ben.event('message_notification', ({ milestoneId }) => milestoneId === null)).messageId, message.id);
  assert.deepEqual(ada.all('message_notification'), []);
});

rowOverSockets('R-NOTE-2', 'a preview is the first 140 scalar values', async (t) => {
  const c = await t.begin();
  const ben = await t.connect(t.ben);
  const texts = ['x'.repeat(139), 'x'.repeat(140), 'x'.repeat(141), '😀'.repeat(141), `${'é'.repeat(139)}😀z`, ` ${'y'.repeat(200)}`, 'two\nlines'];
  for (const [index, text] of texts.entries()) {
    await t.say(t.ada, c, text);
    const { preview } = await ben.event('message_notification', ({ seq }) => seq === index + 2);
    assert.equal(preview, [...text.trim()].slice(0, 140).join(''));
  }
});

rowOverSockets('R-NOTE-3', 'a notification has the unread count of its recipient, with this message', async (t) => {
  const c = await t.begin();
  const ben = await t.connect(t.ben);
  const count = async (seq) => (await ben.event('message_notification', (note) => note.seq === seq)).unreadCount;
  await t.say(t.ada, c, 'Two');
  assert.equal(await count(2), 2);
  await t.say(t.ben, c, 'Three');
  await t.say(t.ada, c, 'Four');
  assert.equal(await count(4), 3);
  await done(ben, 'mark_as_read', { conversationId: c.conversationId, upToSeq: 3 });
  await t.say(t.ada, c, 'Five');
  assert.equal(await count(5), 2);
});

row('R-NOTE-1', 'a duplicate, an edit and a deletion notify nobody', async (t) => {
  const c = await t.begin();
  const ben = await t.connect(t.ben);
  const draft = { content: 'Two', clientMessageId: 'x' };
  const sent = await t.say(t.ada, c, draft.content, draft);
  expect(await t.rest(t.ada).post(`${c.path}/messages`, draft), 200);
  expect(await t.rest(t.ada).patch(`${c.path}/messages/${sent.id}`, { content: 'Too' }), 200);
  expect(await t.rest(t.ada).delete(`${c.path}/messages/${sent.id}`), 200);
  await t.say(t.ada, c, 'Three');
  await ben.event('message_notification', ({ seq }) => seq === 3);
  assert.deepEqual(ben.seqs('message_notification'), [2, 3]);
});
