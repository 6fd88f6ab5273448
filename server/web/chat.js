// The chat of one signed-in person: carries what the socket says to the store and the store to the views.

import { Blocks } from "./blocks.js";
import { find } from "./dom.js";
import { Loader } from "./loader.js";
import { plainText } from "./markup.js";
import { eventAt } from "./ordered.js";
import { menuItem, openMenu } from "./menu.js";
import { Outbox } from "./outbox.js";
import { ask, deviceId } from "./session.js";
import { isEvent, Store } from "./store.js";
import { Actions } from "./view_actions.js";
import { Composer, drawTyping } from "./view_composer.js";
import { LogView } from "./view_log.js";
import { showPins, showThreads } from "./view_lists.js";
import { MembersPanel } from "./view_members.js";
import { NewRoom } from "./view_new_room.js";
import { RoomCalls } from "./room_calls.js";
import { showChannels } from "./view_channels.js";
import { closedBecause, drawBanner, drawMe, drawRoomHeader, drawTitle } from "./view_frame.js";
import { RoomMenu } from "./view_room_menu.js";
import { ThreadPanel } from "./view_thread.js";
import { RoomsView } from "./view_rooms.js";
import { Watch } from "./watch.js";
import { Wire } from "./wire.js";
import { explain, words } from "./words.js";

const ACK_WITHIN = 10_000;
const MOST_MENTIONS = 50;
const ANNOUNCED = 1_000; // characters
const DRAW_AFTER = 16;
const LONGEST_ID = "0".repeat(64);

export class Chat {
  #room = null; // the room that is open
  #awaited = ""; // a room that was joined, to be shown when it is here
  #drawing = 0;

