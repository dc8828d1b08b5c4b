// A bit of everything that users do, for so many seconds: something to look at for whoever watches the processes.
// Argument: the seconds.

import { expect } from '../lib/rest.js';
import { Link } from '../lib/link.js';
import { begin, check, connect, done, gateways, putContract, rest, scenario, tokens, transports } from '../lib/scenario.js';
import { SocketClient, refusal } from '../lib/socket.js';

const ends = Date.now() + Number(process.argv[2]) * 1_000;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const clients = [];
  for (const [user, gateway, transport] of [['ada', 0, 'websocket'], ['ada', 1, 'polling'], ['ben', 1, 'plain'], ['ben', 0, 'default']]) {
    const client = await connect(user, gateway, transport);
    await done(client, 'join_conversation', { conversationId });
    clients.push(client);
  }
  await check('users talk, read, change and look things up', async () => {
    for (let round = 0; Date.now() < ends; round += 1) {
      await talk(conversationId, clients[round % clients.length], round);
      await look(conversationId, round);
      if (round % 5 === 0) await comeAndGo(conversationId, round % 2);
    }
  });
});

async function talk(conversationId, client, round) {
  const { message } = await done(client, 'send_message', { conversationId, content: `Round ${round}` });
  await done(client, 'typing', { conversationId, isTyping: true });
  await done(client, 'mark_as_read', { conversationId });
  await done(client, 'edit_message', { conversationId, messageId: message.id, content: 'Changed' });
  await done(client, 'delete_message', { conversationId, messageId: message.id });
  await done(client, 'get_presence', { userIds: ['ada', 'ben'] });
  await client.emit('send_message', { conversationId, content: '' });
}

async function look(conversationId, round) {
  const [ada, messages] = [rest('ada', round % 2), `/api/messages/conversations/${conversationId}/messages`];
  expect(await ada.post(messages, { content: 'By REST' }), 201, 'message');
  expect(await ada.get(messages), 200);
  expect(await ada.get('/api/messages/conversations'), 200);
  expect(await rest('cleo').get(messages), 404);
  const file = { name: 'note.txt', type: 'text/plain', bytes: Buffer.from(`Round ${round}`) };
  expect(await ada.upload(`/api/messages/conversations/${conversationId}/attachments`, file), 201);
}

/** One is refused, and one loses its connection and goes on at the other gateway. */
async function comeAndGo(conversationId, gateway) {
  await refusal(gateways[gateway], { auth: { token: tokens.expired } });
  const link = await Link.to(gateways[gateway]);
  const options = { ...transports.websocket, reconnectionDelay: 50, reconnectionDelayMax: 200 };
  const ben = await SocketClient.open('ben', link.url, tokens.ben, options);
  await done(ben, 'join_conversation', { conversationId });
  link.cut();
  await ben.until('lost its connection', () => ben.disconnects.length > 0);
  link.mend(gateways[1 - gateway]);
  await ben.connected();
  ben.close();
  link.close();
}
