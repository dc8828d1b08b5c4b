// The link between NATS and one process alone is cut for a while: of API replica 0, and of gateway 1. Argument: the grace of presence in
// milliseconds.

import assert from 'node:assert/strict';

import { ask } from '../lib/host.js';
import { history } from '../lib/history.js';
import { expect } from '../lib/rest.js';
import { begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';

const HEALED_MS = 5_000;
const GRACE_MS = Number(process.argv[2]);

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const path = `/api/messages/conversations/${conversationId}/messages`;
  const places = [['ada', 0, 'default'], ['ben', 0, 'plain'], ['ada', 1, 'plain'], ['ben', 1, 'default']];
  const clients = await Promise.all(places.map((place) => connect(...place)));
  for (const client of clients) await done(client, 'join_conversation', { conversationId });
  const near = clients.slice(0, 2);
  const post = async (api, content) => expect(await rest('ada', api).post(path, { content }), 201, 'message');

  await check('what an API replica stores while it cannot tell is told once it can', async () => {
    await ask('cut the link of api 0');
    const stored = await Promise.all(range(1, 10).map((number) => post(0, `Untold ${number}`)));
    for (const client of clients) assert.deepEqual(client.seqs(), [], client.name);
    await ask('mend the link of api 0');
    const last = Math.max(...stored.map(({ seq }) => seq));
    for (const client of clients) await client.message(last, HEALED_MS);
  });
  await check('a gateway that cannot hear keeps its sockets, and gives them afterwards what they missed', async () => {
    await ask('cut the link of gateway 1');
    let last;
    for (const number of range(1, 10)) last = await post(1, `Unheard ${number}`);
    for (const client of near) await client.message(last.seq);
    await ask('mend the link of gateway 1');
    for (const client of clients) await client.message(last.seq, HEALED_MS);
  });
  const expected = (await history('ben', conversationId, 1)).slice(1);
  const change = async (api) => {
    const [edited, deleted] = expected.splice(0, 2);
    const here = rest(edited.senderId, api);
    for (const content of ['Edited once', 'Edited twice']) expect(await here.patch(`${path}/${edited.id}`, { content }), 200, 'message');
    expect(await rest(deleted.senderId, api).delete(`${path}/${deleted.id}`), 200, 'message');
    return { edited: edited.id, deleted: deleted.id };
  };
  const seen = ({ id }) => id;
  await check('who joined sees the changes that an API replica could not tell of', async () => {
    await ask('cut the link of api 0');
    const { edited, deleted } = await change(0);
    await ask('mend the link of api 0');
    for (const client of clients) {
      await client.event('message_updated', ({ id, content }) => id === edited && content === 'Edited twice', HEALED_MS);
      await client.event('message_deleted', ({ id }) => id === deleted, HEALED_MS);
    }
  });
  await check('who joined sees the changes that a gateway could not hear of, and the others see them once', async () => {
    await ask('cut the link of gateway 1');
    const { edited, deleted } = await change(1);
    for (const client of near) await client.event('message_deleted', ({ id }) => id === deleted);
    await ask('mend the link of gateway 1');
    for (const client of clients) {
      await client.event('message_updated', ({ id, content }) => id === edited && content === 'Edited twice', HEALED_MS);
      await client.event('message_deleted', ({ id }) => id === deleted, HEALED_MS);
    }
    // What is told of again reaches all of them; the next message comes behind it.
    const { seq } = await post(1, 'Behind');
    for (const client of clients) await client.message(seq);
    for (const client of clients) {
      assert.deepEqual(client.all('message_deleted').map(seen).filter((id) => id === deleted), [deleted], client.name);
      const updates = client.all('message_updated').filter(({ id }) => id === edited).map(({ content }) => content);
      const all = near.includes(client) ? ['Edited once', 'Edited twice'] : ['Edited twice'];
      assert.deepEqual(updates, all, client.name);
    }
  });
  await check('read marks and notifications that a gateway could not hear of are told once it can, once', async () => {
    const apart = await Promise.all([['ada', 0, 'default'], ['ada', 1, 'default'], ['ada', 1, 'plain'], ['ben', 1, 'plain']].map((place) => connect(...place)));
    const [ofReader, ofReaderFar, ofReaderPlain, ofSender] = apart;
    const mark = async (upToSeq) => expect(await rest('ada', 1).patch(`/api/messages/conversations/${conversationId}/read`, { upToSeq }), 200, 'read_receipt');
    const has = (upToSeq) => ({ userId, readSeq }) => userId === 'ada' && readSeq === upToSeq;
    await mark(3);
    for (const client of [...clients, ofReader, ofReaderFar, ofReaderPlain]) await client.event('messages_read', has(3));
    await ask('cut the link of gateway 1');
    await mark(5);
    await mark(7);
    const { seq } = expect(await rest('ben', 1).post(path, { content: 'Unnoticed' }), 201, 'message');
    for (const client of [...near, ofReader]) await client.event('messages_read', has(7));
    await ofReader.event('message_notification', (told) => told.seq === seq);
    await ask('mend the link of gateway 1');
    for (const client of [...clients, ofReader, ofReaderFar, ofReaderPlain]) await client.event('messages_read', has(7), HEALED_MS);
    for (const client of [ofReader, ofReaderFar, ofReaderPlain]) await client.event('message_notification', (told) => told.seq === seq, HEALED_MS);
    // What is told of again reaches all of them; the next message and its notification come behind it.
    const behind = expect(await rest('ben', 1).post(path, { content: 'Behind' }), 201, 'message');
    for (const client of clients) await client.message(behind.seq);
    for (const client of [ofReader, ofReaderFar, ofReaderPlain]) await client.event('message_notification', (told) => told.seq === behind.seq);
    const marks = (client) => client.all('messages_read').map(({ readSeq }) => readSeq);
    for (const client of [...near, ofReader]) assert.deepEqual(marks(client), [3, 5, 7], client.name);
    for (const client of [clients[2], clients[3], ofReaderFar, ofReaderPlain]) assert.deepEqual(marks(client), [3, 7], client.name);
    const told = (client) => client.all('message_notification').map((notification) => notification.seq);
    for (const client of [ofReader, ofReaderFar, ofReaderPlain]) assert.deepEqual(told(client), [seq, behind.seq], client.name);
    // Of the message before, which came while his other device's gateway was about to hear again, he may be told.
    assert.deepEqual([marks(ofSender), told(ofSender).filter((number) => number >= seq)], [[], []]);
  });
  await check('who came and went while a gateway could not hear is told of once it can, once', async () => {
    await putContract('c-2', { clientId: 'cleo' });
    const [near, far] = await Promise.all([connect('ben', 0), connect('ben', 1)]);
    const told = (client) => client.all('user_presence').filter(({ userId }) => userId === 'cleo').map(({ status }) => status);
    const has = (client, ...statuses) => client.until(`user_presence of cleo: ${statuses}`, () => told(client).length >= statuses.length, HEALED_MS + GRACE_MS);
    await ask('cut the link of gateway 1');
    const coming = await connect('cleo', 0);
    await has(near, 'online');
    await ask('mend the link of gateway 1');
    await has(far, 'online');
    await ask('cut the link of gateway 1');
    coming.close();
    await has(near, 'online', 'offline');
    await ask('mend the link of gateway 1');
    await has(far, 'online', 'offline');
    // What is told of again reaches both; what another one does comes behind it.
    await connect('cleo', 0);
    for (const client of [near, far]) {
      await has(client, 'online', 'offline', 'online');
      assert.deepEqual(told(client), ['online', 'offline', 'online'], client.name);
    }
  });
  await check('everyone saw everything in order, once', async () => {
    for (const client of clients) {
      assert.deepEqual(client.seqs(), range(2, 24), client.name);
      assert.deepEqual([client.disconnects ?? [], client.all('connected').length], [[], 1]);
    }
  });
});
