// The chat of one signed-in person: carries what the socket says to the store and the store to the views.

import { Blocks } from "./blocks.js";
import { Broadcasts } from "./broadcasts.js";
import { Dialogs } from "./dialogs.js";
import { Drafts } from "./drafts.js";
import { find } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { Links } from "./links.js";
import { Loader } from "./loader.js";
import { plainText } from "./markup.js";
import { eventAt } from "./ordered.js";
import { RoomCalls } from "./room_calls.js";
import { openEdits, openOutbox, Sending } from "./sending.js";
import { ask, deviceId } from "./session.js";
import { isEvent, Store } from "./store.js";
import { toast } from "./toast.js";
import { drawTyping } from "./view_composer.js";
import { closedBecause, drawBanner, drawNothing, drawRoomHeader, drawTitle } from "./view_frame.js";
import { makeViews } from "./views.js";
import { Watch } from "./watch.js";
import { Wire } from "./wire.js";
import { explain, words } from "./words.js";

const ANNOUNCED = 1_000; // characters
const DRAW_AFTER = 16;
const PRESS = 1_000; // the longest that a pointer which is down holds up what is drawn
const FAR = 500; // events that are loaded to get to one of them

export class Chat {
  room = null; // the room that is open
  #awaited = ""; // a room that was joined, to be shown when it is here
  #drawing = 0;
  #pressed = -PRESS; // when the pointer went down; long ago while it is up
  #loading = null; // a promise that what is loaded for the room is there
  #welcome = Promise.withResolvers(); // kept when the rooms are known
  #asking = new Map(); // room whose members are asked for -> whether they must be once more
  #left = null; // the room that was left last, where one may come back to it

