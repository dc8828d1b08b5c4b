// A message is edited and deleted by its sender; those who joined hear of it, the others need not.

import assert from 'node:assert/strict';

import { expect, expectProblem } from '../lib/rest.js';
import { begin, check, connect, done, putContract, rest, scenario } from '../lib/scenario.js';

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const [ada, ben] = [await connect('ada', 0), await connect('ben', 1)];
  for (const client of [ada, ben]) await done(client, 'join_conversation', { conversationId });
  const { message } = await done(ada, 'send_message', { conversationId, content: 'Helo', clientMessageId: 'to-be-changed' });
  const place = { conversationId, messageId: message.id };
  const path = `/api/messages/conversations/${conversationId}/messages/${message.id}`;
  const refused = async (client, event, data) => (await client.emit(event, data)).error?.code;

  await check('an edit is told to everyone who joined, and keeps the place', async () => {
    const ack = await done(ada, 'edit_message', { ...place, content: 'Hello' });
    assert.deepEqual([ack.message.seq, ack.message.content], [message.seq, 'Hello']);
    assert.ok(ack.message.editedAt);
    for (const client of [ada, ben]) {
      assert.deepEqual(await client.event('message_updated', ({ content }) => content === 'Hello'), ack.message);
    }
  });
  await check('an edit by REST is the same', async () => {
    const edited = expect(await rest('ada', 1).patch(path, { content: 'Hello there' }), 200);
    assert.deepEqual(await ben.event('message_updated', ({ content }) => content === 'Hello there'), edited);
  });
  await check('nobody but its sender may change it', async () => {
    assert.equal(await refused(ben, 'edit_message', { ...place, content: 'Mine' }), 'forbidden');
    assert.equal(await refused(ben, 'delete_message', place), 'forbidden');
    expectProblem(await rest('ben', 0).delete(path), 403, 'forbidden');
    const stranger = await connect('cleo', 0);
    assert.equal(await refused(stranger, 'delete_message', place), 'not_found');
  });
  await check('an edit must say something, and name a message of the conversation', async () => {
    assert.equal(await refused(ada, 'edit_message', { ...place, content: ' ' }), 'validation_failed');
    const elsewhere = { ...place, messageId: '0'.repeat(24) };
    assert.equal(await refused(ada, 'edit_message', { ...elsewhere, content: 'x' }), 'not_found');
  });
  await check('a deletion empties it, is told, shows as the last message and is no activity', async () => {
    const before = expect(await rest('ben', 0).get(`/api/messages/conversations/${conversationId}`), 200);
    const ack = await done(ada, 'delete_message', place);
    assert.deepEqual([ack.message.content, ack.message.attachments, ack.message.seq], ['', [], message.seq]);
    assert.ok(ack.message.deletedAt);
    for (const client of [ada, ben]) assert.deepEqual(await client.event('message_deleted', () => true), ack.message);
    const after = expect(await rest('ben', 1).get(`/api/messages/conversations/${conversationId}`), 200);
    assert.deepEqual(after.lastMessage, ack.message);
    assert.deepEqual([after.updatedAt, after.unreadCount], [before.updatedAt, before.unreadCount]);
  });
  await check('what is deleted stays as it is', async () => {
    expectProblem(await rest('ada', 0).patch(path, { content: 'Back' }), 409, 'conflict');
    expectProblem(await rest('ada', 1).delete(path), 409, 'conflict');
  });
});
