// Connection state recovery by the unmodified client, over links that break. No user may have more than two connections.

import assert from 'node:assert/strict';

import { ask } from '../lib/host.js';
import { Link } from '../lib/link.js';
import { within, BOUND_MS } from '../lib/recorder.js';
import { expect } from '../lib/rest.js';
import { begin, check, connect, done, gateways, putContract, range, rest, scenario, tokens, transports } from '../lib/scenario.js';
import { SocketClient } from '../lib/socket.js';

const post = async (conversationId, content) => {
  const sent = await rest('ada').post(`/api/messages/conversations/${conversationId}/messages`, { content });
  return expect(sent, 201, 'message').seq;
};

/** Ben behind a link of his own, in these conversations. */
async function behindLink(conversations, { transport = 'websocket', gateway = 0 } = {}) {
  const link = await Link.to(gateways[gateway]);
  const options = { ...transports[transport], reconnectionDelay: 50, reconnectionDelayMax: 200 };
  const ben = await SocketClient.open('ben', link.url, tokens.ben, options);
  for (const conversationId of conversations) await done(ben, 'join_conversation', { conversationId });
  return { link, ben, id: ben.socket.id };
}

/** Waits until a client has lost its connection. */
const lost = (client, count = 1) => client.until('lost its connection', () => client.disconnects.length >= count);

/** Breaks ben's link in some way, does something meanwhile, and has him come back to a gateway. */
async function away({ link, ben }, how, gateway, meanwhile = async () => {}) {
  const before = ben.disconnects.length;
  link[how]();
  await lost(ben, before + 1);
  await meanwhile();
  link.mend(gateways[gateway]);
  await ben.connected();
}

/** Checks that a client was recovered and has seen exactly this. */
async function whole({ ben, id }, conversationId, first, last) {
  assert.equal(ben.socket.recovered, true);
  assert.equal(ben.socket.id, id, 'a recovered connection has its id');
  if (last >= first) await ben.message(last);
  const seen = ben.all('new_message').filter((message) => message.conversationId === conversationId);
  assert.deepEqual(seen.map(({ seq }) => seq), range(first, last));
  assert.equal(ben.all('connected').length, 1);
  assert.deepEqual(ben.all('message_notification'), []);
}

/** Has ben leave, and waits until he has said so. */
async function end({ link, ben }) {
  const { engine } = ben.socket.io;
  const closed = new Promise((resolve) => engine.once('close', resolve));
  ben.close();
  await within(BOUND_MS, 'the end of the transport', closed);
  link.close();
}

async function cuts(conversationId) {
  for (const transport of ['websocket', 'polling']) {
    await check(`after a cut a client is given what it missed, at either gateway (${transport})`, async () => {
      const place = await behindLink([conversationId], { transport });
      let seq = await post(conversationId, 'Before');
      const first = seq;
      await place.ben.message(seq);
      for (const gateway of [1, 1, 0, 1]) {
        await away(place, 'cut', gateway, async () => {
          for (const number of range(1, 3)) seq = await post(conversationId, `Missed ${number}`);
        });
        await whole(place, conversationId, first, seq);
        seq = await post(conversationId, 'After');
        await whole(place, conversationId, first, seq);
      }
      await end(place);
    });
  }
  await check('a client to which no event had come is given what it missed', async () => {
    const place = await behindLink([conversationId]);
    let first;
    await away(place, 'cut', 1, async () => {
      first = await post(conversationId, 'Missed');
    });
    await whole(place, conversationId, first, first);
    await end(place);
  });
  await check('a client that missed nothing goes on, and misses nothing afterwards', async () => {
    const place = await behindLink([conversationId]);
    await away(place, 'cut', 1);
    const seq = await post(conversationId, 'Afterwards');
    await whole(place, conversationId, seq, seq);
    await end(place);
  });
}

/** Waits until a user is offline everywhere. */
async function offline(userId) {
  const ada = await connect('ada', 0, 'plain');
  const isOffline = async () => (await done(ada, 'get_presence', { userIds: [userId] })).items[0].status === 'offline';
  while (!await isOffline()) await ada.event('user_presence', (told) => told.userId === userId && told.status === 'offline');
  ada.close();
}

async function halfOpen(conversationId) {
  for (const gateway of [0, 1]) {
    await check(`a half-open connection is superseded, also at the limit of connections (back at gateway ${gateway})`, async () => {
      await offline('ben');
      const ada = await connect('ada', 0);
      const other = await connect('ben', 1, 'plain');
      const place = await behindLink([conversationId]);
      let seq = await post(conversationId, 'Before');
      const first = seq;
      await place.ben.message(seq);
      await away(place, 'halfOpen', gateway, async () => {
        assert.ok(place.link.open > 0, 'the gateway still has the old connection');
        for (const number of range(1, 5)) seq = await post(conversationId, `Missed ${number}`);
      });
      await whole(place, conversationId, first, seq);
      seq = await post(conversationId, 'After');
      await whole(place, conversationId, first, seq);
      await place.link.until('only the new connection is left', 1);
      await done(ada, 'get_presence', { userIds: ['ben'] });
      const told = ada.all('user_presence').filter(({ userId }) => userId === 'ben').map(({ status }) => status);
      assert.deepEqual(told, ['online'], 'nobody was told that the user went');
      await end(place);
      other.close();
      ada.close();
    });
  }
}

