// The types of the client against what the service says of itself: its golden files, its OpenAPI document, its AsyncAPI document.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { parse } from 'yaml';

import { PACKAGE } from './support/service.js';
import { TYPES, faultsOf, same, typesOf } from './support/types.js';
import { world } from './support/world.js';

const here = world();

const GOLDEN = join(PACKAGE, '../wire/golden');

/** Golden files that are neither events nor acknowledgements. */
const OBJECTS: Record<string, string> = {
  attachment: 'Attachment',
  contract: 'Contract',
  conversation: 'Conversation',
  conversations_page: 'ConversationsPage',
  history_page: 'HistoryPage',
  message: 'Message',
  presence_item: 'PresenceItem',
  presence_list: 'PresenceList',
  problem: 'Problem',
  read_receipt: 'ReadReceipt',
  search_results: 'SearchResults',
};

/** Golden files of calls that are the host platform's, and no client's. */
const OF_THE_HOST = ['revocation', 'revocations_page'];

const SERVER_EVENTS = [
  'connected',
  'new_message',
  'message_notification',
  'message_updated',
  'message_deleted',
  'user_typing',
  'messages_read',
  'user_presence',
  'token_expired',
  'server_draining',
  'exception',
];

const CLIENT_EVENTS = [
  'join_conversation',
  'leave_conversation',
  'send_message',
  'create_message',
  'edit_message',
  'delete_message',
  'typing',
  'mark_as_read',
  'get_presence',
  'refresh_token',
];

/** The type of a golden file. */
function typeOf(file: string): string {
  const name = file.split('.')[0] ?? '';
  const acked = name.startsWith('ack_') ? name.slice(4) : '';
  if (name === 'ack_error') return 'sdk.Ack<object>';
  if (CLIENT_EVENTS.includes(acked)) return `{ ok: true } & sdk.ClientEvents['${acked}']['ack']`;
  if (SERVER_EVENTS.includes(name)) return `sdk.ServerEvents['${name}']`;
  if (CLIENT_EVENTS.includes(name)) return `sdk.ClientEvents['${name}']['data']`;
  assert.ok(OBJECTS[name] !== undefined, `no type is known for the golden file ${file}`);
  return `sdk.${OBJECTS[name]}`;
}

function constant(file: string, json: string): string {
  return `export const ${file.replaceAll('.', '$')}: ${typeOf(file)} = ${json.trim()};\n`;
}

async function schemasOfService(): Promise<Record<string, unknown>> {
  const response = await fetch(`${here.service.url}/api/openapi.json`);
  return ((await response.json()) as { components: { schemas: Record<string, unknown> } }).components.schemas;
}

/** The payloads of the events over Socket.IO, by their names, and the schemas that they are made of. */
async function asyncApi(): Promise<{ names: string[]; schemas: Record<string, unknown> }> {
  const document = parse(await readFile(join(PACKAGE, '../../docs/asyncapi.yaml'), 'utf8')) as {
    components: { messages: Record<string, { payload: unknown }>; schemas: Record<string, unknown> };
  };
  const { messages, schemas } = document.components;
  const names = Object.keys(messages).filter((name) => !name.startsWith('plain.'));
  const payloads = names.map((name) => [`event.${name}`, messages[name]?.payload]);
  return { names, schemas: { ...schemas, ...(Object.fromEntries(payloads) as object) } };
}

/** Each change makes a source that does not compile, but for the one that changes nothing. */
async function areFound(changes: Record<string, unknown>, source: (changed: unknown) => string | Promise<string>): Promise<void> {
  const sources: Record<string, string> = {};
  for (const [name, changed] of Object.entries(changes)) sources[name] = TYPES + (await source(changed));
  for (const [name, faults] of Object.entries(await faultsOf(sources))) assert.equal(faults.length === 0, name === 'same', name);
}

test('each golden file has the type that the client says', async () => {
  const isOfClients = (file: string): boolean => !OF_THE_HOST.includes(file.split('.')[0] ?? '');
  const files = (await readdir(GOLDEN)).filter((file) => file.endsWith('.json') && isOfClients(file)).sort();
  assert.ok(files.length > 60);
  const constants = await Promise.all(files.map(async (file) => constant(file, await readFile(join(GOLDEN, file), 'utf8'))));
  assert.deepEqual(await faultsOf({ golden: TYPES + constants.join('') }), { golden: [] });
});

