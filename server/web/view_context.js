// What was said around a message of long ago, read where it stands.

import { broken, waiting } from "./blank.js";
import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { Room } from "./room.js";
import { buildRows } from "./rows.js";
import { buildRow } from "./view_message.js";
import { words } from "./words.js";

const AROUND = 60;

/** `ask(frame)` asks the server; `known(room)` and `nameOf` as in Chat. */
export function showContext(room, seq, { wire, known, nameOf }) {
  const { body, dialog } = openDialog(room.name, { id: "context" });
  dialog.classList.add("wide");
  const load = async () => {
    body.replaceChildren(waiting(5));
    try {
      const page = await wire.ask({ t: "history", room: room.id, around: seq, limit: AROUND });
      const part = new Room({ id: room.id, type: room.type, mode: room.mode, me: room.me, role: "guest", last_seq: page.upto, read_seq: 0, unread: 0 });
      part.startLoading();
      part.newestPage(page);
      const rows = buildRows({ room: part, from: 0, to: part.events.length, pending: [], nameOf: (...who) => nameOf(room, ...who) });
      const list = make("ol", { class: "log", "aria-label": words.messages, tabIndex: 0 }, ...rows.map((row) => buildRow({ ...row, replies: 0, restorable: false, state: "old" }, known(room))));
      body.replaceChildren(list);
      const found = list.querySelector(`[data-seq="${seq}"]`);
      found?.classList.add("found-here");
      found?.scrollIntoView({ block: "center" });
    } catch (error) {
      body.replaceChildren(broken(error, load));
    }
  };
  load();
}
