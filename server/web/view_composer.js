// Where one writes: drafts and replies by room, sending, and telling the others that one types.

import { Attaching } from "./attaching.js";
import { face, find, icon, make } from "./dom.js";
import { sendOnEnter } from "./ime.js";
import { later } from "./later.js";
import { plainText } from "./markup.js";
import { may } from "./may.js";
import { GROUPS } from "./mentions.js";
import { toast } from "./toast.js";
import { explain, words } from "./words.js";

const TELL_TYPING_EVERY = 3_000;
const QUOTED = 140; // characters
const WIDEST = 160; // pixels of height before the field scrolls

export class Composer {
  #part; // the elements, by name
  #field;
  #room = null;
  #of = null; // the room whose people can be mentioned
  #replyTo = null; // {seq, name, body}
  #edit = null; // {seq, body, aside}: the message that is written anew, as it was, and what was being written before
  #saving = null; // the edit that is on its way
  #toldTyping = 0;

  /**
   * `send({body, reply_to})` and `change(seq, body)` are for the room that is shown; false: it is too long, else the
   * second is a promise. `typing(room, on)`; `leave()` on Escape; `last()` is the message that an arrow up takes to be
   * changed. `root` has the elements, by data-part; on `drop` files can be let fall.
   */
  constructor({ root, drop, token, links, drafts, send, change, last = () => undefined, typing, leave }) {
    Object.assign(this, { drafts, send, change, last, typing, leave });
    this.#part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]));
    this.#field = this.#part.body;
    const submit = sendOnEnter(this.#field, () => this.#submit());
    this.#part.form.onsubmit = (event) => event.preventDefault();
    this.#part.send.onpointerdown = (event) => event.preventDefault(); // the field keeps the focus and a phone its keyboard
    this.#part.send.onclick = submit;
    this.#part.stop.onclick = () => (this.#edit ? this.#endEdit() : this.#drawReply(null), this.#keep(), this.focus());
    this.attaching = new Attaching({ parts: this.#part, drop, token, links, complain: (text) => this.complain(text), open: () => !this.#part.form.hidden && this.#room });
    this.#field.oninput = () => this.#written();
    this.#field.onkeydown = (event) => this.#key(event);
  }

  /** `of` is the room that what is shown belongs to. */
  show(room, of = room) {
    this.mentions?.close();
    this.#stopTyping();
    if (room?.id !== this.#room?.id) this.attaching.giveUp();
    this.#room = room;
    this.#of = of;
    const { body = "", replyTo = null, edit = null } = this.drafts.get(room?.id);
    this.#edit = edit;
    this.#field.value = body;
    this.complain("");
    this.#fit();
    if (edit) this.#drawReply({ name: words.editing, body: edit.body });
    else this.#drawReply(replyTo);
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
    this.#keep();
    this.focus();
  }

  /** Put *text* and its `files` that were not sent back to be written anew, before what is there. */
  edit(text, files = []) {
    this.#endEdit();
    this.attaching.take(files);
    this.#field.value = [text, this.#field.value].filter(Boolean).join("\n");
    this.#written();
    this.focus();
  }

  /** Write a stored message anew; Escape leaves it as it is. A draft comes back after it. */
  rewrite({ seq, body }) {
    this.#endEdit();
    this.#edit = { seq, body, aside: { body: this.#field.value, replyTo: this.#replyTo } };
    this.#drawReply({ name: words.editing, body });
    this.#field.value = body;
    this.#keep();
    this.#fit();
    this.focus();
  }

  /** Say what went wrong, until something is written. */
  complain(text) {
    this.#part.error.textContent = text;
  }

  #endEdit() {
    if (!this.#edit) return;
    const { body, replyTo } = this.#edit.aside;
    this.#edit = null;
    this.#field.value = body;
    this.#fit();
    this.#drawReply(replyTo);
    this.#keep();
  }

  #keep() {
    if (this.#room) this.drafts.set(this.#room.id, { body: this.#field.value, replyTo: this.#edit ? null : this.#replyTo, edit: this.#edit });
  }

  #drawReply(message) {
    this.#replyTo = message;
    this.#part.replying.hidden = !message;
    this.#part.name.textContent = message?.name ?? "";
    this.#part.quoted.textContent = plainText(message?.body ?? "", QUOTED);
  }

  #submit() {
    const body = cleaned(this.#field.value);
    if (!(body || (this.attaching.size && !this.#edit)) || !this.#room) return undefined;
    if (this.#edit) return this.#save(body, this.#edit);
    if (this.attaching.waits) return void this.complain(this.attaching.waits);
    if (!this.send({ body, reply_to: this.#replyTo?.seq, files: this.attaching.files })) return void this.complain(words.tooLong);
    this.complain("");
    this.#toldTyping = 0; // a message ends the typing line by itself
    this.attaching.sent();
    this.#field.value = "";
    this.#fit();
    this.#drawReply(null);
    return this.#keep();
  }

  // The edit goes on until its change is stored, or kept to be sent; the room may be another one by then.
  async #save(body, edit) {
    if (edit === this.#saving) return;
    const { id } = this.#room;
    const changing = this.change(edit.seq, body);
    if (!changing) return void this.complain(words.tooLong);
    this.complain("");
    this.#stopTyping();
    this.#saving = edit;
    try {
      if (!(await changing)) toast(words.editWaits);
      const draft = edit === this.#edit ? { edit, body: this.#field.value } : this.drafts.get(id);
      if (draft.edit !== edit || cleaned(draft.body) !== body) return; // something else is written there by now
      if (edit === this.#edit) this.#endEdit();
      else this.drafts.set(id, edit.aside);
    } catch (error) {
      if (edit === this.#edit) this.complain(explain(error));
      else toast(explain(error));
    } finally {
      this.#saving = null;
    }
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
    this.#keep();
    this.complain("");
    if (!this.#field.value) return this.#stopTyping();
    const now = Date.now();
    if (now - this.#toldTyping < TELL_TYPING_EVERY) return undefined;
    this.#toldTyping = now;
    return this.typing(this.#of, true);
  }

  #stopTyping() {
    if (this.#toldTyping) this.typing(this.#of, false);
    this.#toldTyping = 0;
  }

  #fit() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${Math.min(WIDEST, this.#field.scrollHeight)}px`;
  }

  #key(event) {
    if (event.isComposing) return;
    const last = event.key === "ArrowUp" && !this.#field.value && !this.#edit ? this.last() : undefined;
    if (last) {
      event.preventDefault();
      return this.rewrite(last);
    }
    if (event.key !== "Escape") return;
    event.preventDefault(); // it is answered here
    if (this.#edit) this.#endEdit();
    else if (this.#replyTo) this.reply(null);
    else if (this.attaching.isEmpty) this.leave(); // and what is attached is given up
  }
}

const cleaned = (text) => text.toWellFormed().replaceAll("\0", "").trim();

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
