// The menu of a message: what this person may do with it.

import { icon, make } from "./dom.js";
import { later } from "./later.js";
import { may, QUICK } from "./may.js";
import { menuItem, menuLine, openMenu } from "./menu.js";
import { words } from "./words.js";

/** Open it beside `button`; `actions` is Actions. */
export function openMessageMenu(actions, room, message, button) {
  const { seq } = message;
  const mine = message.sender === room.me;
  const changes = mine && !room.archived;
  const { reply, thread, markUnread } = actions;
  openMenu(button, [
    may("react", room) ? emojisOf(actions, room, message) : undefined,
    reply && may("send", room) ? menuLine("reply", words.reply, () => reply(seq)) : undefined,
    thread ? menuLine("thread", words.openThread, () => thread(message.thread ?? seq, button)) : undefined,
    may("pin", room) ? menuLine("pin", message.pinned ? words.unpin : words.pin, () => actions.tell(room, message, { t: "pin", on: !message.pinned })) : undefined,
    Object.keys(message.reactions ?? {}).length ? menuLine("smile", words.whoReacted, () => actions.reactions(room, seq)) : undefined,
    message.edited_at ? menuLine("clock", words.versions, () => actions.versions(room, seq)) : undefined,
    markUnread ? menuLine("unread", words.markUnread, () => markUnread(seq)) : undefined,
    mine ? menuLine("people", words.whoRead, () => actions.readers(room, seq)) : menuLine("flag", words.report, () => report(actions, room, seq)),
    changes ? menuLine("pen", words.editMessage, () => actions.edit(message)) : undefined,
    changes || may("delete others", room) ? menuLine("bin", words.deleteMessage, () => actions.tell(room, message, { t: "delete" }), true) : undefined,
  ]);
}

function emojisOf(actions, room, message) {
  const put = (emoji) => actions.react(room, message, emoji);
  const more = () => later(() => import("./view_emojis.js"), ({ showEmojis }) => showEmojis(put));
  return make("div", { class: "emojis" }, ...QUICK.map((emoji) => menuItem(emoji, () => put(emoji))),
    menuItem(icon("plus"), more, { "aria-label": words.otherEmoji, title: words.otherEmoji }));
}

function report({ calls }, room, seq) {
  later(() => import("./view_report.js"), ({ showReport }) => showReport({ report: (report) => calls.report(room, seq, report) }));
}