async function notRecovered(conversationId) {
  await check('a client that left by its own word begins anew', async () => {
    const place = await behindLink([conversationId]);
    const { ben } = place;
    await post(conversationId, 'Seen').then((seq) => ben.message(seq));
    ben.socket.disconnect();
    // Its way to another gateway may be shorter than that of its last words.
    await place.link.until('the connection is gone', 0);
    ben.socket.connect();
    await ben.connected();
    assert.equal(ben.socket.recovered, false);
    await ben.until('a second connected', () => ben.all('connected').length === 2);
    const seen = ben.seqs().length;
    await post(conversationId, 'Not joined');
    await ben.event('message_notification');
    assert.equal(ben.seqs().length, seen);
    await end(place);
  });
  await check('an offset that is older than what is kept, or made up, recovers nothing', async () => {
    for (const [offset, recovers] of [['.7', false], ['.0.0-x', false], ['.0.0-999999', true]]) {
      const place = await behindLink([conversationId]);
      const { ben } = place;
      await away(place, 'cut', 1, async () => {
        ben.socket._lastOffset = ben.socket._pid.slice(0, 6) + offset;
      });
      assert.equal(ben.socket.recovered, recovers, offset);
      // What the log has not, the client cannot have: it is closed, and then begins anew.
      if (recovers) {
        await ben.until('closed once more', () => ben.disconnects.length === 2);
        await ben.connected();
        assert.equal(ben.socket.recovered, false, offset);
      }
      await ben.until('a second connected', () => ben.all('connected').length === 2);
      await end(place);
    }
  });
}

async function many() {
  await check('a client in many conversations is whole, also after its positions were stored anew', async () => {
    const conversations = [];
    for (const index of range(1, 40)) {
      await putContract(`c-many-${index}`);
      conversations.push(await begin(`c-many-${index}`));
    }
    const place = await behindLink(conversations);
    const { ben } = place;
    for (const round of range(2, 5)) {
      for (const conversationId of conversations) assert.equal(await post(conversationId, 'Once more'), round);
      await ben.until(`round ${round}`, () => ben.seqs().length === (round - 1) * conversations.length);
    }
    await away(place, 'cut', 1, async () => {
      for (const conversationId of conversations.slice(10)) await post(conversationId, 'Missed');
    });
    await ben.until('all missed', () => ben.seqs().length === 4 * conversations.length + 30);
    for (const [index, conversationId] of conversations.entries()) {
      await whole(place, conversationId, 2, index < 10 ? 5 : 6);
    }
    await done(ben, 'leave_conversation', { conversationId: conversations[0] });
    await away(place, 'cut', 0);
    await done(ben, 'join_conversation', { conversationId: conversations[0] });
    await whole(place, conversations[1], 2, 5);
    await end(place);
  });
}

/** Joins a conversation as soon as that can be done: what a client has joined must be kept where NATS was empty. */
async function joined(client, conversationId) {
  const deadline = Date.now() + BOUND_MS;
  for (;;) {
    const ack = await client.emit('join_conversation', { conversationId });
    if (ack.ok) return;
    assert.equal(ack.error.code, 'unavailable');
    assert.ok(Date.now() < deadline, 'it can be joined in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function deaths(conversationId) {
  await check('after NATS lost its memory a client is recovered as before', async () => {
    await putContract('c-other');
    const other = await begin('c-other');
    const place = await behindLink([conversationId]);
    let seq = await post(conversationId, 'Before');
    const first = seq;
    await place.ben.message(seq);
    await ask('restart nats empty');
    await joined(place.ben, other);
    await away(place, 'cut', 1, async () => {
      seq = await post(conversationId, 'Missed');
    });
    await whole(place, conversationId, first, seq);
    await end(place);
  });
  await check('a client of a gateway that is killed goes on at another one, also if it was told nothing before', async () => {
    const told = await behindLink([conversationId]);
    const first = await post(conversationId, 'Before');
    await told.ben.message(first);
    const untold = await behindLink([conversationId]);
    await ask('kill gateway 0');
    await Promise.all([lost(told.ben), lost(untold.ben)]);
    const seq = await post(conversationId, 'Missed');
    for (const place of [told, untold]) place.link.mend(gateways[1]);
    await Promise.all([told.ben.connected(), untold.ben.connected()]);
    await whole(told, conversationId, first, seq);
    await whole(untold, conversationId, seq, seq);
    await end(told);
    await end(untold);
  });
}

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  await cuts(conversationId);
  await halfOpen(conversationId);
  await notRecovered(conversationId);
  await many();
  await deaths(conversationId);
});
