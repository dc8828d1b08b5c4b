// Clients under load, for the checker of tests/chaos: which ones, it says in the first line of standard input; what
// happens to them is told line by line on standard output.
//
//   in:   the plan; `send`: begin to send; `stop`: what has begun is finished, nothing new is
//   out:  {t, device, event, …}: history, in the order in which each device saw it
//         {event: "status", waitsFor: […]}: what is not finished, ten times a second

import { createInterface } from 'node:readline';

import { Device } from './device.js';
import { Random } from './random.js';

const STATUS_MS = 100;
/** Of what is not finished, as many are named: with thousands of devices the rest says nothing more. */
const NAMED_MAX = 20;
/** Devices that connect and join at the same time when a run begins. */
const BEGIN_AT_ONCE = 25;

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

class World {
  constructor({ front, api, seed, pace }) {
    Object.assign(this, { front, api, pace, random: new Random(seed), isSending: false, hasEnded: false });
  }

  record(device, event, data) {
    tell({ t: Date.now(), device, event, ...data });
  }
}

const lines = createInterface({ input: process.stdin });
// Without the checker there is nobody left to tell.
lines.on('close', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));
process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(1);
});

let world;
const devices = [];

const orders = {
  send() {
    world.isSending = true;
    for (const device of devices) device.begin();
  },
  stop() {
    world.isSending = false;
    world.hasEnded = true;
    for (const device of devices) device.habits.stop();
  },
};

/** Lets the devices in, some at a time: each begins when another one is where it is to be. */
function begin(specs) {
  const waiting = specs.values();
  const lane = async () => {
    for (const spec of waiting) {
      const device = new Device(spec, world);
      devices.push(device);
      await device.isThere;
    }
  };
  for (let index = 0; index < BEGIN_AT_ONCE; index += 1) lane();
}

function waitsFor(specs) {
  const named = devices.length < specs.length ? [`${specs.length - devices.length} devices to begin`] : [];
  for (const device of devices) {
    if (named.length >= NAMED_MAX) return named;
    named.push(...device.unfinished());
  }
  return named;
}

lines.once('line', (line) => {
  const plan = JSON.parse(line);
  world = new World(plan);
  begin(plan.devices);
  lines.on('line', (order) => orders[order]());
  setInterval(() => tell({ event: 'status', waitsFor: waitsFor(plan.devices) }), STATUS_MS);
});
