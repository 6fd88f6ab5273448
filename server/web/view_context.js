// What was said around a message of long ago, read and answered where it stands.

import { broken, waiting } from "./blank.js";
import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { walkLog } from "./log_keys.js";
import { may } from "./may.js";
import { eventAt } from "./ordered.js";
import { Room } from "./room.js";
import { buildRows } from "./rows.js";
import { actOn, buildRow } from "./view_message.js";
import { words } from "./words.js";

const AROUND = 60;

/** `chat` has room, wire, actions, composer, openThread, known(room) and nameOf. */
export function showContext(room, seq, chat) {
  const { body, dialog, say, close } = openDialog(room.name, { id: "context" });
  dialog.classList.add("wide");
  const load = async (around) => {
    say();
    body.replaceChildren(waiting(5));
    try {
      const page = await chat.wire.ask({ t: "history", room: room.id, around, limit: AROUND });
      const part = partOf(room, page);
      const list = listOf(room, part, chat);
      const act = actsOf(room, part, chat, { load, say, close });
      walkLog(list, list, act);
      list.onclick = (event) => actOn(event, act);
      body.replaceChildren(list, stepsOf(part, load));
      lookAt(list, around, around === seq);
    } catch (error) {
      body.replaceChildren(broken(error, () => load(around)));
    }
  };
  load(seq);
}

function partOf({ id, type, mode, me, role, post, archived }, page) {
  const part = new Room({ id, type, mode, me, role, post, archived, last_seq: page.upto, read_seq: 0, unread: 0 });
  part.startLoading();
  part.newestPage(page);
  return part;
}

function listOf(room, part, { known, nameOf }) {
  const rows = buildRows({ room: part, from: 0, to: part.events.length, pending: [], nameOf: (...who) => nameOf(room, ...who) });
  const state = may("send", room) ? "old" : "read-only";
  return make("ol", { class: "log", "aria-label": words.messages, tabIndex: 0 }, ...rows.map((row) => buildRow({ ...row, replies: 0, restorable: false, state }, known(room))));
}

function lookAt(list, seq, found) {
  const message = list.querySelector(`[data-seq="${seq}"]`);
  message?.classList.toggle("found-here", found);
  message?.scrollIntoView({ block: "center" });
  message?.focus({ preventScroll: true });
}

// Of a page around a message `more` means after it.
function stepsOf({ events, more }, load) {
  const step = (text, seq, on) => make("button", { type: "button", class: "plain small", hidden: !on, onclick: () => load(seq) }, text);
  const [first, end] = [events[0]?.seq, events.at(-1)?.seq];
  return make("div", { class: "verbs" }, step(words.earlier, first, first > 1), step(words.later, end, more));
}

function actsOf(room, part, chat, { load, say, close }) {
  const { wire, actions, composer, openThread, nameOf } = chat;
  const at = (seq) => eventAt(part.events, seq);
  const lead = (act) => (...where) => {
    close();
    if (room === chat.room) act(...where);
  };
  return {
    jump: load,
    thread: lead((root) => openThread(root)),
    reply: lead((seq) => composer.reply({ seq, name: nameOf(room, at(seq).sender, at(seq).name), body: at(seq).body ?? "" })),
    react: (seq, emoji) => wire.ask({ t: "react", room: room.id, seq, emoji, on: !at(seq).reactions?.[emoji]?.me }).then(() => load(seq), say),
    versions: (seq) => actions.versions(room, seq),
    leave: close,
  };
}
