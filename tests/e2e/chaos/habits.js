// What a device does while it is under load: each habit is a loop that ends when the load does.

const ATTEMPT_MS = 5_000;
/** A retrying sender that has no answer after this has failed. */
const GIVE_UP_MS = 60_000;
const IN_FLIGHT_MAX = 6;

export class Habits {
  constructor(device) {
    Object.assign(this, { device, spec: device.spec, world: device.world, random: device.random });
    /** Loops and sends that have not ended. */
    this.busy = 0;
    this.inFlight = 0;
    /** By each of which a pause ends. */
    this.pauses = new Set();
    this.sent = 0;
    /** Own messages, acked, that may be changed; and the ids of all that ever were, as an ack may come twice. */
    this.own = [];
    this.known = new Set();
  }

  begin() {
    const { spec } = this;
    if (spec.sends) this.run(() => this.send());
    if (spec.reads) this.run(() => this.read());
    if (spec.changes) this.run(() => this.change());
    if (spec.rejoins) this.run(() => this.rejoin());
    if (spec.flaps) this.run(() => this.flap());
    this.run(() => this.comeLate());
    if (spec.endsOffline) this.run(() => this.go());
  }

  /** Waits between two things to do, as much longer as senders are slower, or until the load ends. */
  pause(low, high, scale = this.world.pace) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, this.random.between(low, high) * scale);
      this.pauses.add(end);
    });
  }

  stop() {
    for (const end of [...this.pauses]) end();
  }

  async run(habit) {
    this.busy += 1;
    await habit();
    this.busy -= 1;
  }

  /** The places that are joined, or any one. */
  place() {
    const places = [...this.device.places.values()];
    const joined = places.filter((place) => place.isJoined);
    return this.random.pick(joined.length > 0 ? joined : places);
  }

  async send() {
    const { everyMs, retries, byRest } = this.spec.sends;
    while (this.world.isSending) {
      await this.pause(everyMs * 0.5, everyMs * 1.5, 1);
      if (this.inFlight >= IN_FLIGHT_MAX || !this.world.isSending) continue;
      if (!byRest && !this.device.isOpen) continue;
      this.sent += 1;
      const key = `${this.device.id}-${this.sent}`;
      const draft = { content: `${key} ${'x'.repeat(this.random.between(0, 80))}` };
      // Some of those that never retry give no name, either.
      if (retries || this.random.next() < 0.5) draft.clientMessageId = key;
      const { id } = this.place();
      this.inFlight += 1;
      this.run(() => this.deliver(key, id, draft, retries, byRest)).finally(() => { this.inFlight -= 1; });
    }
  }

  async deliver(key, conversation, draft, retries, byRest) {
    const { device } = this;
    const giveUpAt = Date.now() + GIVE_UP_MS;
    for (let attempt = 1; ; attempt += 1) {
      if (byRest || device.isOpen) {
        device.note('sending', { key, conversation, attempt, epoch: byRest ? undefined : device.epoch, ...draft });
        const ack = byRest
          ? await this.post(conversation, draft)
          : await device.emit('send_message', { conversationId: conversation, ...draft }, (late) => this.answered(key, late), ATTEMPT_MS);
        if (byRest && ack) this.answered(key, ack);
        if (ack?.ok) return;
        if (ack && device.refused('send_message', ack.error)) return;
      }
      if (!retries) return;
      if (Date.now() > giveUpAt) {
        device.note('gave_up', { key });
        return;
      }
      await this.random.pause(200, 700);
    }
  }

  answered(key, ack) {
    if (!ack.ok) {
      this.device.note('failed', { key, code: ack.error.code });
      return;
    }
    const { id, seq, conversationId, content } = ack.message;
    this.device.note('acked', { key, conversation: conversationId, seq, id, content, duplicate: ack.duplicate === true });
    if (!this.spec.changes || this.known.has(id)) return;
    this.known.add(id);
    this.own.push({ id, conversationId, content });
  }

  /** Sends by REST; the answer as an ack has it, or nothing when there is none. */
  async post(conversation, draft) {
    try {
      const response = await fetch(`${this.world.api}/api/messages/conversations/${conversation}/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.spec.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(draft),
        signal: AbortSignal.timeout(ATTEMPT_MS),
      });
      const body = await response.json();
      if (response.status >= 400) return { ok: false, error: { code: body.code } };
      return { ok: true, message: body, duplicate: response.status === 200 };
    } catch {
      return undefined;
    }
  }

  /** Marks what has been seen as read, now and then. */
  async read() {
    const { device } = this;
    while (this.world.isSending) {
      await this.pause(400, 1_200);
      const place = this.place();
      if (!this.world.isSending || !device.isOpen || !place.isJoined || !place.last) continue;
      const mark = { conversation: place.id, upTo: place.last };
      device.note('reading', mark);
      const ack = await device.emit('mark_as_read', { conversationId: mark.conversation, upToSeq: mark.upTo }, (answer) => {
        if (answer.ok) device.note('read', { conversation: mark.conversation, readSeq: answer.readSeq });
      }, ATTEMPT_MS);
      if (ack && !ack.ok) device.refused('mark_as_read', ack.error);
    }
  }

  /** Edits or deletes one of its own messages now and then, each once. */
  async change() {
    const { device } = this;
    while (this.world.isSending) {
      await this.pause(500, 1_500);
      if (!this.world.isSending || !device.isOpen || this.own.length === 0) continue;
      const [{ id, conversationId, content }] = this.own.splice(Math.floor(this.random.next() * this.own.length), 1);
      const isDeletion = this.random.next() < 0.4;
      const changed = isDeletion ? undefined : `${content} edited`;
      device.note('changing', { conversation: conversationId, id, content: changed });
      const event = isDeletion ? 'delete_message' : 'edit_message';
      const data = { conversationId, messageId: id, ...(isDeletion ? {} : { content: changed }) };
      const ack = await device.emit(event, data, (answer) => {
        if (answer.ok) device.note('changed', { conversation: conversationId, id });
      }, ATTEMPT_MS);
      if (ack && !ack.ok) device.refused(event, ack.error);
    }
  }

  /** Leaves a conversation now and then, and joins again from where it was. */
  async rejoin() {
    while (this.world.isSending) {
      await this.pause(1_500, 3_500);
      const place = this.place();
      if (!this.world.isSending || !place.isJoined) continue;
      await this.device.leave(place);
      await this.random.pause(200, 1_500);
      place.isWanted = true;
      this.device.join(place);
    }
  }

  /** Ends its connection now and then, and comes back. */
  async flap() {
    while (this.world.isSending) {
      await this.pause(2_000, 5_000);
      if (!this.world.isSending || !this.device.isOpen) continue;
      this.device.link.close();
      await this.random.pause(100, 1_500);
      this.device.note('returning');
      this.device.link.open();
    }
  }

  /** Joins what it is to join late. */
  async comeLate() {
    await this.random.pause(1_000, 8_000);
    for (const place of this.device.places.values()) {
      if (place.isWanted || !this.spec.conversations.find(({ id }) => id === place.id).isLate) continue;
      place.isWanted = true;
      this.device.join(place);
    }
  }

  /** Ends its connection for good when the load ends. */
  async go() {
    while (this.world.isSending || this.busy > 1) await this.random.pause(50, 100);
    this.device.link.close();
  }
}
