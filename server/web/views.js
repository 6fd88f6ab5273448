// The views of a chat, and what each of them sets going.

import { find } from "./dom.js";
import { MeMenu } from "./me_menu.js";
import { Members } from "./members.js";
import { eventAt } from "./ordered.js";
import { lastOwn } from "./sending.js";
import { Thread } from "./thread.js";
import { Actions } from "./view_actions.js";
import { Composer } from "./view_composer.js";
import { LogView } from "./view_log.js";
import { RoomMenu } from "./view_room_menu.js";
import { RoomsView } from "./view_rooms.js";

/** Give `chat` its rooms, log, actions, menu, composer, members, thread and me. */
export function makeViews(chat) {
  const { store, outbox, calls, blocks, dialogs, wire, loader, sending, drafts } = chat;
  const opened = (open) => open && chat.members.close();
  chat.rooms = new RoomsView({ store, open: (id) => chat.go(id), dialogs });
  chat.log = new LogView({ store, outbox, known: chat.known, act: actsOf(chat), moved: () => chat.soon(), load: (room) => chat.load(room), loadOlder: (room, limit) => loader.older(room, limit) });
  chat.actions = new Actions({
    ask: (frame) => wire.ask(frame),
    calls,
    nameOf: chat.nameOf,
    shown: () => chat.room,
    thread: chat.openThread,
    markUnread: (seq) => chat.markUnread(seq),
    edit: (message) => chat.composer.rewrite(message),
    reply: (seq) => chat.reply(seq),
    failed: chat.failed,
  });
  chat.menu = new RoomMenu({ calls, failed: chat.failed, dialogs, blocks, thread: (root) => chat.openThread(root, find("room-more")) });
  chat.composer = new Composer({
    root: find("writing"),
    drop: find("conversation"),
    token: chat.token,
    links: chat.links,
    drafts,
    send: (message) => sending.send(chat.room, message) && (chat.log.sentOwn(), true),
    change: (seq, body) => sending.change(chat.room, seq, body),
    last: () => lastOwn(chat.room, chat.room.events),
    typing: (room, on) => wire.tell({ t: "typing", room: room.id, on }),
    leave: () => chat.back(),
  });
  chat.members = new Members({ store, calls, blocks, opened: (room) => {
    chat.thread.close();
    chat.loadMembers(room);
  } });
  chat.thread = new Thread({ store, outbox, loader, calls, wire, sending, drafts, token: chat.token, links: chat.links, nameOf: chat.nameOf, known: chat.known, draw: () => chat.soon(), opened });
  chat.me = new MeMenu({ user: chat.user, dialogs, signOut: chat.signOut, tell: (state) => wire.ask({ t: "status", state }) });
  find("search-open").onclick = () => dialogs.search(chat.room);
  find("back").onclick = () => chat.back();
  find("banner-now").onclick = () => wire.now();
}

// What the buttons of a message do.
function actsOf(chat) {
  const at = (seq) => eventAt(chat.room.events, seq);
  return {
    jump: (seq) => chat.lead(chat.room.id, seq),
    reply: (seq) => chat.reply(seq),
    thread: chat.openThread,
    more: (seq, button) => chat.actions.open(chat.room, at(seq), button),
    react: (seq, emoji) => chat.actions.react(chat.room, at(seq), emoji),
    versions: (seq) => chat.actions.versions(chat.room, seq),
    restore: (seq) => chat.actions.restore(chat.room, seq),
    retry: (id) => chat.outbox.retry(id),
    discard: (id) => chat.outbox.discard(id),
    edit: (id) => chat.sending.again(id, chat.composer, (seq) => chat.reply(seq)),
    leave: () => chat.composer.focus(),
  };
}
