// Whom this person blocks.

import { question } from "./dialog.js";
import { words } from "./words.js";

const MOST_PAGES = 25; // more than anybody can block

export class Blocks {
  #blocked = new Set();

  /** `calls` is RoomCalls; `changed()` when somebody is blocked or no longer; `failed(error)` says why not. */
  constructor({ calls, changed, failed }) {
    Object.assign(this, { calls, changed, failed });
  }

  has(user) {
    return this.#blocked.has(user);
  }

  async load() {
    const found = new Set();
    let after;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { items, next } = await this.calls.blocks(after);
      for (const { user } of items) found.add(user);
      if (next === undefined) break;
      after = next;
    }
    this.#blocked = found;
    this.changed();
  }

  /** The line of a menu that changes it for `user`: [text, act]. */
  entry(user, name) {
    return this.has(user) ? [words.unblock, () => this.unblock(user)] : [words.block, () => this.#block(user, name)];
  }

  async #block(user, name) {
    if (!(await question(words.blockQuestion(name), words.block))) return;
    await this.#do(this.calls.block(user), () => this.#blocked.add(user));
  }

  unblock(user) {
    return this.#do(this.calls.unblock(user), () => this.#blocked.delete(user));
  }

  #do(done, then) {
    return done.then(then).then(this.changed, this.failed);
  }
}
