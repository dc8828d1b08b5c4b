// What is refused, with its code; the connection goes on.

import assert from 'node:assert/strict';

import { begin, check, connect, done, gateways, putContract, scenario, tokens, transports } from '../lib/scenario.js';
import { SocketClient, refusal } from '../lib/socket.js';

const NOBODYS_ID = '0123456789abcdef01234567';

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  for (const transport of Object.keys(transports)) {
    await check(`a bad token is unauthorized over ${transport}`, () => badTokens(transports[transport]));
  }
  await check('a token may come as a header or in the query, and auth counts first', tokenPlaces);
  await check('there is one namespace', async () => {
    for (const namespace of ['/', '/message', '/messages2', '/admin']) {
      const error = await refusal(gateways[0], { auth: { token: tokens.ada } }, namespace);
      assert.equal(error.message, 'Invalid namespace', namespace);
    }
  });
  for (const [gateway, transport] of [[0, 'default'], [1, 'plain']]) {
    const [ada, cleo] = [await connect('ada', gateway, transport), await connect('cleo', gateway, transport)];
    await check(`an unknown event is answered with unknown_event over ${transport}`, async () => {
      await refused(ada, 'no_such_event', {}, 'unknown_event');
      await excepted(ada, 'no_such_event', {}, 'unknown_event');
    });
    await check('a stranger finds nothing, and neither does a participant at an id of nobody', async () => {
      await strangers(cleo, conversationId);
      await strangers(ada, NOBODYS_ID);
      await refused(cleo, 'create_message', { contractId: 'c-1', content: 'Hi' }, 'not_found');
      await refused(ada, 'create_message', { contractId: 'c-9', content: 'Hi' }, 'not_found');
      await refused(ada, 'create_message', { contractId: 'c-1', milestoneId: 'm-9', content: 'Hi' }, 'not_found');
    });
    await check('malformed data is validation_failed, with the field', () => malformed(ada, conversationId));
    await check('a token of another user is forbidden, one of his own prolongs', async () => {
      await refused(ada, 'refresh_token', { token: tokens.ben }, 'forbidden');
      await refused(ada, 'refresh_token', { token: tokens.forged }, 'unauthorized');
      await done(ada, 'refresh_token', { token: tokens.ada });
    });
    await check('the connection goes on', async () => {
      await done(ada, 'send_message', { conversationId, content: 'Still here' });
      assert.deepEqual([ada.disconnects ?? [], ada.all('connected').length], [[], 1]);
    });
  }
});

async function badTokens(options) {
  for (const token of [tokens.forged, tokens.expired, 'no token', '', undefined, 7]) {
    const error = await refusal(gateways[1], { ...options, auth: { token } });
    assert.equal(error.message, 'unauthorized', token);
    assert.deepEqual(error.data, { code: 'unauthorized' });
  }
}

async function tokenPlaces() {
  const header = { extraHeaders: { authorization: `Bearer ${tokens.ada}` } };
  const query = { query: { token: tokens.ben } };
  for (const [expected, options] of [['ada', header], ['ben', query], ['ada', { ...header, ...query }]]) {
    for (const transport of Object.values(transports)) {
      const client = await SocketClient.open(expected, gateways[0], undefined, { ...transport, ...options });
      assert.equal(client.hello.userId, expected);
      client.close();
    }
  }
  const error = await refusal(gateways[0], { ...header, auth: { token: tokens.forged } });
  assert.equal(error.message, 'unauthorized');
}

async function refused(client, event, data, code) {
  const ack = await client.emit(event, data);
  assert.deepEqual([ack.ok, ack.error?.code], [false, code], `${event} ${JSON.stringify(data)}`);
  return ack.error;
}

async function excepted(client, event, data, code) {
  const before = client.all('exception').length;
  client.tell(event, data);
  await client.until(`exception of ${event}`, () => client.all('exception').length > before);
  const exception = client.all('exception')[before];
  assert.deepEqual([exception.event, exception.code], [event, code]);
  return exception;
}

async function strangers(client, conversationId) {
  const events = [
    ['join_conversation', { afterSeq: 0 }],
    ['send_message', { content: 'Hi' }],
    ['typing', { isTyping: true }],
    ['mark_as_read', {}],
  ];
  for (const [event, data] of events) await refused(client, event, { conversationId, ...data }, 'not_found');
  await excepted(client, 'send_message', { conversationId, content: 'Hi' }, 'not_found');
}

async function malformed(client, conversationId) {
  const bad = [
    ['send_message', { conversationId, content: '' }, 'content'],
    ['send_message', { conversationId, content: ' \n\u3000 ' }, 'content'],
    ['send_message', { conversationId, content: 'x'.repeat(10_001) }, 'content'],
    ['send_message', { conversationId, content: 'a\u0000b' }, 'content'],
    ['send_message', { conversationId: 'x', content: 'Hi' }, 'conversationId'],
    ['send_message', { conversationId, content: 'Hi', clientMessageId: 'a b' }, 'clientMessageId'],
    ['create_message', { contractId: 'c/1', content: 'Hi' }, 'contractId'],
    ['create_message', { contractId: 'c-1', milestoneId: '', content: 'Hi' }, 'milestoneId'],
    ['join_conversation', { conversationId: NOBODYS_ID.toUpperCase() }, 'conversationId'],
    ['join_conversation', { conversationId, afterSeq: -1 }, 'afterSeq'],
    ['mark_as_read', { conversationId, upToSeq: 1.5 }, 'upToSeq'],
    ['typing', { conversationId, isTyping: 'yes' }, 'isTyping'],
    ['get_presence', { userIds: [] }, 'userIds'],
  ];
  for (const [event, data, field] of bad) {
    const error = await refused(client, event, data, 'validation_failed');
    assert.deepEqual(error.errors?.map((fault) => fault.field), [field], JSON.stringify(data));
  }
  const misshapen = [null, [], 'text', 7, {}, { conversationId: 7 }];
  for (const data of misshapen) {
    for (const event of ['join_conversation', 'send_message', 'create_message', 'typing', 'refresh_token']) {
      assert.equal((await refused(client, event, data, 'validation_failed')).errors?.length, 1, JSON.stringify(data));
    }
  }
  await refused(client, 'send_message', { conversationId, content: 7 }, 'validation_failed');
  const exception = await excepted(client, 'send_message', { conversationId }, 'validation_failed');
  assert.deepEqual(exception.errors.map(({ field }) => field), ['content']);
  await refused(client, 'send_message', { conversationId, content: 'Hi', attachments: [{ id: NOBODYS_ID }] }, 'not_found');
}
