// What one can do with a message: react, edit, delete, pin. A small menu beside it.

import { icon, make } from "./dom.js";
import { later } from "./later.js";
import { may, QUICK } from "./may.js";
import { menuItem, openMenu } from "./menu.js";
import { words } from "./words.js";

const lists = (use) => later(() => import("./view_lists.js"), use);

export class Actions {
  /** `ask(frame)` is a promise of the answer, `edit(message)` begins an edit, `failed(error)` says why not; `calls` is RoomCalls; `thread(root, button)`, where there is a way into threads, and `markUnread(seq)`. */
  constructor({ ask, calls, edit, nameOf, failed, thread, markUnread }) {
    Object.assign(this, { ask, calls, edit, nameOf, failed, thread, markUnread });
  }

  open(room, message, button) {
    openMenu(button, this.#items(room, message, button));
  }

  /** Put `emoji` on the message, or take it off where this person has put it. */
  react(room, message, emoji) {
    this.#tell(room, message, { t: "react", emoji, on: !message.reactions?.[emoji]?.me });
  }

  /** What it said before, who wrote that and when. */
  versions(room, seq) {
    lists(({ showVersions }) => showVersions(room, { load: (after) => this.calls.versions(room, seq, after), nameOf: (user) => this.nameOf(room, user) }));
  }

  /** Bring a deleted message back. */
  restore(room, seq) {
    this.calls.restore(room, seq).catch(this.failed);
  }

  #items(room, message, button) {
    const mine = message.sender === room.me;
    const emojis = QUICK.map((emoji) => menuItem(emoji, () => this.react(room, message, emoji)));
    const pin = () => this.#tell(room, message, { t: "pin", on: !message.pinned });
    const changes = mine && !room.archived;
    const line = (picture, text, act, grave = false) => menuItem([icon(picture), text], act, { class: grave ? "grave" : undefined });
    return [
      may("react", room) ? make("div", { class: "emojis" }, ...emojis) : undefined,
      this.thread ? line("thread", words.openThread, () => this.thread(message.thread ?? message.seq, button)) : undefined,
      may("pin", room) ? line("pin", message.pinned ? words.unpin : words.pin, pin) : undefined,
      Object.keys(message.reactions ?? {}).length ? line("smile", words.whoReacted, () => this.#reactions(room, message.seq)) : undefined,
      message.edited_at ? line("clock", words.versions, () => this.versions(room, message.seq)) : undefined,
      this.markUnread ? line("unread", words.markUnread, () => this.markUnread(message.seq)) : undefined,
      mine ? line("people", words.whoRead, () => this.#readers(room, message.seq)) : undefined,
      mine ? undefined : line("flag", words.report, () => this.#report(room, message.seq)),
      changes ? line("pen", words.editMessage, () => this.edit(message)) : undefined,
      changes || may("delete others", room) ? line("bin", words.deleteMessage, () => this.#tell(room, message, { t: "delete" }), true) : undefined,
    ];
  }

  #reactions(room, seq) {
    lists(({ showReactions }) => showReactions(room, { load: () => this.calls.reactions(room, seq) }));
  }

  #readers(room, seq) {
    lists(({ showReaders }) => showReaders(room, { load: () => this.calls.readers(room, seq) }));
  }

  #report(room, seq) {
    later(() => import("./view_report.js"), ({ showReport }) => showReport({ report: (report) => this.calls.report(room, seq, report) }));
  }

  #tell(room, message, frame) {
    this.ask({ ...frame, room: room.id, seq: message.seq }).catch((error) => this.failed(error));
  }
}
