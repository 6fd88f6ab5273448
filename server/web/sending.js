// What this person says, from the field into the outbox, and back where it could not go.

import { keep } from "./drafts.js";
import { Edits } from "./edits.js";
import { plainSpans } from "./markup.js";
import { may } from "./may.js";
import { mentioned } from "./mentions.js";
import { Outbox } from "./outbox.js";

const ACK_WITHIN = 10_000;
const MOST_MENTIONS = 50;
const LONGEST_ID = "0".repeat(64);
const LONGEST_RID = Number.MAX_SAFE_INTEGER;

export class Sending {
  /** `wire`, `outbox` and `edits` are those of Chat. */
  constructor({ wire, outbox, edits }) {
    Object.assign(this, { wire, outbox, edits });
  }

  /** Say something in `room`. False: it is too long. */
  send(room, { body, reply_to, thread, files }) {
    const message = { room: room.id, body, reply_to, thread, files: files?.map(({ id }) => id), mentions: mentionsOf(room, body) };
    if (!this.wire.fits({ t: "send", id: LONGEST_ID, ...message })) return false;
    this.outbox.add({ ...message, shown: files, at: Date.now() });
    return true;
  }

  /** Change what a message says. False: it is too long; else the promise that Edits makes. */
  change(room, seq, body) {
    const frame = { t: "edit", room: room.id, seq, body };
    return this.edits.fits(frame) && this.edits.send(frame);
  }

  /** Put what could not be sent back into `composer`, to be written anew; `reply(seq)` has it answer that again. */
  again(id, composer, reply) {
    const { body, reply_to: seq, shown } = this.outbox.take(id);
    composer.edit(body, shown);
    if (seq) reply(seq);
  }
}

/** The outbox that this window keeps as `key`. A message that is not acknowledged in time makes the connection suspect. */
export function openOutbox(key, { wire, changed }) {
  const tell = (frame) => {
    const told = wire.tell(frame);
    if (told) setTimeout(() => outbox.isUnderWay(frame.id) && wire.suspect(), ACK_WITHIN);
    return told;
  };
  const outbox = new Outbox({ saved: JSON.parse(sessionStorage.getItem(key) ?? "[]"), keep: (entries) => keep(key, entries), changed, tell, fits: (frame) => wire.fits(frame) });
  return outbox;
}

/** The changes that this window keeps as `key`. */
export function openEdits(key, { wire, failed }) {
  const fits = (frame) => wire.fits({ ...frame, rid: LONGEST_RID });
  return new Edits({ ask: (frame) => wire.ask(frame), saved: JSON.parse(sessionStorage.getItem(key) ?? "[]"), fits, keep: (frames) => keep(key, frames), failed });
}

// Only where it would be shown as one: not in code, not in links.
function mentionsOf(room, body) {
  const members = [...room.members.values()].filter(({ user }) => user !== room.me);
  const found = plainSpans(body).flatMap(({ text }) => mentioned(text, members, may("mention all", room)));
  return found.length ? [...new Set(found)].slice(0, MOST_MENTIONS) : undefined;
}

/** The newest message of this person's in `events` that can be changed. */
export const lastOwn = (room, events) => events.findLast((event) => event.t === "message" && event.sender === room.me && !event.deleted && !(event.thread && events === room.events));
