// What is written and not yet known to be stored. One message of a room is on its way at a time,
// so a refusal or a broken connection can never change the order in which they were written.

import { newId } from "./session.js";

const TRY_AGAIN = new Set(["rate_limited", "unavailable", "internal"]);

/** Entries are {room, id, body, reply_to?, thread?, files?, shown?, mentions?, at, state: waiting|sent|acked|failed, code?, seq?}. */
export class Outbox {
  #entries;
  #timer = 0;

  /** `tell(frame)` is false when not connected; `fits(frame)` when the server would not take it; `keep(entries)` survives a reload; `changed(room)`. */
  constructor({ tell, fits, keep, changed, saved = [] }) {
    Object.assign(this, { tell, fits, keep, changed });
    this.#entries = saved.map((entry) => ({ ...entry, state: entry.state === "failed" ? "failed" : "waiting" }));
  }

  of(room) {
    return this.#entries.filter((entry) => entry.room === room);
  }

  /** How many are not known to be stored. */
  get size() {
    return this.#entries.filter(({ state }) => state !== "acked").length;
  }

  add(message) {
    this.#entries.push({ ...message, id: newId(), state: "waiting" });
    this.#move();
  }

  /** The connection is open (again): what was under way is sent again with the same id. */
  opened() {
    for (const entry of this.#entries) if (entry.state === "sent") entry.state = "waiting";
    this.#move();
  }

  acked({ room, id, seq }) {
    const entry = this.#find(room, id);
    if (!entry) return;
    Object.assign(entry, { state: "acked", seq });
    this.#move();
  }

  refused({ room, id, code, fields, retry_after_ms: after }) {
    const entry = this.#find(room, id);
    if (!entry) return;
    if (TRY_AGAIN.has(code)) return void this.#later(after ?? 2_000);
    Object.assign(entry, { state: "failed", code, fields });
    this.#move();
  }

  retry(id) {
    const entry = this.take(id);
    if (entry) this.#entries.push({ ...entry, state: "waiting", at: Date.now() });
    this.#move();
  }

  /** The entry, which is here no longer. */
  take(id) {
    const entry = this.#entries.find((each) => each.id === id);
    this.discard(id);
    return entry;
  }

  discard(id) {
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
    this.#move();
  }

  /** The log of `room` is known up to `seq`: what is stored there needs no entry any more. */
  stored(room, seq) {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.room !== room || !(entry.seq <= seq));
    if (this.#entries.length !== before) this.keep(this.#entries);
  }

  isUnderWay(id) {
    return this.#entries.some((entry) => entry.id === id && entry.state === "sent");
  }

  close() {
    clearTimeout(this.#timer);
  }

  #find(room, id) {
    return this.#entries.find((entry) => entry.room === room && entry.id === id);
  }

  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.opened(), wait);
  }

  #move() {
    const busy = new Set(this.#entries.filter((entry) => entry.state === "sent").map((entry) => entry.room));
    for (const entry of this.#entries) {
      if (entry.state !== "waiting" || busy.has(entry.room)) continue;
      const { room, id, body, reply_to, thread, files, mentions } = entry;
      const frame = { t: "send", room, id, body, reply_to, thread, files, mentions };
      if (!this.fits(frame)) {
        Object.assign(entry, { state: "failed", code: "too_large" });
        continue;
      }
      busy.add(room);
      if (this.tell(frame)) entry.state = "sent";
    }
    this.keep(this.#entries);
    this.changed();
  }
}
