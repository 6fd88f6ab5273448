// What opens over the chat. Each part comes when it is first wanted.

import { later, lists } from "./later.js";

const behindTheBell = () => import("./view_notifications.js");

export class Dialogs {
  /** `chat` has user, token, wire, store, calls, blocks, broadcasts, links, log, room, nameOf(room, user), go(id), lead(room, seq), known(room), arrive(id), create(room), me, soon(). */
  constructor(chat) {
    this.chat = chat;
  }

  pins(room) {
    const { calls, nameOf, lead } = this.chat;
    return lists(({ showPins }) => showPins(room, { load: (after) => calls.pins(room, after), nameOf: (...who) => nameOf(room, ...who), go: (seq) => lead(room.id, seq) }));
  }

  threads(room, go) {
    const { calls, nameOf } = this.chat;
    return lists(({ showThreads }) => showThreads(room, { load: (before) => calls.threads(room, before), nameOf: (...who) => nameOf(room, ...who), go }));
  }

  blocked() {
    const { calls, blocks } = this.chat;
    return lists(({ showBlocks }) => showBlocks({ load: calls.blocks, unblock: (user) => blocks.unblock(user) }));
  }

  broadcasts() {
    return later(() => import("./view_broadcasts.js"), ({ showBroadcasts }) => showBroadcasts(this.chat));
  }

  notifications() {
    return later(behindTheBell, ({ of }) => of(this.chat).open());
  }

  /** A frame that changes what is unread behind the bell. What does not come now comes with the next one. */
  bell(frame) {
    behindTheBell().then(({ of }) => of(this.chat).told(frame), () => {});
  }

  channels() {
    const { calls, arrive } = this.chat;
    return later(() => import("./view_channels.js"), ({ showChannels }) => showChannels({ find: calls.publicRooms, join: calls.join, open: arrive }));
  }

  newRoom() {
    const { calls, create, user } = this.chat;
    return later(() => import("./view_new_room.js"), ({ showNewRoom }) => showNewRoom({ search: calls.people, create, myId: user.id }));
  }

  settings(room) {
    const { calls } = this.chat;
    return later(() => import("./view_settings.js"), ({ showSettings }) => showSettings(room, { change: (changes) => calls.change(room, changes) }));
  }

  export(room) {
    return later(() => import("./view_export.js"), ({ showExport }) => showExport(room, { token: this.chat.token }));
  }

  me() {
    return later(() => import("./view_me.js"), ({ showMe }) => showMe(this.chat));
  }

  admin() {
    return later(() => import("./view_admin.js"), ({ showAdmin }) => showAdmin(this.chat));
  }

  shortcuts() {
    return later(() => import("./view_shortcuts.js"), ({ showShortcuts }) => showShortcuts());
  }

  search(room) {
    return later(() => import("./view_search.js"), ({ showSearch }) => showSearch(this.chat, room));
  }

  context(room, seq) {
    return later(() => import("./view_context.js"), ({ showContext }) => room === this.chat.room && showContext(room, seq, this.chat));
  }

  switcher() {
    return later(() => import("./view_switcher.js"), ({ showSwitcher }) => showSwitcher(this.chat));
  }
}
