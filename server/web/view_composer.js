// Where one writes: drafts and replies by room, sending, and telling the others that one types.

import { Attaching } from "./attaching.js";
import { face, find, icon, make } from "./dom.js";
import { sendOnEnter } from "./ime.js";
import { later } from "./later.js";
import { plainText } from "./markup.js";
import { may } from "./may.js";
import { GROUPS } from "./mentions.js";
import { words } from "./words.js";

const TELL_TYPING_EVERY = 3_000;
const QUOTED = 140; // characters
const WIDEST = 160; // pixels of height before the field scrolls

export class Composer {
  #part; // the elements, by name
  #field;
  #room = null;
  #of = null; // the room whose people can be mentioned
  #drafts = new Map(); // room -> {body, replyTo}
  #replyTo = null; // {seq, name, body}
  #rewritten = 0; // the seq of the message that is being edited
  #aside = null; // {body, replyTo}: what was being written when the edit began
  #toldTyping = 0;

  /**
   * `send({body, reply_to})`, `change(seq, body)` and `typing(on)` are for the room that is shown; false from the first
   * two: it is too long. `leave()` on Escape; `last()` is the message that an arrow up takes to be changed. `root` has
   * the elements, by data-part; on `drop` files can be let fall.
   */
  constructor({ root, drop, token, links, send, change, last = () => undefined, typing, leave }) {
    Object.assign(this, { token, links, send, change, last, typing, leave });
    this.#part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]));
    this.#field = this.#part.body;
    const submit = sendOnEnter(this.#field, () => this.#submit());
    this.#part.form.onsubmit = (event) => event.preventDefault();
    this.#part.send.onpointerdown = (event) => event.preventDefault(); // the field keeps the focus and a phone its keyboard
    this.#part.send.onclick = submit;
    this.#part.stop.onclick = () => (this.#rewritten ? this.#endEdit() : this.#drawReply(null), this.focus());
    this.attaching = new Attaching({ parts: this.#part, drop, token, links, complain: (text) => this.complain(text), open: () => !this.#part.form.hidden && this.#room });
    this.#field.oninput = () => this.#written();
    this.#field.onkeydown = (event) => this.#key(event);
  }

  /** `of` is the room that what is shown belongs to. */
  show(room, of = room) {
    this.#endEdit();
    this.mentions?.close();
    this.#of = of;
    if (this.#room) this.#drafts.set(this.#room.id, { body: this.#field.value, replyTo: this.#replyTo });
    this.#stopTyping();
    if (room !== this.#room) this.attaching.giveUp();
    this.#room = room;
    const { body = "", replyTo = null } = this.#drafts.get(room?.id) ?? {};
    this.#field.value = body;
    this.complain("");
    this.#fit();
    this.#drawReply(replyTo);
  }

  /** Who can be mentioned is known now, or otherwise. */
  peopleChanged() {
    this.mentions?.look();
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
    if (!(body || (this.attaching.size && !this.#rewritten)) || !this.#room) return undefined;
    if (!this.#rewritten && !this.attaching.ready) return void this.complain(words.stillUploading);
    const taken = this.#rewritten ? this.change(this.#rewritten, body) : this.send({ body, reply_to: this.#replyTo?.seq, files: this.attaching.files });
    if (!taken) return void this.complain(words.tooLong);
    this.complain("");
    this.#toldTyping = 0; // a message ends the typing line by itself
    if (this.#rewritten) return this.#endEdit();
    this.attaching.sent();
    this.#field.value = "";
    this.#fit();
    return this.#drawReply(null);
  }

  // The list of people comes with the first @.
  async #mayMention() {
    if (this.mentions !== undefined || !this.#field.value.includes("@")) return;
    this.mentions = null;
    const root = this.#part.form.parentElement;
    await later(() => import("./mention_list.js"), ({ MentionList }) => {
      this.mentions = new MentionList({ field: this.#field, root, candidates: () => candidatesIn(this.#of) });
      this.mentions.look();
    });
    this.mentions ??= undefined; // to be tried again
  }

  #written() {
    this.#mayMention();
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
    if (event.isComposing) return;
    const last = event.key === "ArrowUp" && !this.#field.value && !this.#rewritten ? this.last() : undefined;
    if (last) {
      event.preventDefault();
      return this.rewrite(last);
    }
    if (event.key !== "Escape") return;
    event.preventDefault(); // it is answered here
    if (this.#rewritten) this.#endEdit();
    else if (this.#replyTo) this.reply(null);
    else this.leave();
  }
}

// Whom one can mention in `room`: first all at once, then by name. Where two are named alike, by username.
function candidatesIn(room) {
  const others = [...room.members.values()].filter(({ user }) => user !== room.me);
  const named = new Map();
  for (const { name } of others) named.set(name, (named.get(name) ?? 0) + 1);
  const groups = GROUPS.map((name) => ({ name, known: words.groups[name], insert: name, face: () => make("span", { class: "avatar", "aria-hidden": "true" }, icon("people")) }));
  const people = others.map(({ user, name, username }) => ({
    name: name || username || user,
    known: username && username !== user ? `@${username}` : "",
    insert: (named.get(name) === 1 && name) || username || user,
    face: () => face(room, user, name || username || user),
  }));
  return [...(may("mention all", room) ? groups : []), ...people.sort((a, b) => a.name.localeCompare(b.name))];
}

/** The line that says who types. */
export function drawTyping(names) {
  find("typing").textContent = names.length ? words.typing(names.slice(0, 3)) : "";
}
