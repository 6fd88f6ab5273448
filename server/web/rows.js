// What the conversation shows, line by line, from what the room holds. Pure.

import { clockTime, dayName, dayNumber, minuteNumber } from "./calendar.js";
import { may } from "./may.js";
import { plainText } from "./markup.js";
import { eventAt } from "./ordered.js";

const QUOTED = 140; // characters

/**
 * The rows of `events[from:to]`, then of `pending` (the outbox's entries), oldest first.
 * With `inThread` they are those of a thread, by its root; else what is said in threads is only named. Each has a `key` of its own and a `mark` that changes whenever it must be drawn anew.
 */
export function buildRows({ room, events = room.events, inThread = 0, from, to, pending, unreadFrom, nameOf }) {
  const rows = [];
  const items = events.slice(from, to).concat(pending.map((entry) => own(entry, room.me)));
  let before = events[from - 1];
  for (const [index, item] of items.entries()) {
    if (!before || dayNumber(before.at) !== dayNumber(item.at)) rows.push(line("day", dayNumber(item.at), dayName(item.at)));
    if (unreadFrom && item.seq >= unreadFrom && !(before?.seq >= unreadFrom)) rows.push(line("unread", "", ""));
    if (item.t === "member") rows.push(notice(item, nameOf(item.user), item.change, item.change === "revealed" ? nameOf(item.by) : (item.role ?? "")));
    if (item.t === "room_changed") rows.push(notice(item, nameOf(item.by), changeOf(item), item.name ?? item.post ?? ""));
    if (item.t === "message" && item.thread && !inThread) rows.push(elsewhere(item, nameOf(item.sender, item.name)));
    else if (item.t === "message") rows.push(bubble({ room, events, inThread, item, before, next: items[index + 1], nameOf, unreadFrom }));
    before = item;
  }
  return rows;
}

const own = (entry, me) => ({ ...entry, t: "message", sender: me, kind: "text", entry });

const line = (kind, id, text) => ({ kind, key: `${kind}-${id}`, mark: text, text });

function notice(event, name, change, what = "") {
  return { kind: "notice", key: `${event.seq}`, mark: `${change} ${name} ${what}`, change, name, what };
}

function changeOf({ archived, name, visibility, description, post }) {
  if (archived !== undefined) return archived ? "archived" : "unarchived";
  if (name !== undefined) return "renamed";
  if (visibility !== undefined) return visibility;
  if (description !== undefined) return "described";
  return post === undefined ? "changed" : "postChanged";
}

// A reply in a thread, as the room's log names it.
function elsewhere({ seq, thread, body = "", deleted }, name) {
  const text = deleted ? "" : plainText(body, QUOTED);
  return { kind: "elsewhere", key: `${seq}`, mark: `${name} ${text}`, seq, thread, name, text };
}

function bubble({ room, events, inThread, item, before, next, nameOf, unreadFrom }) {
  const mine = item.sender === room.me;
  const parted = unreadFrom && item.seq >= unreadFrom && !(before?.seq >= unreadFrom);
  const row = {
    kind: item.kind === "system" ? "notice" : "message",
    key: item.entry ? `pending-${item.id}` : `${item.seq}`,
    mine,
    first: parted || !together(before, item),
    last: !together(item, next) || minuteNumber(item.at) !== minuteNumber(next.at),
    seq: item.seq,
    sender: item.sender,
    name: nameOf(item.sender, item.name),
    body: item.body ?? "",
    deleted: item.deleted === true,
    edited: Boolean(item.edited_at),
    restorable: item.deleted === true && (may("restore", room) || (mine && room.type !== "team")),
    pinned: item.pinned === true,
    reactions: Object.entries(item.reactions ?? {}),
    time: clockTime(item.at),
    at: item.at,
    state: item.entry?.state ?? "stored",
    id: item.id,
    code: item.entry?.code,
    notRead: mine && !item.entry && !inThread ? room.notRead(item.seq) : 0,
    quote: quote(events, item.reply_to, nameOf),
    replies: inThread || item.entry ? 0 : room.repliesTo(item.seq),
    unread: inThread || item.entry ? 0 : room.threads.unreadIn(item.seq),
    files: (item.entry ? item.shown : item.files) ?? [],
    groups: (item.mentions ?? []).filter((name) => name.startsWith("@")).map((name) => name.slice(1)),
    toMe: !mine && (item.mentions ?? []).some((name) => name === room.me || name.startsWith("@")),
    root: inThread !== 0 && item.seq === inThread,
  };
  const { first, last, name, state, notRead, body, deleted, restorable, edited, pinned, reactions } = row;
  const drawn = [first, last, name, state, notRead, row.quote, row.replies, row.unread, row.files.map(({ id }) => id), row.groups, row.toMe, body.includes("@") && room.members.size, body, deleted, restorable, edited, pinned, reactions];
  row.mark = JSON.stringify(drawn);
  return row;
}

/** Whether two messages stand in one group: of one person, on one day, within five minutes. */
function together(one, other) {
  if (one?.t !== "message" || other?.t !== "message") return false;
  if (one.thread !== other.thread) return false;
  const near = other.at - one.at < 300_000 && dayNumber(one.at) === dayNumber(other.at);
  return near && one.sender === other.sender && one.kind !== "system" && other.kind !== "system";
}

function quote(events, seq, nameOf) {
  if (!seq) return undefined;
  const event = eventAt(events, seq);
  return { seq, name: event && nameOf(event.sender, event.name), body: event?.body, said: event?.kind, deleted: event?.deleted === true };
}
