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
    return this.has(user) ? [words.unblock, () => this.unblock(user).catch(this.failed)] : [words.block, () => this.#block(user, name)];
  }

  async #block(user, name) {
    if (!(await question(words.blockQuestion(name), words.block))) return;
    await this.calls.block(user).then(() => this.#blocked.add(user)).then(this.changed, this.failed);
  }

  /** A promise that a Refusal may break. */
  unblock(user) {
    return this.calls.unblock(user).then(() => this.#blocked.delete(user)).then(this.changed);
  }
}
