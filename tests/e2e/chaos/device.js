// One connection of a user: it joins, comes back, and says of everything that it saw in which order.

import { Habits } from './habits.js';
import { PlainLink } from './plain.js';
import { Random } from './random.js';
import { SocketIoLink } from './socketio.js';

/** What an ack may refuse for a while. */
const PASSING = new Set(['unavailable', 'rate_limited']);

export class Device {
  constructor(spec, world) {
    Object.assign(this, { spec, world, id: spec.id, random: new Random(spec.seed) });
    /** By conversation: whether it shall be joined, whether it is, and the last `seq` seen. */
    this.places = new Map(spec.conversations.map((conversation) => [conversation.id, {
      id: conversation.id, isWanted: !conversation.isLate, isJoined: false, isJoining: false, last: undefined,
    }]));
    /** Counts connections, so that what belongs to an earlier one is told apart. */
    this.epoch = 0;
    this.onEnd = new Set();
    /** Resolves when the device is connected and where it is to be for the first time. */
    this.isThere = new Promise((resolve) => { this.arrive = resolve; });
    this.habits = new Habits(this);
    const Link = spec.kind === 'plain' ? PlainLink : SocketIoLink;
    this.link = new Link(this, { front: world.front, token: spec.token, kind: spec.kind, random: this.random });
  }

  note(event, data) {
    this.world.record(this.id, event, data);
  }

  begin() {
    this.habits.begin();
  }

  get isOpen() {
    return this.link.isOpen && !this.link.isClosed;
  }

  connected(recovered) {
    this.epoch += 1;
    this.note('connected', { recovered });
    for (const place of this.places.values()) {
      // What was asked and not answered must be asked again, recovered or not.
      place.isJoining = false;
      if (!recovered) place.isJoined = false;
      this.join(place);
    }
    this.noteArrival();
  }

  noteArrival() {
    if (this.unfinished().length === 0) this.arrive();
  }

  disconnected(reason) {
    this.note('disconnected', { reason });
    const waiting = [...this.onEnd];
    this.onEnd.clear();
    for (const end of waiting) end();
  }

  heard(event, data) {
    const change = { new_message: 'message', message_updated: 'change', message_deleted: 'change' }[event];
    if (change === undefined) return;
    const { conversationId, seq, id, senderId, content, clientMessageId, editedAt, deletedAt } = data;
    const place = this.places.get(conversationId);
    if (event === 'new_message' && place) place.last = Math.max(place.last ?? 0, seq);
    const state = { isEdited: editedAt !== null, isDeleted: deletedAt !== null };
    this.note(change, { conversation: conversationId, seq, id, sender: senderId, content, clientMessageId, ...state });
  }

  /**
   * Emits an event; `onAck` is called with each ack, however late it comes. Resolves to the ack, or to nothing when the
   * connection ends or `ms` have passed first.
   */
  emit(event, data, onAck, ms) {
    const epoch = this.epoch;
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => done(), ms);
      const done = (ack) => {
        clearTimeout(timer);
        this.onEnd.delete(done);
        resolve(ack);
      };
      this.onEnd.add(done);
      this.link.send(event, data, (ack) => {
        if (this.epoch === epoch) onAck(ack);
        done(ack);
      });
    });
  }

  /** Joins a conversation that shall be joined, from where the device stands, until it is done or the connection ends. */
  async join(place) {
    if (!place.isWanted || place.isJoined || place.isJoining || !this.isOpen) return;
    place.isJoining = true;
    const epoch = this.epoch;
    const conversation = place.id;
    const after = place.last;
    this.note('joining', { conversation, after });
    const data = { conversationId: conversation, ...(after === undefined ? {} : { afterSeq: after }) };
    const ack = await this.emit('join_conversation', data, (answer) => {
      if (!answer.ok) {
        this.note('not_joined', { conversation, code: answer.error.code });
        return;
      }
      const { lastSeq } = answer.conversation;
      this.note('joined', { conversation, last: lastSeq, hasMore: answer.hasMore });
      place.isJoined = true;
      place.last = Math.max(place.last ?? 0, lastSeq);
      this.noteArrival();
    });
    if (epoch !== this.epoch) return;
    place.isJoining = false;
    if (ack?.ok) {
      if (!place.isWanted) await this.leave(place);
      return;
    }
    if (ack && !PASSING.has(ack.error.code)) this.refused('join_conversation', ack.error);
    await this.random.pause(200, 700);
    if (epoch === this.epoch) this.join(place);
  }

  async leave(place) {
    place.isWanted = false;
    if (!place.isJoined || !this.isOpen) return;
    const conversation = place.id;
    place.isJoined = false;
    this.note('leaving', { conversation });
    await this.emit('leave_conversation', { conversationId: conversation }, () => this.note('left', { conversation }));
  }

  /** Notes a refusal that no retry cures; true if it is one. */
  refused(what, error) {
    if (PASSING.has(error.code)) return false;
    this.note('refused', { what, code: error.code });
    return true;
  }

  /** What keeps the device from having finished. */
  unfinished() {
    const of = (what) => `${this.id}: ${what}`;
    if (this.habits.busy > 0) return [of(`${this.habits.busy} things to do`)];
    if (this.spec.endsOffline && this.world.hasEnded) return this.isOpen ? [of('to go')] : [];
    if (!this.isOpen) return [of('to connect')];
    return [...this.places.values()]
      .filter((place) => place.isWanted !== place.isJoined)
      .map((place) => of(`to join ${place.id}`));
  }
}
