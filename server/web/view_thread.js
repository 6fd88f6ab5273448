// A thread at the side: its root, its replies, and a field of its own to answer in.

import { blank, broken, waiting } from "./blank.js";
import { find, reconcile } from "./dom.js";
import { eventAt } from "./ordered.js";
import { Room } from "./room.js";
import { walkLog } from "./log_keys.js";
import { buildRows } from "./rows.js";
import { lastOwn } from "./sending.js";
import { Actions } from "./view_actions.js";
import { Composer } from "./view_composer.js";
import { closedBecause } from "./view_frame.js";
import { actOn, buildRow } from "./view_message.js";
import { explain, words } from "./words.js";

const PAGE = 50;
const MOST_SHOWN = 1_000; // replies in the document
const BOTTOM = 48; // pixels from the end that still count as the end

export class ThreadPanel {
  #panel = find("thread");
  #scroller = find("thread-scroller");
  #list = find("thread-log");
  #older = find("thread-older");
  #room = null;
  #root = 0;
  #log = null; // a Room that holds the root and its replies alone
  #readTo = 0;
  #opener = null;

  /**
   * `sending` is Sending, the others as in Chat; `draw()` is called when something came; `opened(open)` when it opens or closes.
   */
  constructor({ store, outbox, loader, calls, wire, sending, drafts, token, links, nameOf, known, draw, opened }) {
    Object.assign(this, { store, outbox, loader, wire, sending, nameOf, known, redraw: draw, opened });
    const failed = (error) => this.composer.complain(explain(error));
    this.composer = new Composer({
      root: find("thread-writing"),
      drop: this.#panel,
      token,
      links,
      drafts,
      send: (message) => this.#sent(sending.send(this.#room, { ...message, thread: this.#root })),
      change: (seq, body) => sending.change(this.#room, seq, body),
      last: () => this.#log && lastOwn(this.#room, this.#log.events),
      typing: () => {},
      leave: () => this.close(),
    });
    this.actions = new Actions({
      ask: (frame) => wire.ask(frame), calls, nameOf, failed, shown: () => this.#room, edit: (message) => this.composer.rewrite(message), reply: (seq) => this.#act().reply(seq) });
    this.#list.onclick = (event) => actOn(event, this.#act());
    walkLog(this.#scroller, this.#list, { react: (seq, emoji) => this.#act().react(seq, emoji), leave: () => this.composer.focus() });
    this.#older.onclick = () => this.#loadOlder();
    find("thread-close").onclick = () => this.close();
    this.#panel.onkeydown = (event) => {
      if (event.key === "Escape" && !event.isComposing && !event.defaultPrevented) this.close();
    };
  }

  get isOpen() {
    return !this.#panel.hidden;
  }

  /** Show the thread of the message `root`; the focus goes back to `opener` in the end. */
  async open(room, root, opener) {
    Object.assign(this, { follow: true });
    this.#opener = opener;
    this.#room = room;
    this.#root = root;
    this.#readTo = 0;
    this.#list.replaceChildren();
    this.#panel.hidden = false;
    this.opened(true);
    this.composer.show({ id: `${room.id} ${root}` }, room);
    if (matchMedia("(hover: hover)").matches) this.composer.focus();
    await this.#load();
  }

  close() {
    if (!this.isOpen) return;
    const focused = this.#panel.contains(document.activeElement);
    this.#panel.hidden = true;
    this.composer.show(null);
    this.#room = this.#log = null;
    this.opened(false);
    if (focused) this.#whereItWas().focus();
  }

  // The row that it was opened from may have been drawn anew, or be drawn no more.
  #whereItWas() {
    if (this.#opener?.isConnected) return this.#opener;
    return find("log").querySelector(`[data-seq="${this.#root}"]`) ?? find("scroller");
  }

  /** The room that is open is another one now. */
  setRoom(room) {
    if (room !== this.#room) this.close();
  }

  /** Its replies must be loaded anew. */
  reload() {
    if (this.isOpen) this.#load();
  }

  happened(room, event) {
    if (room !== this.#room || !this.#log) return;
    if (event.of !== undefined || (event.t === "message" && event.thread === this.#root)) this.#log.apply(event);
  }

  async #load() {
    const { id, type, mode, me, role, last_seq } = this.#room;
    const log = new Room({ id, type, mode, me, role, last_seq, read_seq: 0, unread: 0 });
    this.#log = log;
    this.#drawState(waiting(3));
    const came = await this.loader.thread(log, this.#root, PAGE);
    if (log !== this.#log) return;
    this.#drawState(came ? (log.events.length > 1 ? undefined : blank("thread", words.noReplies)) : broken({ code: "unavailable" }, () => this.#load()));
    this.redraw();
  }

  #drawState(node) {
    find("thread-state").replaceChildren(...(node ? [node] : []));
  }

  async #loadOlder() {
    const log = this.#log;
    const height = this.#scroller.scrollHeight;
    if (!(await this.loader.olderReplies(log, this.#root, PAGE)) || log !== this.#log) return;
    this.draw();
    this.#scroller.scrollTop += this.#scroller.scrollHeight - height;
    if (this.#older.hidden) this.#scroller.focus();
  }

  draw() {
    if (!this.isOpen || !this.#log) return;
    const room = this.#room;
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    const atEnd = this.follow || scrollHeight - scrollTop - clientHeight < BOTTOM;
    this.follow = false;
    this.composer.allow(closedBecause(room));
    const { events, more } = this.#log;
    const pending = this.outbox.of(room.id).filter((entry) => entry.thread === this.#root);
    const rows = buildRows({ room, events, inThread: this.#root, from: Math.max(0, events.length - MOST_SHOWN), to: events.length,
      pending, nameOf: (...who) => this.nameOf(room, ...who) });
    if (rows.filter(({ kind }) => kind === "message").length > 1) this.#drawState();
    let known;
    reconcile(this.#list, rows, (row) => buildRow(row, (known ??= this.known(room))));
    this.#list.setAttribute("aria-busy", `${this.#log.hold !== "held"}`);
    if (atEnd) this.#read(room, events.at(-1)?.seq ?? 0);
    this.#older.hidden = !more || events.length >= MOST_SHOWN;
    if (atEnd) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  // What is at the end of an open thread in a visible window is read.
  #read(room, seq) {
    if (seq <= this.#root || seq <= this.#readTo || document.visibilityState === "hidden") return;
    if (this.wire.tell({ t: "read", room: room.id, seq, thread: this.#root })) this.#readTo = seq;
    room.threads.count(this.#root, 0, seq);
  }

  #sent(taken) {
    this.follow = true;
    return taken;
  }

  #act() {
    const { outbox, actions } = this;
    const room = this.#room;
    const at = (seq) => eventAt(this.#log.events, seq);
    const reply = (seq) => {
      const event = at(seq); // what could not be sent may answer one that is not held
      this.composer.reply({ seq, name: event && this.nameOf(room, event.sender), body: event ? event.body : words.replyGone });
    };
    return {
      jump: (seq) => this.#list.querySelector(`[data-seq="${seq}"]`)?.scrollIntoView({ block: "center" }),
      reply,
      more: (seq, button) => actions.open(room, at(seq), button),
      react: (seq, emoji) => actions.react(room, at(seq), emoji),
      versions: (seq) => actions.versions(room, seq),
      restore: (seq) => actions.restore(room, seq),
      retry: (id) => outbox.retry(id),
      edit: (id) => this.sending.again(id, this.composer, reply),
      discard: (id) => outbox.discard(id),
    };
  }
}
