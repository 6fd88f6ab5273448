// One room as this person sees it: its log by seq, cursors, members and what is unread. Pure.

import { changed } from "./fold.js";
import { eventAt, indexOfSeq, insertEvent, lowerBound, mergeEvents } from "./ordered.js";
import { Threads } from "./threads.js";

const SETTINGS = ["name", "description", "visibility", "archived", "post", "metadata"];
const CHANGES_KEPT = 1_000;
const MOST_HELD = 10_000; // events, while nobody reads the old ones
const SLACK = 1_000;

const SUMMARY = [
  "type", "name", "description", "mode", "visibility", "archived", "crowded", "post", "metadata", "role", "me", "peer", "broadcast", "last_seq", "read_seq", "mentions", "muted",
];

/**
 * `events` is ascending by seq and, while `held`, has every message and notice from its first seq to `seen`, as they are
 * now: changes are folded into the messages they are of. `asOf` is the seq up to which that was done by the server.
 * The log of a room that is not held is not kept, so such a room is never resumed.
 */
export class Room {
  events = [];
  hold = "none"; // none, then loading (live events are kept), then held
  more = false; // there is history before the first event
  seen = 0;
  members = new Map(); // user -> {user, name, username, role}; empty until asked for
  threads = new Threads();
  typing = new Map(); // user -> when it expires
  reveals = new Map(); // in a blind room: pseudonym -> {mutual, person?} of those one consented to
  #cursors = null; // user -> seq, of those who show it; null where nobody does
  #sorted = null;
  #replies = null; // root -> how many replies are known; made when asked for
  #unread = 0; // the server's count, as of #countedTo
  #countedTo = 0;
  #fresh = []; // seqs of countable messages above #countedTo
  #changes = []; // that came since the log is kept: a page may be older than they
  #forgotten = 0; // the seq of the last change that is kept no more: no page older than that can be made true

  constructor(summary) {
    this.id = summary.id;
    this.merge(summary);
  }

  get unread() {
    return this.#unread + this.#fresh.length;
  }

  /** Take over what a summary says; what it leaves out stays. */
  merge(summary) {
    const known = this.last_seq ?? 0;
    this.marked = summary.marked; // unread from there on by one's own wish, whatever the cursor says
    this.muted_until = summary.muted_until; // absent where it is for good
    for (const field of SUMMARY) if (summary[field] !== undefined) this[field] = summary[field];
    this.last_seq = Math.max(known, summary.last_seq);
    if (summary.last_message) this.#newest(summary.last_message);
    if (summary.cursors || summary.crowded) this.setCursors(summary.cursors);
    this.count(summary.unread, summary.last_seq);
  }

  /** Whether a mute has ended by `now`, of which no frame tells. */
  muteEnds(now) {
    if (!this.muted || !(this.muted_until <= now)) return false;
    this.muted = false;
    return true;
  }

  /** The server counts `unread` as of `upto`; what came after that still counts on top. */
  count(unread, upto) {
    if (upto < this.#countedTo) return;
    this.#unread = unread;
    this.#countedTo = upto;
    this.#fresh = this.#fresh.filter((seq) => seq > upto);
  }

  /** Everything up to `seq` is read by this person, here or on another device. */
  readTo(seq) {
    this.read_seq = Math.max(this.read_seq, seq);
    if (seq >= this.marked) this.marked = undefined;
    this.moveCursor(this.me, seq);
    if (seq >= this.last_seq) this.count(0, seq);
    if (seq >= this.last_seq) this.mentions = 0;
  }

  /** One event of the log, live or replayed. False: it was known. */
  apply(event) {
    if (this.hold === "held" && event.seq <= this.seen) return false;
    this.last_seq = Math.max(this.last_seq, event.seq);
    if (this.hold !== "none") {
      if (event.of === undefined) insertEvent(this.events, event);
      if (event.thread || event.of !== undefined) this.#replies = null;
      this.seen = Math.max(this.seen, event.seq);
    }
    if (event.t === "message") this.#message(event);
    if (event.t === "member") this.#member(event);
    if (event.t === "room_changed") for (const field of SETTINGS) if (event[field] !== undefined) this[field] = event[field];
    if (event.of !== undefined) this.#change(event);
    return true;
  }

  #change(event) {
    if (this.last_message?.seq === event.of) this.last_message = changed(this.last_message, event, this.me);
    if (this.hold === "none") return;
    this.#changes.push(event);
    if (this.#changes.length > CHANGES_KEPT) this.#forgotten = this.#changes.shift().seq;
    const index = indexOfSeq(this.events, event.of);
    const message = this.events[index];
    if (message?.seq === event.of && !(event.seq <= message.asOf)) this.events[index] = changed(message, event, this.me);
  }

  // The events of a page, with what came while it was on its way.
  #present({ events, upto }) {
    const later = this.#changes.filter((change) => change.seq > upto);
    return events.map((event) => {
      const changes = later.filter((change) => change.of === event.seq);
      return changes.reduce((message, change) => changed(message, change, this.me), { ...event, asOf: upto });
    });
  }

