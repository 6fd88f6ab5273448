// The list of rooms: presence, last message, time, unread badge; walked with the arrow keys.

import { blank, waiting } from "./blank.js";
import { shortTime } from "./calendar.js";
import { find, make, markOf, paintAvatar, paintFace, reconcile } from "./dom.js";
import { plainText } from "./markup.js";
import { words } from "./words.js";

const PREVIEWED = 200; // characters

export class RoomsView {
  #list = find("room-list");

  /** `open(id)` is called when a room is chosen; `dialogs` is Dialogs. */
  constructor({ store, open, dialogs }) {
    Object.assign(this, { store, dialogs });
    find("rooms-state").append(waiting(7));
    this.#list.onclick = (event) => {
      const button = event.target.closest("button");
      if (button) open(button.dataset.room);
    };
    this.#list.onkeydown = (event) => this.#walk(event);
  }

  draw(current) {
    const rows = this.store.sortedRooms().map((room) => this.#row(room, current));
    const focused = document.activeElement?.dataset?.room;
    reconcile(this.#list, rows, build);
    if (focused && document.activeElement === document.body) this.#button(focused)?.focus();
    this.#keepOneTabStop(current);
    if (this.store.welcomed) this.#drawState(rows.length === 0);
  }

  /** Put the focus on the list: on the room that is open, else on the first. */
  focus() {
    this.#list.querySelector('button[tabindex="0"]')?.focus();
  }

  #drawState(empty) {
    const place = find("rooms-state");
    if (place.hidden === !empty && place.firstElementChild?.id) return;
    place.hidden = !empty;
    const verb = (text, act, kind) => make("button", { type: "button", class: kind, onclick: act }, text);
    place.replaceChildren(make("div", { id: "no-rooms" }, blank("bubble", words.noRooms,
      verb(words.newRoom, () => this.dialogs.newRoom(), "primary"), verb(words.channels, () => this.dialogs.channels(), "plain"))));
  }

  #row(room, current) {
    const { last_message: last, unread, mentions } = room;
    const own = last && last.sender === room.me;
    const who = last && !own && room.type !== "direct" ? this.store.nameIn(room, last.sender) : undefined;
    const said = last?.deleted ? words.deletedMessage : plainText(last?.body ?? "", PREVIEWED) || (words.kinds[last?.kind] ?? "");
    const row = {
      key: room.id,
      face: room.peer ?? room.id,
      name: room.name,
      time: last ? shortTime(last.at) : "",
      text: last ? `${own ? `${words.me}: ` : who ? `${who}: ` : ""}${said}` : "",
      unread,
      mentions,
      muted: room.muted,
      archived: room.archived,
      blind: room.mode === "blind",
      broadcast: Boolean(room.broadcast),
      presence: room.peer ? (this.store.presence.get(room.peer)?.state ?? "offline") : undefined,
      current: room.id === current,
    };
    return { ...row, mark: JSON.stringify(row) };
  }

  #button(id) {
    return [...this.#list.querySelectorAll("button")].find((button) => button.dataset.room === id);
  }

  #keepOneTabStop(current) {
    const buttons = [...this.#list.querySelectorAll("button")];
    const active = document.activeElement;
    const stop = buttons.find((each) => each === active) ?? buttons.find((each) => each.dataset.room === current) ?? buttons[0];
    for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
  }

  #walk(event) {
    const buttons = [...this.#list.querySelectorAll("button")];
    const index = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
    for (const button of buttons) button.tabIndex = button === buttons[to] ? 0 : -1;
  }
}

function build(row) {
  const node = make("span", { class: "avatar", "aria-hidden": "true" });
  const face = row.blind ? paintFace(node, { id: row.key, mode: "blind" }, "", row.name) : paintAvatar(node, row.face, row.name);
  const dot = row.presence && make("span", { class: `dot ${row.presence}`, role: "img", "aria-label": words[row.presence], title: words[row.presence] });
  const badge = row.unread ? make("span", { class: row.muted ? "badge muted" : "badge", role: "img", "aria-label": words.unreadCount(row.unread) }, row.unread > 999 ? "999+" : `${row.unread}`) : undefined;
  const at = row.mentions ? make("span", { class: "badge at" }, "@") : undefined;
  const button = make("button", { type: "button", data: { room: row.key }, "aria-current": row.current ? "true" : undefined },
    make("span", { class: "face" }, face, dot),
    make("span", { class: "what" }, make("strong", {}, row.name, ...marksOf(row)), make("span", { class: "preview" }, row.text)),
    make("span", { class: "when" }, make("time", {}, row.time), make("span", { class: "badges" }, at, badge)));
  return make("li", { class: row.mentions || (row.unread && !row.muted) ? "new" : "" }, button);
}

function marksOf({ muted, archived, blind, broadcast }) {
  return [broadcast && markOf("waves", words.fromBroadcast), blind && markOf("mask", words.blindMode), muted && markOf("muted", words.isMuted), archived && markOf("archive", words.isArchived)].filter(Boolean);
}
