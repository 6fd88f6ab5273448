// Everything this person knows: rooms, people, who is here. Pure: frames in, state out.

import { Room } from "./room.js";

const TYPING_LASTS = 6_000;
const MOST_HELD = 20; // rooms whose log is kept
const NOT_LOGGED = new Set(["ack", "ok", "error"]);

/** Whether a frame is an event of a room's log, of a kind known today or not. */
export const isEvent = (frame) => Number.isInteger(frame.seq) && frame.room !== undefined && !NOT_LOGGED.has(frame.t);

export class Store {
  rooms = new Map();
  people = new Map(); // id -> name
  presence = new Map(); // id -> {state, last_seen?}
  welcomed = false; // the rooms are known
  #opened = new Set(); // rooms, the latest last

  /** `now()` gives milliseconds. */
  constructor(me, now = Date.now) {
    this.me = me;
    this.now = now;
    this.people.set(me.id, me.name || me.username);
  }

  /** Take in one frame of the server's. Returns the room it changed, where there is one. */
  apply(frame) {
    if (frame.t === "welcome") return this.#welcome(frame);
    if (frame.t === "room") return this.addRoom(frame);
    if (frame.t === "presence") return void this.presence.set(frame.room ? `${frame.room} ${frame.user}` : frame.user, frame);
    const room = this.rooms.get(frame.room);
    if (!room) return undefined;
    if (isEvent(frame)) return this.#event(room, frame);
    if (frame.t === "receipt") room.moveCursor(frame.user, frame.upto);
    if (frame.t === "typing") this.#typing(room, frame);
    if (frame.t === "gap") room.drop();
    if (frame.t === "room_gone") this.rooms.delete(room.id);
    if (frame.t === "unread" && frame.thread) room.threads.count(frame.thread, frame.unread, frame.last_seq);
    else if (frame.t === "unread") this.#unread(room, frame);
    return room;
  }

  #welcome({ rooms }) {
    this.welcomed = true;
    this.presence.clear();
    const present = new Set(rooms.map((room) => room.id));
    for (const id of this.rooms.keys()) if (!present.has(id)) this.rooms.delete(id);
    for (const summary of rooms) {
      const known = this.rooms.get(summary.id);
      if (known?.hold === "loading") known.drop();
      known?.typing.clear();
      this.addRoom(summary);
    }
  }

  #event(room, event) {
    if (event.t === "message" && event.name) this.people.set(event.sender, event.name);
    room.apply(event);
    return room;
  }

  #typing(room, { user, on }) {
    if (on) room.typing.set(user, this.now() + TYPING_LASTS);
    else room.typing.delete(user);
  }

  #unread(room, { unread, mentions, upto, marked, last_seq: lastSeq }) {
    room.count(unread, lastSeq);
    room.mentions = mentions;
    room.marked = marked;
    room.read_seq = Math.max(room.read_seq, upto);
  }

  /** A room from its summary, new or known. */
  addRoom(summary) {
    const known = this.rooms.get(summary.id);
    if (known) known.merge(summary);
    else this.rooms.set(summary.id, Object.assign(new Room(summary), { since: this.now() }));
    const room = known ?? this.rooms.get(summary.id);
    if (room.type === "direct" && room.peer) this.people.set(room.peer, room.name);
    if (room.last_message?.name) this.people.set(room.last_message.sender, room.last_message.name);
    return room;
  }

  /** What `user` is called in the room, where that is known. In a blind room a pseudonym is all there is. */
  nameIn(room, user, given) {
    return given ?? (room.mode === "blind" ? user : (room.members.get(user)?.name || this.people.get(user)));
  }

  /** The presence of `user` as the room shows it. */
  presenceIn(room, user) {
    return this.presence.get(room.mode === "blind" ? `${room.id} ${user}` : user);
  }

  /** Who is in the room, and who was: what they said still stands there. */
  setMembers(room, members, former = []) {
    const people = room.mode === "blind" ? [] : [...former, ...members];
    for (const { user, name, username } of people) if (name || username) this.people.set(user, name || username);
    room.setMembers(members);
  }

  /** What `hello` resumes from: room -> last seq seen. */
  resume() {
    const held = [...this.rooms.values()].filter((room) => room.hold === "held");
    return Object.fromEntries(held.map((room) => [room.id, room.seen]));
  }

  /** Rooms by newest message; a new room without one stands where it was made. */
  sortedRooms() {
    const activity = (room) => room.last_message?.at ?? (room.last_seq ? 0 : room.since);
    return [...this.rooms.values()].sort((a, b) => activity(b) - activity(a) || (a.id < b.id ? -1 : 1));
  }

  /** `room` is open now: of those that were, the logs of the latest are kept. */
  open(room) {
    this.#opened.delete(room);
    this.#opened.add(room);
    if (this.#opened.size <= MOST_HELD) return;
    const [oldest] = this.#opened;
    this.#opened.delete(oldest);
    if (oldest.hold === "held") oldest.drop();
  }

  typists(room) {
    const now = this.now();
    for (const [user, until] of room.typing) if (until <= now) room.typing.delete(user);
    return [...room.typing.keys()];
  }

  /** Let the mutes end whose time is over: whether there were any. */
  endMutes() {
    const now = this.now();
    return [...this.rooms.values()].filter((room) => room.muteEnds(now)).length > 0;
  }

  /** What is unread, and of muted rooms the mentions alone. */
  totalUnread() {
    let total = 0;
    for (const { muted, unread, mentions } of this.rooms.values()) total += muted ? mentions : Math.max(unread, mentions);
    return total;
  }
}