  /** `leave(reason)` goes back to the gate, `signOut()` does so after telling the server. */
  constructor({ user, token }, { leave, signOut }) {
    Object.assign(this, { user, token, leave, signOut });
    this.store = new Store(user);
    this.wire = new Wire({
      token,
      device: deviceId(),
      resume: () => this.store.resume(),
      onFrame: (frame) => this.#frame(frame),
      onState: (state, code) => this.#wireState(state, code),
    });
    this.calls = new RoomCalls(this.#http.bind(this));
    this.outbox = openOutbox(`madang.outbox.${user.id}`, { wire: this.wire, changed: () => this.soon() });
    this.edits = openEdits(`madang.edits.${user.id}`, { wire: this.wire, failed: (error) => toast(explain(error)) });
    this.drafts = new Drafts(`madang.drafts.${user.id}`);
    this.loader = new Loader({ store: this.store, wire: this.wire, http: this.#http.bind(this) });
    this.watch = new Watch({ store: this.store, wire: this.wire });
    this.links = new Links({ ask: this.calls.link });
    this.sending = new Sending(this);
    this.blocks = new Blocks({ calls: this.calls, changed: () => this.soon(), failed: this.failed });
    this.broadcasts = new Broadcasts({ http: this.calls.http, wire: this.wire, bell: (frame) => this.dialogs.bell(frame) });
    this.dialogs = new Dialogs(this);
    makeViews(this);
  }

  start() {
    addEventListener("hashchange", () => this.#route());
    document.addEventListener("visibilitychange", () => this.soon());
    addEventListener("pointerdown", () => (this.#pressed = performance.now()), true);
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => (this.#pressed = -PRESS), true);
    setInterval(() => this.#tick(), 1_000);
    listenToKeys({ switcher: () => this.dialogs.switcher(), shortcuts: () => this.dialogs.shortcuts(), search: () => this.dialogs.search(this.room), along: (step) => this.#along(step) });
    this.#draw();
    this.wire.start();
  }

  stop() {
    this.outbox.close();
    this.edits.close();
    this.wire.stop();
  }

  /** How much of what this person said is not stored yet. */
  get unsent() {
    return this.outbox.size + this.edits.size + this.broadcasts.unsent;
  }

  failed = (error) => this.composer.complain(explain(error));

  nameOf = (room, user, given) => this.store.nameIn(room, user, given) ?? words.somebody;

  /** Lead to the message `seq` of a room: in its log, or where that begins too late, to what was said around it. */
  lead = async (id, seq) => {
    this.go(id); // which says so where there is no such room, or none is known yet
    await this.#welcome.promise;
    await this.#loading;
    const { room } = this;
    if (room?.id !== id) return;
    const first = room.events[0]?.seq;
    if (first === undefined || first - seq > FAR) this.dialogs.context(room, seq);
    else this.log.jump(seq);
  };

  #http(method, path, body, key) {
    return ask(method, `/api/v1${path}`, { token: this.token, body, key }).catch((error) => {
      if (error.code === "unauthenticated") this.leave(words.closes[4501]);
      throw error;
    });
  }

  // ---- what the server says

  #frame(frame) {
    const room = this.store.apply(frame);
    if (frame.t === "welcome") this.#welcomed();
    if (frame.t === "ack") this.#acked(frame);
    if (frame.t === "broadcast" || frame.t === "notification") this.broadcasts.told(frame);
    if (/^(notif|welc)/.test(frame.t)) this.dialogs.bell(frame);
    if (frame.t === "error" && frame.id) this.outbox.refused(frame);
    if (frame.t === "room") this.#arrived(room);
    if (frame.t === "room_gone" && this.room?.id === frame.room) this.#gone(frame.reason);
    if (frame.t === "gap" && room === this.room) this.load(room);
    if (frame.t === "presence" && frame.user === this.user.id && !frame.room) this.me.shown(frame.state);
    if (room && isEvent(frame)) this.#happened(room, frame);
    if (frame.t === "welcome" || frame.t === "message") this.loader.names(() => this.soon());
    this.soon();
  }

  #welcomed() {
    this.watch.renewed();
    this.outbox.opened();
    this.edits.opened();
    this.broadcasts.renew();
    this.blocks.load().catch(() => {}); // what is not known is offered, and refused where it must be
    this.#route();
    this.#welcome.resolve();
    if (!this.room) return;
    if (this.room.hold === "none") this.#loading = this.load(this.room);
    this.loadMembers(this.room);
  }

  #arrived(room) {
    this.watch.peersOf([room]);
    if (room.id !== this.#awaited) return void this.#route(); // where one stands already it opens
    this.#awaited = "";
    this.go(room.id);
  }

  #gone(reason) {
    const { id, name, type } = this.room;
    this.#left = reason === "left" && type === "matching" ? { id, name } : null;
    if (reason !== "left") toast(words.removedFrom(name));
    this.back();
  }

  #acked(ack) {
    this.outbox.acked(ack);
    this.outbox.stored(ack.room, this.store.rooms.get(ack.room)?.seen ?? 0);
  }

  #happened(room, event) {
    this.outbox.stored(room.id, event.seq);
    if (room !== this.room || this.log.follow) room.trim();
    if (room !== this.room) return;
    this.thread.happened(room, event);
    if (event.t === "reaction") this.#sureOf(room, event.of);
    if (event.t === "member" && (event.change === "joined" || event.change === "revealed")) this.loadMembers(room);
    if (event.t !== "message" || event.sender === room.me) return;
    if (!event.thread && (document.visibilityState === "hidden" || !this.log.follow)) this.log.missed(event.seq);
    find("announcer").textContent = `${this.nameOf(room, event.sender, event.name)}: ${plainText(event.body ?? "", ANNOUNCED) || (words.kinds[event.kind] ?? "")}`;
  }

  async #sureOf(room, seq) {
    if (eventAt(room.events, seq)?.unsure && (await this.loader.again(room, seq))) this.soon();
  }

  #wireState(state, code) {
    if (state === "refused" && code >= 4501 && code <= 4503) return this.leave(words.closes[code]);
    drawBanner(state, { code, offline: this.wire.offline });
    return undefined;
  }

  // ---- what this person does

  go = (id) => {
    location.hash = id ? `#/room/${id}` : "";
    this.#route();
  };

  /** Go to a room that was joined, now or when its frame is here. */
  arrive = (id) => {
    if (this.store.rooms.has(id)) this.go(id);
    else this.#awaited = id;
  };

  /** Begin a conversation; the same `key` makes no second one. */
  create = async (room, key) => {
    const made = this.store.addRoom(await this.calls.create(room, key));
    this.watch.peersOf([made]);
    this.go(made.id);
  };

  #along(step) {
    const rooms = this.store.sortedRooms();
    const index = rooms.indexOf(this.room);
    const next = rooms[index < 0 ? 0 : index + step];
    if (next) this.go(next.id);
  }

  back() {
    const id = this.room?.id;
    this.go("");
    this.#draw();
    if (id) this.rooms.focus(id);
  }

  #toList() {
    this.#left = null;
    this.go("");
    this.#draw();
    this.rooms.focus();
  }