  #message(event) {
    this.#newest(event);
    this.threads.happened(event, { me: this.me, root: eventAt(this.events, event.thread) });
    this.typing.delete(event.sender);
    if (this.#cursors?.has(event.sender)) this.moveCursor(event.sender, event.seq);
    if (event.sender === this.me) return this.readTo(event.seq);
    if (event.kind === "system" || event.seq <= this.#countedTo) return undefined;
    if (!event.thread) this.#fresh.push(event.seq);
    if (event.mentions?.some((user) => user === this.me || user === "@all" || user === "@here")) this.mentions += 1;
    return undefined;
  }

  #newest(message) {
    if (message.seq >= (this.last_message?.seq ?? 0)) this.last_message = message;
  }

  #member({ user, change, role }) {
    if (change === "revealed") return;
    if (user === this.me && role) this.role = role;
    if (change === "left" || change === "kicked") {
      this.members.delete(user);
      this.#cursors?.delete(user);
    } else if (this.members.size) {
      this.members.set(user, { user, ...this.members.get(user), ...(role && { role }) });
    }
    this.#sorted = null;
  }

  setMembers(members) {
    this.members = new Map(members.map((member) => [member.user, member]));
  }

  /** How far each has read who shows it to this person; nothing: that is not known of anybody here. */
  setCursors(cursors) {
    const known = this.#cursors;
    this.#cursors = cursors ? new Map(Object.entries(cursors)) : null;
    this.#sorted = null;
    for (const user of this.#cursors?.keys() ?? []) this.moveCursor(user, known?.get(user) ?? 0);
  }

  moveCursor(user, seq) {
    if (!this.#cursors || (this.#cursors.get(user) ?? -1) >= seq) return;
    this.#cursors.set(user, seq);
    this.#sorted = null;
  }

  /** How many replies in the thread of the message `seq` are known here. */
  repliesTo(seq) {
    this.#replies ??= countReplies(this.events);
    return this.#replies.get(seq) ?? 0;
  }

  /** How many others have not read up to `seq`, of those who show it. */
  notRead(seq) {
    if (!this.#cursors) return 0;
    this.#sorted ??= this.#sortCursors();
    return lowerBound(this.#sorted, seq);
  }

  #sortCursors() {
    return [...this.#cursors].filter(([user]) => user !== this.me).map(([, seq]) => seq).sort((a, b) => a - b);
  }

  /** The newest page begins to load: keep what comes live from now on. */
  startLoading() {
    this.drop();
    this.hold = "loading";
  }

  /** Take in the newest page. False: it is too old by now. So it is with the pages below. */
  newestPage(page) {
    if (page.upto < this.#forgotten) return false;
    this.events = mergeEvents(this.events, this.#present(page));
    this.#replies = null;
    this.more = page.more;
    this.seen = Math.max(this.seen, page.upto);
    this.hold = "held";
    return true;
  }

  olderPage(page) {
    if (page.upto < this.#forgotten) return false;
    this.events = mergeEvents(this.#present(page), this.events);
    this.#replies = null;
    this.more = page.more;
    return true;
  }

  /** What is held is said anew. */
  freshPage(page) {
    if (page.upto < this.#forgotten) return false;
    for (const message of this.#present(page)) {
      const index = indexOfSeq(this.events, message.seq);
      if (this.events[index]?.seq === message.seq) this.events[index] = message;
    }
    return true;
  }

  /** Nobody reads what is old: of a very long log only the end is kept. */
  trim() {
    if (this.events.length <= MOST_HELD + SLACK) return;
    this.events = this.events.slice(-MOST_HELD);
    this.#replies = null;
    this.more = true;
  }

  /** Forget the log; it must be loaded anew. */
  drop() {
    this.events = [];
    this.#replies = null;
    this.#forgotten = Math.max(this.#forgotten, this.#changes.at(-1)?.seq ?? 0);
    this.#changes = [];
    this.hold = "none";
    this.more = false;
    this.seen = 0;
  }
}

function countReplies(events) {
  const counts = new Map();
  for (const { thread, deleted } of events) if (thread && !deleted) counts.set(thread, (counts.get(thread) ?? 0) + 1);
  return counts;
}
