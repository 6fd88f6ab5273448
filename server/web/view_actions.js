// What one can do with a message: react, edit, delete, pin. A small menu beside it.

import { make } from "./dom.js";
import { may } from "./may.js";
import { menuItem, openMenu } from "./menu.js";
import { showReactions, showReaders, showVersions } from "./view_lists.js";
import { showReport } from "./view_report.js";
import { words } from "./words.js";

const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

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
    showVersions(room, { load: (after) => this.calls.versions(room, seq, after), nameOf: (user) => this.nameOf(room, user) });
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
    return [
      may("react", room) ? make("div", { class: "emojis" }, ...emojis) : undefined,
      this.thread ? menuItem(words.openThread, () => this.thread(message.thread ?? message.seq, button)) : undefined,
      may("pin", room) ? menuItem(message.pinned ? words.unpin : words.pin, pin) : undefined,
      Object.keys(message.reactions ?? {}).length ? menuItem(words.whoReacted, () => this.#reactions(room, message.seq)) : undefined,
      message.edited_at ? menuItem(words.versions, () => this.versions(room, message.seq)) : undefined,
      this.markUnread ? menuItem(words.markUnread, () => this.markUnread(message.seq)) : undefined,
      mine ? menuItem(words.whoRead, () => this.#readers(room, message.seq)) : undefined,
      mine ? undefined : menuItem(words.report, () => this.#report(room, message.seq)),
      changes ? menuItem(words.editMessage, () => this.edit(message)) : undefined,
      changes || may("delete others", room) ? menuItem(words.deleteMessage, () => this.#tell(room, message, { t: "delete" })) : undefined,
    ];
  }

  #reactions(room, seq) {
    showReactions(room, { load: () => this.calls.reactions(room, seq) });
  }

  #readers(room, seq) {
    showReaders(room, { load: () => this.calls.readers(room, seq) });
  }

  #report(room, seq) {
    showReport({ report: (report) => this.calls.report(room, seq, report) });
  }

  #tell(room, message, frame) {
    this.ask({ ...frame, room: room.id, seq: message.seq }).catch((error) => this.failed(error));
  }
}
