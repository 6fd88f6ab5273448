// What one can do with a message: react, edit, delete, pin. A small menu beside it.

import { find, make } from "./dom.js";
import { words } from "./words.js";

const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const MODERATORS = new Set(["owner", "admin"]);
const GAP = 8; // pixels from the edges of the window

export class Actions {
  #menu = find("actions");

  /** `ask(frame)` is a promise of the answer, `edit(message)` begins an edit, `failed(error)` says why not. */
  constructor({ ask, edit, failed }) {
    Object.assign(this, { ask, edit, failed });
  }

  open(room, message, button) {
    this.#menu.replaceChildren(...this.#items(room, message));
    this.#menu.showPopover();
    const { width, height } = this.#menu.getBoundingClientRect();
    const at = button.getBoundingClientRect();
    const left = Math.min(at.left, innerWidth - width - GAP);
    const top = at.bottom + height + GAP > innerHeight ? at.top - height : at.bottom;
    Object.assign(this.#menu.style, { left: `${Math.max(GAP, left)}px`, top: `${Math.max(GAP, top)}px` });
    this.#menu.querySelector("button").focus();
  }

  /** Put `emoji` on the message, or take it off where this person has put it. */
  react(room, message, emoji) {
    this.#tell(room, message, { t: "react", emoji, on: !message.reactions?.[emoji]?.me });
  }

  #items(room, message) {
    const mine = message.sender === room.me;
    const moderates = room.type !== "direct" && MODERATORS.has(room.role);
    const emojis = QUICK.map((emoji) => this.#item(emoji, () => this.react(room, message, emoji)));
    const pin = () => this.#tell(room, message, { t: "pin", on: !message.pinned });
    return [
      make("div", { class: "emojis" }, ...emojis),
      room.role === "guest" ? undefined : this.#item(message.pinned ? words.unpin : words.pin, pin),
      mine ? this.#item(words.editMessage, () => this.edit(message)) : undefined,
      mine || moderates ? this.#item(words.deleteMessage, () => this.#tell(room, message, { t: "delete" })) : undefined,
    ].filter(Boolean);
  }

  #item(text, act) {
    const chosen = () => {
      this.#menu.hidePopover();
      act();
    };
    return make("button", { type: "button", role: "menuitem", onclick: chosen }, text);
  }

  #tell(room, message, frame) {
    this.ask({ ...frame, room: room.id, seq: message.seq }).catch((error) => this.failed(error));
  }
}
