// Looks at each state of a thread that listeners are told of, and says what must never be seen.

import type { ConversationHandle, ThreadMessage, ThreadState } from '../../src/index.js';

export class Watcher {
  /** What was seen that must not be. */
  readonly faults: string[] = [];
  /** The states a thread was in, each once in a row. */
  readonly statuses: string[] = [];
  readonly #shown = new Set<string>();
  #states = 0;

  constructor(handle: ConversationHandle) {
    handle.subscribe(() => {
      this.#look(handle.get());
    });
  }

  get states(): number {
    return this.#states;
  }

  #look(state: ThreadState): void {
    this.#states += 1;
    if (this.statuses.at(-1) !== state.status) this.statuses.push(state.status);
    this.#lookForHoles(state.messages);
    this.#lookForRepeats(state.messages);
    if (!Object.isFrozen(state) || !Object.isFrozen(state.messages)) this.#fault('it is not frozen');
  }

  #lookForHoles(messages: readonly ThreadMessage[]): void {
    let before: number | null = null;
    let hasUnsent = false;
    for (const message of messages) {
      if (message.state !== 'sent') {
        hasUnsent = true;
        continue;
      }
      if (hasUnsent) this.#fault(`${String(message.seq)} comes after one that is not sent`);
      if (before !== null && message.seq !== before + 1) this.#fault(`${String(message.seq)} comes after ${String(before)}`);
      before = message.seq;
    }
  }

  /** Each name is there once, and what was there once stays. */
  #lookForRepeats(messages: readonly ThreadMessage[]): void {
    const names = new Set<string>();
    for (const { clientMessageId } of messages) {
      if (clientMessageId === null) continue;
      if (names.has(clientMessageId)) this.#fault(`${clientMessageId} is there twice`);
      names.add(clientMessageId);
    }
    for (const name of this.#shown) if (!names.has(name)) this.#fault(`${name} is gone`);
    for (const name of names) this.#shown.add(name);
  }

  #fault(what: string): void {
    if (this.faults.length < 20) this.faults.push(what);
  }
}
