// What one message said before, who reacted to it, and what is pinned in a room: lists in a dialog.

import { clockTime, dayName } from "./calendar.js";
import { openDialog } from "./dialog.js";
import { avatar, face, make } from "./dom.js";
import { plainText } from "./markup.js";
import { pagedList, showPages } from "./view_pages.js";
import { words } from "./words.js";

const PREVIEWED = 200; // characters

/** What the message said, oldest first; `load(after)` gives {items, next?}, `nameOf(user)` a name. */
export function showVersions(room, { load, nameOf }) {
  showPages(words.versions, "versions", load, ({ body, at, user }) => [
    face(room, user, nameOf(user)), said(nameOf(user), at, body)]);
}

/** Who put which emoji on the message, first come first. */
export function showReactions(room, { load }) {
  showPages(words.whoReacted, "reacted", load, ({ emoji, user, name, at }) => [
    make("span", { class: "emoji" }, emoji), face(room, user, name), said(name, at)]);
}

/** Who has read the message, as far as that is shown, and how many have not. */
export function showReaders(room, { load }) {
  const { body } = openDialog(words.whoRead, { id: "readers" });
  const rest = make("p", { class: "hint" });
  let none;
  const page = async () => {
    const { readers, unread } = await load();
    none = readers ? (unread ? words.nobodyRead(unread) : words.nothingHere) : room.crowded ? words.readersCrowded(unread) : words.readersHidden(unread);
    rest.textContent = readers?.length && unread ? words.notRead(unread) : "";
    return { items: readers ?? [] };
  };
  const partsOf = ({ user, name, at }) => [face(room, user, name), at === undefined ? make("span", { class: "what" }, make("strong", {}, name)) : said(name, at)];
  body.append(pagedList({ label: words.whoRead, load: page, partsOf, empty: () => none }).node, rest);
}

/** The threads of the room, the newest reply first; `go(root)` opens one. */
export function showThreads(room, { load, nameOf, go }) {
  const close = showPages(words.threads, "threads", load, ({ root, replies, last_at: at, unread }) => {
    const lead = () => {
      close();
      go(root.seq);
    };
    const name = nameOf(root.sender);
    const badge = unread ? make("span", { class: "badge", role: "img", "aria-label": words.unreadCount(unread) }, `${unread}`) : undefined;
    const text = root.deleted ? words.deletedMessage : plainText(root.body ?? "", PREVIEWED);
    return [make("button", { type: "button", onclick: lead }, face(room, root.sender, name), said(name, at, `${text}\n${words.replies(replies)}`), badge)];
  });
}

/** What is pinned, the latest first; `go(seq)` leads to the message. */
export function showPins(room, { load, nameOf, go }) {
  const close = showPages(words.pins, "pins", load, ({ seq, sender, name, at, body }) => {
    const lead = () => {
      close();
      go(seq);
    };
    return [make("button", { type: "button", onclick: lead }, face(room, sender, nameOf(sender, name)), said(nameOf(sender, name), at, body))];
  });
}

/** Whom this person blocks, newest first; `unblock(user)` is a promise. */
export function showBlocks({ load, unblock }) {
  const { body, say } = openDialog(words.blocked, { id: "blocks" });
  const partsOf = ({ user, name, username }) => {
    const button = make("button", { type: "button", class: "plain", "aria-label": `${words.unblock}: ${name || username}` }, words.unblock);
    button.onclick = () => unblock(user).then(() => button.closest("li").remove(), say);
    return [avatar(user, name || username), make("span", { class: "what" }, make("strong", {}, name || username), make("span", { class: "preview" }, `@${username}`)), button];
  };
  body.append(pagedList({ label: words.blocked, load, partsOf }).node);
}

function said(name, at, body) {
  return make("span", { class: "what" },
    make("strong", {}, name, make("small", {}, ` ${dayName(at)} ${clockTime(at)}`)),
    body === undefined ? undefined : make("span", { class: "said", dir: "auto" }, body));
}
