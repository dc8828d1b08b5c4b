import { Thread } from './thread.js';
import type { ThreadContext } from './thread.js';

/** The threads that were asked for, one for each conversation. */
export class Threads {
  readonly #context: ThreadContext;
  readonly #threads = new Map<string, Thread>();

  constructor(context: ThreadContext) {
    this.#context = context;
  }

  /** The thread of a conversation, made if it is not there. */
  get(id: string): Thread {
    const known = this.#threads.get(id);
    if (known !== undefined) return known;
    const thread = new Thread(id, this.#context);
    this.#threads.set(id, thread);
    return thread;
  }

  /** The thread of a conversation, if it was asked for. */
  known(id: string): Thread | undefined {
    return this.#threads.get(id);
  }

  all(): Thread[] {
    return [...this.#threads.values()];
  }

  close(): void {
    for (const thread of this.all()) thread.close();
  }
}
