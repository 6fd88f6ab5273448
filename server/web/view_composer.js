// Where one writes: drafts and replies by room, sending, and telling the others that one types.

import { find } from "./dom.js";
import { sendOnEnter } from "./ime.js";
import { words } from "./words.js";

const TELL_TYPING_EVERY = 3_000;
const WIDEST = 160; // pixels of height before the field scrolls

export class Composer {
  #field = find("body");
  #room = null;
  #drafts = new Map(); // room -> {body, replyTo}
  #replyTo = null; // {seq, name, body}
  #toldTyping = 0;

  /** `send({body, reply_to})` and `typing(on)` are for the room that is shown; `leave()` on Escape. */
  constructor({ send, typing, leave }) {
    Object.assign(this, { send, typing, leave });
    const submit = sendOnEnter(this.#field, () => this.#submit());
    find("composer").onsubmit = (event) => event.preventDefault();
    find("send").onpointerdown = (event) => event.preventDefault(); // the field keeps the focus and a phone its keyboard
    find("send").onclick = submit;
    find("replying-stop").onclick = () => this.reply(null);
    this.#field.oninput = () => this.#written();
    this.#field.onkeydown = (event) => this.#key(event);
  }

  show(room) {
    if (this.#room) this.#drafts.set(this.#room.id, { body: this.#field.value, replyTo: this.#replyTo });
    this.#stopTyping();
    this.#room = room;
    const { body = "", replyTo = null } = this.#drafts.get(room?.id) ?? {};
    this.#field.value = body;
    this.#field.disabled = !room || room.archived;
    this.#fit();
    this.#drawReply(replyTo);
  }

  focus() {
    this.#field.focus();
  }

  /** Answer a message, or (null) none any more. */
  reply(message) {
    this.#drawReply(message);
    this.focus();
  }

  #drawReply(message) {
    this.#replyTo = message;
    find("replying").hidden = !message;
    find("replying-name").textContent = message?.name ?? "";
    find("replying-body").textContent = message?.body ?? "";
  }

  #submit() {
    const body = this.#field.value.toWellFormed().replaceAll("\0", "").trim();
    if (!body || !this.#room) return;
    this.#field.value = "";
    this.#fit();
    const replyTo = this.#replyTo?.seq;
    this.#drawReply(null);
    this.#toldTyping = 0; // a message ends the typing line by itself
    this.send({ body, reply_to: replyTo });
  }

  #written() {
    this.#fit();
    if (!this.#field.value) return this.#stopTyping();
    const now = Date.now();
    if (now - this.#toldTyping < TELL_TYPING_EVERY) return undefined;
    this.#toldTyping = now;
    return this.typing(true);
  }

  #stopTyping() {
    if (this.#toldTyping) this.typing(false);
    this.#toldTyping = 0;
  }

  #fit() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${Math.min(WIDEST, this.#field.scrollHeight)}px`;
  }

  #key(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    if (this.#replyTo) this.reply(null);
    else this.leave();
  }
}

/** The line that says who types. */
export function drawTyping(names) {
  find("typing").textContent = names.length ? words.typing(names.slice(0, 3)) : "";
}
