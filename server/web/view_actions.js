// What one can do with a message: react, edit, delete, pin. The menu of it comes when it is first opened.

import { later, lists } from "./later.js";

export class Actions {
  /**
   * `ask(frame)` is a promise of the answer, `edit(message)` begins an edit and `reply(seq)` an answer, `failed(error)` says why not; `calls` is RoomCalls;
   * `shown()` is the room that is shown; `thread(root, button)`, where there is a way into threads, and `markUnread(seq)`.
   */
  constructor({ ask, calls, edit, reply, nameOf, failed, shown, thread, markUnread }) {
    Object.assign(this, { ask, calls, edit, reply, nameOf, failed, shown, thread, markUnread });
  }

  // Until the menu comes the row may be drawn anew, and the room be another one.
  open(room, message, button) {
    const list = button.closest("ol");
    later(() => import("./view_message_menu.js"), ({ openMessageMenu }) => {
      const beside = button.isConnected ? button : list.querySelector(`[data-more="${message.seq}"]`);
      if (beside && room === this.shown()) openMessageMenu(this, room, message, beside);
    });
  }

  /** Put `emoji` on the message, or take it off where this person has put it. */
  react(room, message, emoji) {
    this.tell(room, message, { t: "react", emoji, on: !message.reactions?.[emoji]?.me });
  }

  /** What it said before, who wrote that and when. */
  versions(room, seq) {
    lists(({ showVersions }) => showVersions(room, { load: (after) => this.calls.versions(room, seq, after), nameOf: (user) => this.nameOf(room, user) }));
  }

  reactions(room, seq) {
    lists(({ showReactions }) => showReactions(room, { load: () => this.calls.reactions(room, seq) }));
  }

  readers(room, seq) {
    lists(({ showReaders }) => showReaders(room, { load: () => this.calls.readers(room, seq) }));
  }

  /** Bring a deleted message back. */
  restore(room, seq) {
    this.calls.restore(room, seq).catch(this.failed);
  }

  /** Ask the server for `frame` about the message. */
  tell(room, { seq }, frame) {
    this.ask({ ...frame, room: room.id, seq }).catch((error) => this.failed(error));
  }
}
