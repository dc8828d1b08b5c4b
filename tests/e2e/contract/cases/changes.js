// Edits and deletions, by REST and by events.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { NOBODYS_ID, done, excepted, expect, expectProblem, refused } from '../world.js';

row('R-EDIT-1', 'an edit changes content and editedAt, and nothing else', async (t) => {
  const c = await t.begin();
  const sent = await t.say(t.ben, c, 'Helo', { clientMessageId: 'x' });
  const edited = expect(await t.rest(t.ben).patch(`${c.path}/messages/${sent.id}`, { content: ' Hello ' }), 200, 'message');
  assert.ok(Date.parse(edited.editedAt) >= Date.parse(sent.createdAt));
  assert.deepEqual(edited, { ...sent, content: 'Hello', editedAt: edited.editedAt });
  const again = expect(await t.rest(t.ben).patch(`${c.path}/messages/${sent.id}`, { content: 'Hello!' }), 200, 'message');
  assert.deepEqual(again, { ...sent, content: 'Hello!', editedAt: again.editedAt });
  assert.deepEqual((await t.rest(t.ada).get(`${c.path}/messages`)).body.items, [c.first, again]);
});

row(['R-EDIT-2', 'R-DEL-2'], 'nobody but the sender may edit or delete', async (t) => {
  const c = await t.begin();
  const path = `${c.path}/messages/${c.first.id}`;
  expectProblem(await t.rest(t.ben).patch(path, { content: 'Mine' }), 403, 'forbidden');
  expectProblem(await t.rest(t.ben).delete(path), 403, 'forbidden');
  for (const user of [t.cleo, t.host, t.root]) {
    expectProblem(await t.rest(user).patch(path, { content: 'Mine' }), 404, 'not_found');
    expectProblem(await t.rest(user).delete(path), 404, 'not_found');
  }
  assert.deepEqual((await t.see(t.ada, c)).lastMessage, c.first);
});

row('R-EDIT-3', 'the new text must be one', async (t) => {
  const c = await t.begin();
  const path = `${c.path}/messages/${c.first.id}`;
  for (const content of ['', '  ', '\u3000', 'a\u0007', 'x'.repeat(10_001), null, 7]) {
    expectProblem(await t.rest(t.ada).patch(path, { content }), 400, 'validation_failed');
  }
  assert.ok([400, 415].includes((await t.rest(t.ada).call('PATCH', path)).status), 'no body at all');
  assert.deepEqual((await t.see(t.ada, c)).lastMessage, c.first);
});

row('R-EDIT-4', 'a message of another conversation, or of none, is not_found', async (t) => {
  const [c, other] = [await t.begin(), await t.begin({}, `d-${t.key}`)];
  for (const path of [`${c.path}/messages/${NOBODYS_ID}`, `${c.path}/messages/${other.first.id}`, `${other.path}/messages/${c.first.id}`]) {
    expectProblem(await t.rest(t.ada).patch(path, { content: 'Hi' }), 404, 'not_found');
    expectProblem(await t.rest(t.ada).delete(path), 404, 'not_found');
  }
});

row(['R-DEL-1', 'R-DEL-3'], 'a deletion empties a message, which stays in its place', async (t) => {
  const c = await t.begin();
  const sent = await t.say(t.ada, c, 'Oops', { clientMessageId: 'x' });
  const last = await t.say(t.ben, c, 'What?');
  const deleted = expect(await t.rest(t.ada).delete(`${c.path}/messages/${sent.id}`), 200, 'message');
  assert.ok(Date.parse(deleted.deletedAt) >= Date.parse(sent.createdAt));
  assert.deepEqual(deleted, { ...sent, content: '', attachments: [], deletedAt: deleted.deletedAt });
  assert.deepEqual((await t.rest(t.ben).get(`${c.path}/messages`)).body.items, [c.first, deleted, last]);
});

row('R-DEL-1', 'an edited message can be deleted, and a deletion may bring a body', async (t) => {
  const c = await t.begin();
  const path = `${c.path}/messages/${c.first.id}`;
  const { editedAt } = expect(await t.rest(t.ada).patch(path, { content: 'New' }), 200);
  const deleted = expect(await t.rest(t.ada).call('DELETE', path, {}), 200, 'message');
  assert.deepEqual([deleted.content, deleted.editedAt], ['', editedAt]);
});

rowOverSockets(['R-CHANGE-1', 'R-UPD-1'], 'edits and deletions by events do the same, and are told to who joined', async (t) => {
  const c = await t.begin();
  const [ada, ben, outside] = [await t.joined(t.ada, c), await t.joined(t.ben, c), await t.connect(t.ben)];
  const place = { conversationId: c.conversationId, messageId: c.first.id };
  const edited = (await done(ada, 'edit_message', { ...place, content: ' Second thought ' })).message;
  assert.deepEqual(edited, { ...c.first, content: 'Second thought', editedAt: edited.editedAt });
  const byRest = expect(await t.rest(t.ada).patch(`${c.path}/messages/${c.first.id}`, { content: 'Third' }), 200, 'message');
  const { message: deleted } = await done(ada, 'delete_message', place);
  assert.deepEqual(deleted, { ...byRest, content: '', deletedAt: deleted.deletedAt });
  const { message } = await done(ada, 'send_message', { conversationId: c.conversationId, content: 'The end' });
  for (const client of [ada, ben]) {
    await client.message(message.seq);
    assert.deepEqual([client.all('message_updated'), client.all('message_deleted')], [[edited, byRest], [deleted]], client.name);
  }
  await outside.event('message_notification', ({ seq }) => seq === message.seq);
  assert.deepEqual([outside.all('message_updated'), outside.all('message_deleted')], [[], []]);
  assert.deepEqual(outside.seqs('message_notification'), [2]);
});

rowOverSockets('R-CHANGE-1', 'edits and deletions by events have the codes of REST', async (t) => {
  const c = await t.begin();
  const other = await t.begin({}, `d-${t.key}`);
  const [ada, ben] = [await t.connect(t.ada), await t.connect(t.ben)];
  const place = { conversationId: c.conversationId, messageId: c.first.id };
  await refused(ben, 'edit_message', { ...place, content: 'Mine' }, 'forbidden');
  await refused(ben, 'delete_message', place, 'forbidden');
  await excepted(ben, 'delete_message', place, 'forbidden');
  for (const messageId of [NOBODYS_ID, other.first.id]) {
    await refused(ada, 'edit_message', { ...place, messageId, content: 'Hi' }, 'not_found');
    await refused(ada, 'delete_message', { ...place, messageId }, 'not_found');
  }
  for (const content of ['', ' ', undefined, null, 'a\u0000', 'x'.repeat(10_001)]) {
    await refused(ada, 'edit_message', { ...place, content }, 'validation_failed');
  }
  assert.deepEqual((await t.see(t.ada, c)).lastMessage, c.first);
});
