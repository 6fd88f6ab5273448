// The conversation: a window of rows around where the reader is, kept in place while rows come and go.

import { blank, broken, waiting } from "./blank.js";
import { find, reconcile } from "./dom.js";
import { walkLog } from "./log_keys.js";
import { indexOfSeq } from "./ordered.js";
import { buildRows } from "./rows.js";
import { toast } from "./toast.js";
import { actOn, buildRow } from "./view_message.js";
import { words } from "./words.js";

const TAIL = 80; // rows drawn at the end of the log
const STEP = 20; // rows added when the reader comes near an edge
const MOST = 160; // rows in the document at once
const EDGE = 800; // pixels from an edge at which more is drawn
const BOTTOM = 48; // pixels from the end that still count as the end

export class LogView {
  room = null;
  follow = true; // the reader is at the end and stays there
  #scroller = find("scroller");
  #list = find("log");
  #start = 0; // seq of the first event drawn; 0: the tail
  #end = Infinity; // seq of the first event no longer drawn
  #unreadFrom = 0;
  #arrived = false; // the first page has been shown
  #state = ""; // what stands where there are no rows

  /** `load(room)` begins anew, `loadOlder(room)` is a promise; `act` has what a button does, by name; `moved()` after the reader moved. */
  constructor({ store, outbox, load, loadOlder, known, act, moved }) {
    Object.assign(this, { store, outbox, load, loadOlder, known, act, moved });
    walkLog(this.#scroller, this.#list, act);
    this.#scroller.onscroll = () => this.#scrolled();
    this.#list.onclick = (event) => actOn(event, this.act);
    find("to-latest").onclick = () => this.toLatest();
    const resized = new ResizeObserver(() => this.follow && this.#toEnd());
    resized.observe(this.#scroller);
    resized.observe(this.#list);
  }

  show(room) {
    this.room = room;
    this.#list.replaceChildren();
    this.#drawOlder("");
    this.#unreadFrom = room?.unread ? (room.marked ?? room.read_seq + 1) : 0;
    this.#begin();
  }

  /** The room's log was dropped and comes anew. */
  restart() {
    this.#begin();
  }

  #begin() {
    this.follow = true;
    this.#start = 0;
    this.#end = Infinity;
    this.#arrived = false;
  }

  /** A message of somebody else came while nobody was looking at the end. */
  missed(seq) {
    if (this.room.read_seq >= this.#unreadFrom) this.#unreadFrom = seq;
  }

  /** One's own message: everything was seen, and the end is where to be. */
  sentOwn() {
    this.#unreadFrom = 0;
    this.toLatest();
  }

  toLatest() {
    this.#start = 0;
    this.#end = Infinity;
    this.follow = true;
    this.draw();
    this.moved();
  }

  draw() {
    const { room } = this;
    if (!room) return;
    this.#list.setAttribute("aria-busy", room.hold !== "held");
    if (room.hold === "held" && !this.#arrived) return this.#arrive();
    const anchor = this.follow ? null : this.#anchor();
    this.#render();
    if (this.follow) this.#toEnd();
    else if (anchor) this.#restore(anchor);
    this.#drawToLatest();
    if (this.#scroller.scrollHeight <= this.#scroller.clientHeight) this.#grow();
    return undefined;
  }

  // The first page is here: begin at the first unread message, else at the end.
  #arrive() {
    this.#arrived = true;
    const { events } = this.room;
    if (this.#unreadFrom) {
      const index = Math.min(indexOfSeq(events, this.#unreadFrom), Math.max(0, events.length - TAIL));
      this.#start = events[Math.max(0, index - 20)]?.seq ?? 0;
    }
    this.draw();
    const line = this.#list.querySelector(".unread-line");
    if (!line) return;
    this.#scroller.scrollTop = line.offsetTop - this.#scroller.clientHeight / 3;
    this.follow = this.#atEnd();
    this.#drawToLatest();
  }

  #window() {
    const { events } = this.room;
    let to = this.#end === Infinity ? events.length : indexOfSeq(events, this.#end);
    let from = this.#start ? indexOfSeq(events, this.#start) : Math.max(0, to - TAIL);
    if (to - from > MOST && this.follow) from = to - TAIL;
    if (to - from > MOST) to = from + MOST;
    this.#start = events[from]?.seq ?? 0;
    this.#end = events[to]?.seq ?? Infinity;
    return { from, to };
  }

  #render() {
    const { room, store } = this;
    const { from, to } = this.#window();
    const pending = this.#end === Infinity ? this.outbox.of(room.id).filter((entry) => !entry.thread) : [];
    const nameOf = (user, given) => store.nameIn(room, user, given) ?? words.somebody;
    const rows = buildRows({ room, from, to, pending, unreadFrom: this.#unreadFrom, nameOf });
    let known;
    reconcile(this.#list, rows, (row) => buildRow(row, (known ??= this.known(room))));
    this.#drawState(rows.length ? "" : room.hold);
  }

  // Without a row there is nothing yet, nothing at all, or nothing to be had.
  #drawState(state) {
    if (state === this.#state) return;
    this.#state = state;
    const { room } = this;
    const shown = { loading: () => waiting(6), held: () => blank("bubble", words.nothingSaid), none: () => broken({ code: "unavailable" }, () => this.load(room)) }[state];
    find("log-state").replaceChildren(...(shown ? [shown()] : []));
  }

  #drawOlder(text, again = null) {
    const button = find("older");
    this.#hide(button, !text);
    button.textContent = text;
    button.onclick = again;
    button.ariaDisabled = `${!again}`;
  }

  // A button that goes leaves the focus to the log.
  #hide(button, hidden) {
    if (hidden && document.activeElement === button) this.#scroller.focus({ preventScroll: true });
    button.hidden = hidden;
  }

  #drawToLatest() {
    const button = find("to-latest");
    this.#hide(button, this.follow);
    button.textContent = `↓ ${words.toLatest(this.room.unread)}`;
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return this.#end === Infinity && scrollHeight - scrollTop - clientHeight < BOTTOM;
  }

  // The first row in sight and where it stands, to put it there again.
  #anchor() {
    const top = this.#scroller.getBoundingClientRect().top;
    for (const node of this.#list.children) {
      const box = node.getBoundingClientRect();
      if (box.bottom > top && node.dataset.seq) return { key: node.dataset.key, at: box.top };
    }
    return null;
  }

  #restore({ key, at }) {
    const node = this.#list.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (node) this.#scroller.scrollTop += node.getBoundingClientRect().top - at;
  }

  #scrolled() {
    if (!this.room || !this.#arrived) return;
    const wasFollowing = this.follow;
    this.follow = this.#atEnd();
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (scrollTop < EDGE && !this.follow) this.#grow();
    else if (scrollHeight - scrollTop - clientHeight < EDGE && this.#end !== Infinity) this.#growDown();
    this.#drawToLatest();
    if (this.follow && !wasFollowing) this.moved();
  }

  #grow() {
    const { events, more } = this.room;
    const from = this.#start ? indexOfSeq(events, this.#start) : 0;
    if (from > 0) {
      this.#start = events[Math.max(0, from - STEP)].seq;
      this.draw();
    } else if (more) this.#loadOlder(this.room);
  }

  async #loadOlder(room) {
    this.#drawOlder(words.loading);
    const came = await this.loadOlder(room);
    if (room !== this.room) return;
    const lacks = !came && room.hold === "held" && room.more;
    this.#drawOlder(lacks ? words.olderFailed : "", lacks ? () => this.#loadOlder(room) : null);
    if (came) this.#grow();
  }

  #growDown() {
    const { events } = this.room;
    const to = Math.min(events.length, indexOfSeq(events, this.#end) + STEP);
    this.#end = events[to]?.seq ?? Infinity;
    this.#start = events[Math.max(0, indexOfSeq(events, this.#start), to - MOST)].seq;
    this.draw();
  }

  /** Bring the message `seq` into sight, loading history back to it when it must. */
  async jump(seq) {
    const { room } = this;
    while (room === this.room && room.more && !(room.events[0]?.seq <= seq)) if (!(await this.loadOlder(room, 200))) break;
    if (room !== this.room) return;
    if (!(room.events[0]?.seq <= seq) && room.more) return toast(words.olderFailed);
    const index = indexOfSeq(room.events, seq);
    this.#arrived = true; // here, and not at what is unread
    this.follow = false;
    this.#start = room.events[Math.max(0, index - STEP)]?.seq ?? 0;
    this.#end = room.events[index + STEP]?.seq ?? Infinity;
    this.#render();
    const node = this.#list.querySelector(`[data-key="${seq}"]`);
    node?.scrollIntoView({ block: "center" });
    node?.classList.add("found-here");
    node?.focus({ preventScroll: true });
    this.follow = this.#atEnd();
    this.#drawToLatest();
    return undefined;
  }
}
