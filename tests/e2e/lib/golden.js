// Whether JSON has exactly the keys and types of a golden file of the wire contract.
//
// The variants of an object are NAME.json and NAME.*.json: a key that only some have may be missing, a value that is
// null in one may be null. A string that is a time or an id of ours in the file must be one on the wire.

import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../shared/wire/golden/', import.meta.url);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ID = /^[0-9a-f]{24}$/;

const goldens = new Map();
for (const file of readdirSync(FOLDER).filter((file) => file.endsWith('.json'))) {
  const name = file.split('.')[0];
  const value = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
  goldens.set(name, [...(goldens.get(name) ?? []), value]);
}

const isAck = (event) => event.startsWith('ack:');

/** The golden file of an event or of an ack. */
function goldenOf(event, data) {
  if (!isAck(event)) return event;
  return data?.ok === false ? 'ack_error' : `ack_${event.slice('ack:'.length)}`;
}

/** Throws unless the data of an event, or the ack recorded for one, are as their golden file has them. */
export function assertEventShape(event, data) {
  assertShape(goldenOf(event, data), data);
}

/** Throws unless a value is as the golden file of this name has it. */
export function assertShape(name, value) {
  if (!goldens.has(name)) throw new Error(`there is no golden file ${name}.json`);
  const faults = compare(goldens.get(name), value, name);
  if (faults.length > 0) {
    const first = faults.slice(0, 5).join('; ');
    throw new Error(`not as ${name}.json has it: ${first}\n  in ${JSON.stringify(value).slice(0, 1_000)}`);
  }
  return value;
}

function kind(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value !== 'string') return typeof value;
  if (TIME.test(value)) return 'time';
  return ID.test(value) ? 'id' : 'string';
}

function compare(samples, value, path) {
  const kinds = new Set(samples.map(kind));
  const own = kind(value);
  if (!kinds.has(own) && !(kinds.has('string') && typeof value === 'string')) {
    return [`${path} is ${own}, not ${[...kinds].join(' or ')}`];
  }
  if (own === 'array') {
    const elements = samples.filter(Array.isArray).flat();
    return value.flatMap((element, index) => compare(elements, element, `${path}[${index}]`));
  }
  return own === 'object' ? compareObjects(samples, value, path) : [];
}

/** Wherever a message stands, it may be any message: edited, deleted, with a clientMessageId or without. */
function variantsOf(object) {
  return Object.hasOwn(object, 'senderId') && Object.hasOwn(object, 'attachments') ? [object, ...goldens.get('message')] : [object];
}

function compareObjects(samples, value, path) {
  const objects = samples.filter((sample) => kind(sample) === 'object').flatMap(variantsOf);
  const faults = [];
  for (const key of new Set(objects.flatMap(Object.keys))) {
    const having = objects.filter((object) => Object.hasOwn(object, key));
    if (Object.hasOwn(value, key)) {
      faults.push(...compare(having.map((object) => object[key]), value[key], `${path}.${key}`));
    } else if (having.length === objects.length) {
      faults.push(`${path}.${key} is missing`);
    }
  }
  for (const key of Object.keys(value)) {
    if (!objects.some((object) => Object.hasOwn(object, key))) faults.push(`${path}.${key} is not in the contract`);
  }
  return faults;
}
