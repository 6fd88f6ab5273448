// Changes of messages that are not known to be stored. To say one again changes nothing, so it is sent until it is answered.

import { Refusal } from "./session.js";

const TRY_AGAIN = new Set(["rate_limited", "unavailable", "internal"]);

export class Edits {
  #waiting; // "room seq" -> the frame
  #timer = 0;

  /** `ask(frame)` is a promise, broken by a Refusal; `fits(frame)` when the server would take it; `keep(frames)` survives a reload; `failed(error)` where one that waited was refused. */
  constructor({ ask, fits, keep, failed, saved = [] }) {
    Object.assign(this, { ask, fits, keep, failed });
    this.#waiting = new Map(saved.map((frame) => [keyOf(frame), frame]));
  }

  get size() {
    return this.#waiting.size;
  }

  /** A promise of whether it is stored; false: it waits for the connection. A Refusal: it is not kept. */
  send(frame) {
    this.#waiting.set(keyOf(frame), frame);
    this.#keep();
    return this.#ask(frame, () => true);
  }

  /** The connection is open (again). */
  opened() {
    for (const frame of [...this.#waiting.values()]) this.#ask(frame, isFinal).catch((error) => this.#refused(error));
  }

  close() {
    clearTimeout(this.#timer);
  }

  // Another may take its place while the answer is awaited: that one stays. What is too long would break the connection, each time anew.
  async #ask(frame, ends) {
    try {
      if (!this.fits(frame)) throw new Refusal({ code: "too_large" });
      await this.ask(frame);
    } catch (error) {
      if (error.code === "network") return false;
      if (ends(error)) this.#forget(frame);
      throw error;
    }
    this.#forget(frame);
    return true;
  }

  #refused(error) {
    if (isFinal(error)) return this.failed(error);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.opened(), error.retryAfter ?? 2_000);
    return undefined;
  }

  #forget(frame) {
    if (this.#waiting.get(keyOf(frame)) === frame) this.#waiting.delete(keyOf(frame));
    this.#keep();
  }

  #keep() {
    this.keep([...this.#waiting.values()]);
  }
}

const isFinal = ({ code }) => !TRY_AGAIN.has(code);
const keyOf = ({ room, seq }) => `${room} ${seq}`;
