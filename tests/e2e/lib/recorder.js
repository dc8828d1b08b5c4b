// What one client has been told, in the order in which it came.

import { assertEventShape } from './golden.js';

export const BOUND_MS = 15_000;

/** Fails with what was awaited when a promise takes too long. */
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Recorder {
  constructor(name) {
    this.name = name;
    this.entries = [];
    this.watchers = new Set();
  }

  /** Notes an event, or an ack as the event `ack:NAME`, and looks whether somebody waits for it. */
  record(event, data) {
    assertEventShape(event, data);
    this.entries.push({ event, data, at: Date.now() });
    for (const look of [...this.watchers]) look();
  }

  /** The data of all events of a name so far. */
  all(event) {
    return this.entries.filter((entry) => entry.event === event).map((entry) => entry.data);
  }

  /** The `seq` of each `new_message` so far. */
  seqs(event = 'new_message') {
    return this.all(event).map((data) => data.seq);
  }

  /** Waits until `found` returns something of what has been recorded, and returns that. */
  until(what, found, ms = BOUND_MS) {
    let look;
    const awaited = new Promise((resolve, reject) => {
      look = () => {
        try {
          const value = found(this);
          if (value) resolve(value);
        } catch (error) {
          reject(error);
        }
      };
      this.watchers.add(look);
      look();
    });
    const had = () => this.entries.slice(-8).map(({ event, data }) => `${event} ${JSON.stringify(data)}`.slice(0, 160));
    return within(ms, `${this.name} has ${what}`, awaited)
      .catch((error) => {
        throw new Error(`${error.message}; its last events:\n  ${[...had(), ...(this.disconnects ?? [])].join('\n  ')}`);
      })
      .finally(() => this.watchers.delete(look));
  }

  /** Waits for an event with data that fit. */
  event(event, fits = () => true, ms = BOUND_MS) {
    const what = `${event}${fits.length ? ` with ${fits}` : ''}`;
    return this.until(what, () => this.entries.find((entry) => entry.event === event && fits(entry.data)), ms)
      .then((entry) => entry.data);
  }

  /** Waits for the message with this `seq`. */
  message(seq, ms = BOUND_MS) {
    return this.until(`message ${seq}`, () => this.all('new_message').find((message) => message.seq === seq), ms);
  }
}