  #route() {
    const room = this.store.rooms.get(location.hash.split("/")[2]) ?? null;
    if (room === this.room) return this.soon();
    this.room = room;
    this.#loading = null;
    if (room) this.#left = null;
    if (room) this.store.open(room);
    if (room) this.watch.peersOf([room]);
    this.#drawNothing();
    find("room").hidden = !room;
    document.body.classList.toggle("in-blind", room?.mode === "blind");
    for (const view of [this.members, this.thread, this.menu]) view.setRoom(room);
    this.composer.show(room);
    this.log.show(room);
    if (room?.hold === "none") this.#loading = this.load(room);
    if (room) this.loadMembers(room);
    this.#draw();
    if (!room || !matchMedia("(hover: hover)").matches) return undefined;
    return find("composer").hidden ? find("scroller").focus() : this.composer.focus();
  }

  /** Go into a room that is not known here, if that is allowed. */
  #enter(id) {
    this.calls.join(id).then(() => this.arrive(id), (error) => toast(explain(error)));
  }

  openThread = (root, button) => this.thread.open(this.room, root, button);

  // The room is left first: what is at the end of an open room counts as read.
  markUnread(seq) {
    const { id } = this.room;
    this.back();
    this.wire.ask({ t: "mark_unread", room: id, seq }).catch((error) => toast(explain(error)));
  }

  // In a room and about a message what is `known` of people.
  known = (room) => {
    const { name, username } = this.user;
    const names = [...room.members.values()].flatMap((member) => [member.name, member.username, member.user]);
    return { room, names: new Set(names.filter(Boolean)), me: new Set(room.mode === "blind" ? [room.me] : [name, username]), links: this.links };
  };

  reply(seq) {
    const event = eventAt(this.room.events, seq) ?? { body: words.replyGone }; // what could not be sent may answer one that is not held
    this.composer.reply({ seq, name: this.store.nameIn(this.room, event.sender, event.name), body: event.body ?? "" });
  }

  async load(room) {
    this.log.restart();
    this.thread.reload();
    if (await this.loader.newest(room)) this.outbox.stored(room.id, room.seen);
    this.loader.threads(room).then(() => this.soon());
    if (!room.members.size && !this.#asking.has(room)) this.loadMembers(room); // who is not known cannot be mentioned
    this.soon();
  }

  /** Who is in the room: one answer is waited for at a time, whatever happens meanwhile. */
  async loadMembers(room) {
    if (this.#asking.has(room)) return void this.#asking.set(room, true);
    this.#asking.set(room, false);
    const came = await this.loader.members(room);
    const again = this.#asking.get(room);
    this.#asking.delete(room);
    if (again) this.loadMembers(room);
    if (room === this.room) this.members.came(came);
    if (room === this.room) this.composer.peopleChanged();
    if (came && this.members.open && room === this.room) this.watch.membersOf(room);
    this.soon();
  }

  // ---- what is drawn

  // What is drawn anew between the down and the up of a pointer would swallow the press.
  soon = () => {
    this.#drawing ||= setTimeout(() => {
      this.#drawing = 0;
      if (performance.now() - this.#pressed < PRESS) this.soon();
      else this.#draw();
    }, DRAW_AFTER);
  };

  #draw() {
    clearTimeout(this.#drawing);
    this.#drawing = 0;
    if (this.room) this.#drawRoom();
    this.#read();
    this.rooms.draw(this.room?.id);
    drawTitle(this.store.totalUnread());
    this.#drawNothing();
  }

  #drawRoom() {
    drawRoomHeader(this.room, this.store);
    this.composer.allow(closedBecause(this.room, this.blocks));
    this.log.draw(); // before anything counts as read: it finds where the reader is
    this.members.draw();
    this.thread.draw();
    this.#drawTypists();
  }

  #drawNothing() {
    drawNothing(this.room, this.#instead(), { enter: (id) => this.#enter(id), back: () => this.#toList() });
  }

  // What is said where no room is open, and the room that one could go into.
  #instead() {
    const [, , id] = location.hash.split("/");
    if (id && !this.store.welcomed) return { text: words.loading };
    if (id) return { id, text: words.notHere, verb: words.join };
    if (this.#left) return { id: this.#left.id, text: words.youLeft(this.#left.name), verb: words.comeBack };
    return { text: words.nothingOpen };
  }

  // What ends by itself.
  #tick() {
    if (this.store.endMutes()) this.soon();
    this.#drawTypists();
  }

  #drawTypists() {
    if (this.room) drawTyping(this.store.typists(this.room).map((user) => this.nameOf(this.room, user)));
  }

  // What is at the end of an open log in a visible window is read.
  #read() {
    const room = this.room;
    if (room?.hold !== "held" || !this.log.follow || document.visibilityState === "hidden") return;
    if ((room.read_seq < room.seen || room.marked) && this.wire.tell({ t: "read", room: room.id, seq: room.seen })) room.readTo(room.seen);
  }
}
