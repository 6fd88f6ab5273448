// Where one writes: drafts and replies by room, sending, and telling the others that one types.

import { find } from "./dom.js";
import { sendOnEnter } from "./ime.js";
import { plainText } from "./markup.js";
import { words } from "./words.js";

const TELL_TYPING_EVERY = 3_000;
const QUOTED = 140; // characters
const WIDEST = 160; // pixels of height before the field scrolls

export class Composer {
  #part; // the elements, by name
  #field;
  #room = null;
  #drafts = new Map(); // room -> {body, replyTo}
  #replyTo = null; // {seq, name, body}
  #rewritten = 0; // the seq of the message that is being edited
  #aside = null; // {body, replyTo}: what was being written when the edit began
  #toldTyping = 0;

  /**
   * `send({body, reply_to})`, `change(seq, body)` and `typing(on)` are for the room that is shown; false from the first
   * two: it is too long. `leave()` on Escape. `root` has the elements, by data-part.
   */
  constructor({ root, send, change, typing, leave }) {
    Object.assign(this, { send, change, typing, leave });
    this.#part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]));
    this.#field = this.#part.body;
    const submit = sendOnEnter(this.#field, () => this.#submit());
    this.#part.form.onsubmit = (event) => event.preventDefault();
    this.#part.send.onpointerdown = (event) => event.preventDefault(); // the field keeps the focus and a phone its keyboard
    this.#part.send.onclick = submit;
    this.#part.stop.onclick = () => (this.#rewritten ? this.#endEdit() : this.#drawReply(null), this.focus());
    this.#field.oninput = () => this.#written();
    this.#field.onkeydown = (event) => this.#key(event);
  }

  show(room) {
    this.#endEdit();
    if (this.#room) this.#drafts.set(this.#room.id, { body: this.#field.value, replyTo: this.#replyTo });
    this.#stopTyping();
    this.#room = room;
    const { body = "", replyTo = null } = this.#drafts.get(room?.id) ?? {};
    this.#field.value = body;
    this.complain("");
    this.#fit();
    this.#drawReply(replyTo);
  }

  /** Whether anything can be written here now; else `why` not stands in its place. */
  allow(why = "") {
    this.#part.closed.hidden = !why;
    this.#part.closed.textContent = why;
    this.#part.form.hidden = Boolean(why);
  }

  focus() {
    this.#field.focus();
  }

  /** Answer a message, or (null) none any more. */
  reply(message) {
    this.#endEdit();
    this.#drawReply(message);
    this.focus();
  }

  /** Put *text* that was not sent back to be written anew, before what is there. */
  edit(text) {
    this.#endEdit();
    this.#field.value = [text, this.#field.value].filter(Boolean).join("\n");
    this.#written();
    this.focus();
  }

  /** Write a stored message anew; Escape leaves it as it is. A draft comes back after it. */
  rewrite({ seq, body }) {
    this.#endEdit();
    this.#aside = { body: this.#field.value, replyTo: this.#replyTo };
    this.#drawReply({ name: words.editing, body });
    this.#replyTo = null;
    this.#rewritten = seq;
    this.#field.value = body;
    this.#fit();
    this.focus();
  }

  /** Say what went wrong, until something is written. */
  complain(text) {
    this.#part.error.textContent = text;
  }

  #endEdit() {
    if (!this.#rewritten) return;
    const { body, replyTo } = this.#aside;
    this.#rewritten = 0;
    this.#aside = null;
    this.#field.value = body;
    this.#fit();
    this.#drawReply(replyTo);
  }

  #drawReply(message) {
    this.#replyTo = message;
    this.#part.replying.hidden = !message;
    this.#part.name.textContent = message?.name ?? "";
    this.#part.quoted.textContent = plainText(message?.body ?? "", QUOTED);
  }

  #submit() {
    const body = this.#field.value.toWellFormed().replaceAll("\0", "").trim();
    if (!body || !this.#room) return undefined;
    const taken = this.#rewritten ? this.change(this.#rewritten, body) : this.send({ body, reply_to: this.#replyTo?.seq });
    if (!taken) return void this.complain(words.tooLong);
    this.complain("");
    this.#toldTyping = 0; // a message ends the typing line by itself
    if (this.#rewritten) return this.#endEdit();
    this.#field.value = "";
    this.#fit();
    return this.#drawReply(null);
  }

  #written() {
    this.#fit();
    this.complain("");
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
    event.preventDefault(); // it is answered here
    if (this.#rewritten) this.#endEdit();
    else if (this.#replyTo) this.reply(null);
    else this.leave();
  }
}

/** The line that says who types. */
export function drawTyping(names) {
  find("typing").textContent = names.length ? words.typing(names.slice(0, 3)) : "";
}
