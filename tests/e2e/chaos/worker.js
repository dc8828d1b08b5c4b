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

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

class World {
  constructor({ front, api, seed }) {
    Object.assign(this, { front, api, random: new Random(seed), isSending: false, hasEnded: false });
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
let devices = [];

const orders = {
  send() {
    world.isSending = true;
    for (const device of devices) device.begin();
  },
  stop() {
    world.isSending = false;
    world.hasEnded = true;
  },
};

lines.once('line', (line) => {
  const plan = JSON.parse(line);
  world = new World(plan);
  devices = plan.devices.map((spec) => new Device(spec, world));
  lines.on('line', (order) => orders[order]());
  setInterval(() => tell({ event: 'status', waitsFor: devices.flatMap((device) => device.unfinished()) }), STATUS_MS);
});