  /** `leave(reason)` goes back to the gate. */
  constructor({ user, token }, { leave }) {
    Object.assign(this, { user, token, leave });
    this.store = new Store(user);
    this.wire = new Wire({
      token,
      device: deviceId(),
      resume: () => this.store.resume(),
      onFrame: (frame) => this.#frame(frame),
      onState: (state, code) => this.#wireState(state, code),
    });
    this.calls = new RoomCalls(this.#http.bind(this));
    this.outbox = this.#openOutbox(`madang.outbox.${user.id}`);
    this.loader = new Loader({ store: this.store, wire: this.wire, http: this.#http.bind(this) });
    this.watch = new Watch({ store: this.store, wire: this.wire });
    this.#makeViews();
  }

  start() {
    drawMe(this.user);
    addEventListener("hashchange", () => this.#route());
    document.addEventListener("visibilitychange", () => this.#soon());
    setInterval(() => this.#tick(), 1_000);
    this.wire.start();
  }

  stop() {
    this.outbox.close();
    this.wire.stop();
  }

  #openOutbox(key) {
    return new Outbox({
      saved: JSON.parse(sessionStorage.getItem(key) ?? "[]"),
      keep: (entries) => sessionStorage.setItem(key, JSON.stringify(entries)),
      changed: () => this.#soon(),
      fits: (frame) => this.wire.fits(frame),
      tell: (frame) => this.#tellSend(frame),
    });
  }

  #tellSend(frame) {
    const told = this.wire.tell(frame);
    const late = () => this.outbox.isUnderWay(frame.id) && this.wire.suspect();
    if (told) setTimeout(late, ACK_WITHIN);
    return told;
  }

  #makeViews() {
    const { store, outbox } = this;
    const search = this.calls.people;
    const nameOf = (room, user, given) => this.store.nameIn(room, user, given) ?? words.somebody;
    this.blocks = new Blocks({ calls: this.calls, changed: () => this.#soon(), failed: (error) => failed(error) });
    const failed = (error) => this.composer.complain(explain(error));
    this.rooms = new RoomsView({ store, open: (id) => this.#go(id) });
    this.log = new LogView({
      store,
      outbox,
      known: (room) => this.#known(room),
      loadOlder: (room, limit) => this.loader.older(room, limit),
      moved: () => this.#soon(),
      act: {
        reply: (seq) => this.#reply(seq),
        thread: (root, button) => this.#openThread(root, button),
        more: (seq, button) => this.actions.open(this.#room, eventAt(this.#room.events, seq), button),
        react: (seq, emoji) => this.actions.react(this.#room, eventAt(this.#room.events, seq), emoji),
        retry: (id) => outbox.retry(id),
        edit: (id) => this.#edit(id),
        versions: (seq) => this.actions.versions(this.#room, seq),
        restore: (seq) => this.actions.restore(this.#room, seq),
        discard: (id) => outbox.discard(id),
      },
    });
    this.actions = new Actions({
      ask: (frame) => this.wire.ask(frame),
      calls: this.calls,
      nameOf,
      thread: (root, button) => this.#openThread(root, button),
      markUnread: (seq) => this.#markUnread(seq),
      edit: (message) => this.composer.rewrite(message),
      failed,
    });
    this.menu = new RoomMenu({ calls: this.calls, failed, entries: (room) => this.#entries(room) });
    this.composer = new Composer({
      root: find("writing"),
      send: (message) => this.#send(this.#room, message) && (this.log.sentOwn(), true),
      change: (seq, body) => this.#change(this.#room, seq, body, failed),
      typing: (on) => this.#room && this.wire.tell({ t: "typing", room: this.#room.id, on }),
      leave: () => this.#back(),
    });
    this.members = new MembersPanel({
      store,
      search,
      calls: this.calls,
      blocks: this.blocks,
      opened: (room) => {
        this.thread.close();
        this.#loadMembers(room);
      },
    });
    this.thread = new ThreadPanel({
      store,
      outbox,
      loader: this.loader,
      calls: this.calls,
      wire: this.wire,
      post: (room, message) => this.#send(room, message),
      change: (room, seq, body, why) => this.#change(room, seq, body, why),
      nameOf,
      known: (room) => this.#known(room),
      draw: () => this.#soon(),
      opened: (open) => open && this.members.show(false),
    });
    this.newRoom = new NewRoom({ search, create: (room) => this.#create(room), myId: this.user.id });
    find("me").onclick = () => openMenu(find("me"), [menuItem(words.blocked, () => this.blocks.show())]);
    find("channels-open").onclick = () => this.#channels();
    find("back").onclick = () => this.#back();
    find("banner-now").onclick = () => this.wire.now();
  }

  // What the menu of a room has besides its settings.
  #entries(room) {
    const nameOf = (user, given) => this.store.nameIn(room, user, given) ?? words.somebody;
    const go = (seq) => this.log.jump(seq);
    const open = (root) => this.#openThread(root, find("room-more"));
    return [
      [words.threads, () => showThreads(room, { load: (before) => this.calls.threads(room, before), nameOf, go: open })],
      [words.pins, () => showPins(room, { load: (after) => this.calls.pins(room, after), nameOf, go })],
      ...(room.peer ? [this.blocks.entry(room.peer, room.name)] : []),
    ];
  }

  #http(method, path, body) {
    return ask(method, `/api/v1${path}`, { token: this.token, body }).catch((error) => {
      if (error.code === "unauthenticated") this.leave(words.closes[4501]);
      throw error;
    });
  }

  // ---- what the server says

  #frame(frame) {
    const room = this.store.apply(frame);
    if (frame.t === "welcome") this.#welcomed();
    if (frame.t === "ack") this.#acked(frame);
    if (frame.t === "error" && frame.id) this.outbox.refused(frame);
    if (frame.t === "room") this.#arrived(room);
    if (frame.t === "room_gone" && this.#room?.id === frame.room) this.#go("");
    if (frame.t === "gap" && room === this.#room) this.#load(room);
    if (room && isEvent(frame)) this.#happened(room, frame);
    if (frame.t === "welcome" || frame.t === "message") this.loader.names(() => this.#soon());
    this.#soon();
  }

  #welcomed() {
    this.watch.renewed();
    this.outbox.opened();
    this.blocks.load().catch(() => {}); // what is not known is offered, and refused where it must be
    this.#route();
    if (!this.#room) return;
    if (this.#room.hold === "none") this.#load(this.#room);
    this.#loadMembers(this.#room);
  }

  #arrived(room) {
    this.watch.peersOf([room]);
    if (room.id !== this.#awaited) return;
    this.#awaited = "";
    this.#go(room.id);
  }

  #acked(ack) {
    this.outbox.acked(ack);
    this.outbox.stored(ack.room, this.store.rooms.get(ack.room)?.seen ?? 0);
  }

  #happened(room, event) {
    this.outbox.stored(room.id, event.seq);
    if (room !== this.#room) return;
    this.thread.happened(room, event);
    if (event.t === "reaction") this.#sureOf(room, event.of);
    if (event.t === "member" && (event.change === "joined" || event.change === "revealed")) this.#loadMembers(room);
    if (event.t !== "message" || event.sender === room.me) return;
    if (!event.thread && (document.visibilityState === "hidden" || !this.log.follow)) this.log.missed(event.seq);
    const name = this.store.nameIn(room, event.sender, event.name) ?? "";
    find("announcer").textContent = `${name}: ${plainText(event.body ?? "", ANNOUNCED)}`;
  }

  async #sureOf(room, seq) {
    if (eventAt(room.events, seq)?.unsure && (await this.loader.again(room, seq))) this.#soon();
  }

  #wireState(state, code) {
    if (state === "refused" && code >= 4501 && code <= 4503) return this.leave(words.closes[code]);
    drawBanner(state, { code, offline: this.wire.offline });
    return undefined;
  }

  // ---- what this person does

  #go(id) {
    location.hash = id ? `#/room/${id}` : "";
    this.#route();
  }

  #back() {
    const id = this.#room?.id;
    this.#go("");
    this.#draw();
    if (id) this.rooms.focus(id);
  }

  #route() {
    const room = this.store.rooms.get(location.hash.split("/")[2]) ?? null;
    if (room === this.#room) return;
    this.#room = room;
    document.body.classList.toggle("in-room", Boolean(room));
    find("room").hidden = !room;
    document.body.classList.toggle("in-blind", room?.mode === "blind");
    find("nothing-open").hidden = Boolean(room);
    this.composer.show(room);
    this.members.setRoom(room);
    this.thread.setRoom(room);
    this.menu.setRoom(room);
    this.log.show(room);
    if (room?.hold === "none") this.#load(room);
    if (room) this.#loadMembers(room);
    if (room && matchMedia("(hover: hover)").matches) this.composer.focus();
    this.#draw();
  }

  #channels() {
    const open = (id) => {
      if (this.store.rooms.has(id)) this.#go(id);
      else this.#awaited = id; // its frame is on the way
    };
    showChannels({ find: this.calls.publicRooms, join: this.calls.join, open });
  }

  async #create(room) {
    const made = this.store.addRoom(await this.calls.create(room));
    this.watch.peersOf([made]);
    this.#go(made.id);
  }

  // The room is left first: what is at the end of an open room counts as read.
  #markUnread(seq) {
    const { id } = this.#room;
    this.#back();
    this.wire.ask({ t: "mark_unread", room: id, seq }).catch((error) => (find("announcer").textContent = explain(error)));
  }

  #openThread(root, button) {
    this.thread.open(this.#room, root, button);
  }

  // Whose names a message may mention, in the room that it is shown in.
  #known(room) {
    const { name, username } = this.user;
    const names = new Set([...room.members.values()].flatMap((member) => [member.name, member.username]));
    return { room, names, me: new Set(room.mode === "blind" ? [room.me] : [name, username]) };
  }

  #send(room, { body, reply_to, thread }) {
    const isNamed = ({ name, username }) => body.includes(`@${name}`) || body.includes(`@${username}`);
    const mentions = [...room.members.values()].filter(isNamed).slice(0, MOST_MENTIONS).map((member) => member.user);
    const message = { room: room.id, body, reply_to, thread, mentions: mentions.length ? mentions : undefined };
    if (!this.wire.fits({ t: "send", id: LONGEST_ID, ...message })) return false;
    this.outbox.add({ ...message, at: Date.now() });
    return true;
  }

  #change(room, seq, body, failed) {
    const frame = { t: "edit", room: room.id, seq, body };
    if (!this.wire.fits(frame)) return false;
    this.wire.ask(frame).catch(failed);
    return true;
  }

  #edit(id) {
    const { body, reply_to: seq } = this.outbox.take(id);
    if (seq) this.#reply(seq);
    this.composer.edit(body);
  }

  #reply(seq) {
    const event = eventAt(this.#room.events, seq);
    this.composer.reply({ seq, name: this.store.nameIn(this.#room, event.sender, event.name), body: event.body ?? "" });
  }

  async #load(room) {
    this.log.restart();
    this.thread.reload();
    if (await this.loader.newest(room)) this.outbox.stored(room.id, room.seen);
    this.#soon();
  }

  async #loadMembers(room) {
    if (!(await this.loader.members(room))) return;
    if (this.members.open && room === this.#room) this.watch.membersOf(room);
    this.#soon();
  }

  // ---- what is drawn

  #soon() {
    this.#drawing ||= setTimeout(() => this.#draw(), DRAW_AFTER);
  }

  #draw() {
    clearTimeout(this.#drawing);
    this.#drawing = 0;
    this.#read();
    this.rooms.draw(this.#room?.id);
    drawTitle(this.store.totalUnread());
    if (!this.#room) return;
    drawRoomHeader(this.#room, this.store);
    this.composer.allow(closedBecause(this.#room, this.blocks));
    this.log.draw();
    this.members.draw();
    this.thread.draw();
    this.#drawTypists();
  }

  // What ends by itself.
  #tick() {
    if (this.store.endMutes()) this.#soon();
    this.#drawTypists();
  }

  #drawTypists() {
    if (this.#room) drawTyping(this.store.typists(this.#room).map((user) => this.store.nameIn(this.#room, user) ?? words.somebody));
  }

  // What is at the end of an open log in a visible window is read.
  #read() {
    const room = this.#room;
    if (room?.hold !== "held" || !this.log.follow || document.visibilityState === "hidden") return;
    if ((room.read_seq < room.seen || room.marked) && this.wire.tell({ t: "read", room: room.id, seq: room.seen })) room.readTo(room.seen);
  }
}