test('a golden file with a field more, less, of another name or type would be found', async () => {
  const message = JSON.parse(await readFile(join(GOLDEN, 'message.json'), 'utf8')) as Record<string, unknown>;
  const { seq, ...rest } = message;
  const changes = {
    less: rest,
    renamed: { ...rest, sequence: seq },
    more: { ...message, flags: [] },
    other: { ...message, seq: '17' },
  };
  await areFound({ ...changes, same: message }, (changed) => constant('message.json', JSON.stringify(changed)));
});

test('the objects and codes are those of the OpenAPI document of a running service', async () => {
  const schemas = await schemasOfService();
  const objects = [
    'Attachment',
    'AttachmentRef',
    'Contract',
    'Conversation',
    'ConversationsPage',
    'Draft',
    'FieldError',
    'HistoryPage',
    'Message',
    'Milestone',
    'Participant',
    'PresenceItem',
    'PresenceList',
    'ReadReceipt',
    'SearchResults',
  ];
  const checks = objects.map((name) => same(name, `sdk.${name}`, `components['schemas']['${name}']`));
  const problem = "Omit<components['schemas']['Problem'], 'code'>";
  checks.push(
    same('Problem', "Omit<sdk.Problem, 'code'>", problem),
    same('Role', 'sdk.Role', "components['schemas']['Party']"),
    same('Status', 'sdk.PresenceStatus', "components['schemas']['PresenceStatus']"),
    `export const codes: Same<sdk.ServiceErrorCode, components['schemas']['ErrorCode']> = true;\n`,
    same('Create', "sdk.ClientEvents['create_message']['data']", "components['schemas']['CreateMessage']"),
  );
  const source = TYPES + (await typesOf(schemas)) + checks.join('');
  assert.deepEqual(await faultsOf({ openapi: source }), { openapi: [] });
});

test('an OpenAPI document with a field more, less, optional or of another type would be found', async () => {
  const schemas = await schemasOfService();
  const message = schemas.Message as { properties: Record<string, unknown>; required: string[] };
  const { seq, ...rest } = message.properties;
  const required = message.required.filter((name) => name !== 'seq');
  const changes = {
    less: { ...message, properties: rest, required },
    renamed: { ...message, properties: { ...rest, sequence: seq }, required: [...required, 'sequence'] },
    more: { ...message, properties: { ...message.properties, flags: { type: 'string' } } },
    optional: { ...message, required },
    other: { ...message, properties: { ...rest, seq: { type: 'string' } } },
    same: message,
  };
  const check = same('Message', 'sdk.Message', "components['schemas']['Message']");
  await areFound(changes, async (Message) => (await typesOf({ ...schemas, Message })) + check);
});

test('the events, their data and acknowledgements are those of the AsyncAPI document', async () => {
  const { names, schemas } = await asyncApi();
  const expected = [...SERVER_EVENTS, ...CLIENT_EVENTS, ...CLIENT_EVENTS.map((name) => `${name}_ack`), 'refused'];
  assert.deepEqual(names.sort(), expected.sort());
  const union = (events: string[]): string => events.map((name) => `'${name}'`).join(' | ');
  const payload = (name: string): string => `components['schemas']['event.${name}']`;
  const open = `Omit<sdk.Exception, 'code'>`;
  const checks = [
    `export const server: Same<keyof sdk.ServerEvents, ${union(SERVER_EVENTS)}> = true;\n`,
    `export const client: Same<keyof sdk.ClientEvents, ${union(CLIENT_EVENTS)}> = true;\n`,
    same('exception', open, `Omit<${payload('exception')}, 'code'>`),
    ...SERVER_EVENTS.filter((name) => name !== 'exception').map((name) => same(name, `sdk.ServerEvents['${name}']`, payload(name))),
    ...CLIENT_EVENTS.map((name) => same(`${name}_data`, `sdk.ClientEvents['${name}']['data']`, payload(name))),
    ...CLIENT_EVENTS.map((name) =>
      same(`${name}_ack`, `{ ok: true } & sdk.ClientEvents['${name}']['ack']`, payload(`${name}_ack`)),
    ),
  ];
  assert.deepEqual(await faultsOf({ asyncapi: TYPES + (await typesOf(schemas)) + checks.join('') }), { asyncapi: [] });
});
