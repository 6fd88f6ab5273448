// One line of the conversation as an element. Bodies are text: of markup they have what markup.js knows, and no HTML.

import { face, icon, make, tool } from "./dom.js";
import { later } from "./later.js";
import { nodesOf, plainText, spansOf } from "./markup.js";
import { GROUPS, mentionsIn } from "./mentions.js";
import { words } from "./words.js";

const IN_VAIN = new Set(["too_large", "invalid", "bad_frame", "conflict"]); // as it is, it can never go
const QUOTED = 140; // characters
const SHOWN_STATES = { waiting: words.sending, sent: words.sending, failed: words.failed };

/** Build the element of a row of rows.js; `names` are the members' names, `me` are one's own, in `room`. */
export function buildRow(row, known) {
  if (row.kind === "day") return make("li", { class: "day" }, make("span", {}, row.text));
  if (row.kind === "unread") return make("li", { class: "unread-line" }, make("span", {}, words.unreadFromHere));
  if (row.kind === "elsewhere") return elsewhere(row);
  if (row.kind === "notice") return make("li", { class: "notice" }, row.change ? words[row.change]?.(row.name, row.what) : row.body);
  return buildMessage(row, known);
}

function buildMessage(row, known) {
  const classes = ["message", row.mine ? "mine" : "theirs", row.first && "first", row.last && "last", row.root && "root", row.toMe && "to-me", row.state];
  const said = row.deleted ? [make("em", {}, words.deletedMessage)] : [quoteOf(row), ...nodesOf(spansOf(row.body), make, (text) => mentions(text, known, row.groups))];
  const bubble = make("div", { class: row.deleted ? "bubble deleted" : "bubble", dir: "auto" }, ...said);
  const content = make("div", { class: "content" },
    !row.mine && row.first ? make("strong", { class: "sender" }, row.name) : make("span", { class: "unseen" }, row.mine ? words.me : row.name),
    make("div", { class: "beside" }, row.files.length && !row.body && !row.quote ? filesOf(row, known) : bubble, marginOf(row)),
    row.files.length && (row.body || row.quote) ? filesOf(row, known) : undefined,
    reactionsOf(row),
    row.replies ? threadLink(row) : undefined,
    row.state === "failed" ? failedOf(row) : undefined);
  for (const node of content.querySelectorAll("button, a")) node.tabIndex = -1; // log_keys.js lets those in that are meant
  const item = make("li", { class: classes.filter(Boolean).join(" "), data: { seq: row.seq ?? "" }, tabIndex: -1 });
  if (!row.mine) item.append(row.first ? face(known.room, row.sender, row.name) : make("span", { class: "avatar none" }));
  item.append(content);
  return item;
}

// What was said in a thread leads there.
function elsewhere({ seq, thread, name, text }) {
  return make("li", { class: "in-thread", data: { seq } },
    make("button", { type: "button", data: { thread } }, make("strong", {}, words.inThread(name)), text && ` ${text}`));
}

/** Do what the button of a row says that was pressed: `act` by its name. */
export function actOn(event, act) {
  const button = event.target.closest("button");
  const { jump, thread, reply, retry, edit, discard, more, react, of, versions, restore } = button?.dataset ?? {};
  if (jump) act.jump(Number(jump));
  if (thread) act.thread(Number(thread), button);
  if (reply) act.reply(Number(reply));
  if (retry) act.retry(retry);
  if (edit) act.edit(edit);
  if (discard) act.discard(discard);
  if (versions) act.versions(Number(versions));
  if (restore) act.restore(Number(restore));
  if (more) act.more(Number(more), button);
  if (react) act.react(Number(of), react);
}

// Their place is as large as they will be, so that nothing moves when they come.
function filesOf({ files }, { room, links }) {
  const place = make("div", { class: "files" });
  const pictures = () => room.events.flatMap((event) => event.files ?? []).filter(({ kind }) => kind === "image");
  place.style.minHeight = `${files.reduce((sum, file) => sum + heightOf(file), 0)}px`;
  later(() => import("./view_files.js"), ({ fillFiles }) => {
    fillFiles(place, files, { links, pictures });
    place.style.minHeight = "";
  });
  return place;
}

const heightOf = ({ kind, width, height }) => (kind === "image" && width ? Math.min(320, height, Math.round((320 * height) / width)) : 52);

function threadLink({ seq, replies, unread }) {
  const badge = unread ? make("span", { class: "badge", role: "img", "aria-label": words.unreadCount(unread), title: words.unreadCount(unread) }, `${unread}`) : undefined;
  return make("button", { class: "thread-link", type: "button", data: { thread: seq } }, icon("thread"), words.replies(replies), badge);
}

function quoteOf({ quote }) {
  if (!quote) return undefined;
  const text = quote.deleted ? words.deletedMessage : quote.body === undefined ? words.replyGone : plainText(quote.body, QUOTED) || (words.kinds[quote.said] ?? "");
  return make("button", { class: "quote", type: "button", data: { jump: quote.seq } },
    quote.name ? make("strong", {}, quote.name) : undefined, make("span", {}, text));
}

function marginOf(row) {
  const margin = make("div", { class: "margin" });
  if (row.notRead) margin.append(make("span", { class: "not-read", "aria-label": words.notRead(row.notRead), role: "img", title: words.notRead(row.notRead) }, `${row.notRead}`));
  if (row.pinned) margin.append(make("span", { class: "pinned", title: words.pinned, "aria-label": words.pinned, role: "img" }, icon("pin")));
  if (row.edited) margin.append(make("button", { class: "edited", type: "button", title: words.versions, data: { versions: row.seq } }, words.edited));
  if (SHOWN_STATES[row.state]) margin.append(make("span", { class: "state" }, SHOWN_STATES[row.state]));
  else if (row.last) margin.append(make("time", { dateTime: new Date(row.at).toISOString() }, row.time));
  if (row.restorable) margin.append(make("button", { class: "edited", type: "button", data: { restore: row.seq } }, words.restore));
  if ((row.state === "stored" || row.state === "old") && !row.deleted) {
    margin.append(make("div", { class: "tools" },
      tool("reply", words.reply, undefined, "", { class: "icon reply", data: { reply: row.seq } }),
      row.state === "old" ? undefined : tool("more", words.more, undefined, "", { "aria-haspopup": "menu", data: { more: row.seq } })));
  }
  return margin;
}

function reactionsOf({ seq, reactions, deleted }) {
  if (!reactions.length || deleted) return undefined;
  const chips = reactions.map(([emoji, { count, me }]) =>
    make("button", { class: me ? "reaction own" : "reaction", type: "button", "aria-pressed": `${me}`, title: words.reacted(emoji, count), data: { react: emoji, of: seq } }, `${emoji} ${count}`));
  return make("div", { class: "reactions" }, ...chips);
}

function failedOf(row) {
  const why = words.codes[row.code] ?? words.codes.internal;
  const again = IN_VAIN.has(row.code)
    ? make("button", { type: "button", data: { edit: row.id } }, words.edit)
    : make("button", { type: "button", data: { retry: row.id } }, words.retry);
  return make("p", { class: "failed-line", role: "alert" }, why, again,
    make("button", { type: "button", data: { discard: row.id } }, words.discard));
}

/** Plain text with mentions of people who are here, and of the groups that the message is to. */
function mentions(text, { names, me }, groups) {
  const known = groups.length ? new Set([...names, ...groups]) : names;
  return mentionsIn(text, known).map((piece) => {
    if (piece.name === undefined) return piece;
    return make("span", { class: me.has(piece.name) || GROUPS.includes(piece.name) ? "mention me" : "mention" }, `@${piece.name}`);
  });
}
