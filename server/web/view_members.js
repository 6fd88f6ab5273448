// The panel of a room's members: who they are and whether they are here; its owner adds and removes.

import { shortTime } from "./calendar.js";
import { avatar, find, make, reconcile } from "./dom.js";
import { PeopleSearch } from "./people_search.js";
import { explain, words } from "./words.js";

export class MembersPanel {
  #panel = find("members");
  #toggle = find("members-toggle");
  #room = null;

  /** `calls` is RoomCalls; `opened(room)` when it is looked at. */
  constructor({ store, search, calls, opened }) {
    Object.assign(this, { store, calls, opened });
    this.people = new PeopleSearch({
      field: find("member-query"),
      list: find("member-found"),
      search,
      choose: (person) => this.#do(() => calls.add(this.#room, person.id)).then(() => this.people.clear()),
      leaveOut: (id) => this.#room.members.has(id),
    });
    find("member-add").onsubmit = (event) => event.preventDefault();
    this.#toggle.onclick = () => this.show(this.#panel.hidden);
    find("members-close").onclick = () => this.show(false);
    this.#panel.onkeydown = (event) => event.key === "Escape" && this.show(false);
  }

  get open() {
    return !this.#panel.hidden;
  }

  setRoom(room) {
    this.#room = room;
    this.people.clear();
    find("members-error").textContent = "";
    if (!room || room.type === "direct") this.show(false);
    this.#toggle.hidden = room?.type === "direct";
    find("member-list").replaceChildren();
  }

  show(open) {
    const closing = this.open && !open && this.#panel.contains(document.activeElement);
    this.#panel.hidden = !open;
    this.#toggle.setAttribute("aria-expanded", `${open}`);
    if (closing) this.#toggle.focus();
    if (open && this.#room) this.opened(this.#room);
  }

  draw() {
    if (!this.open || !this.#room) return;
    const owner = this.#room.role === "owner";
    find("member-add").hidden = !owner;
    const rank = (member) => (member.role === "owner" ? 0 : 1);
    const members = [...this.#room.members.values()].sort((a, b) => rank(a) - rank(b) || nameOf(a).localeCompare(nameOf(b)));
    reconcile(find("member-list"), members.map((member) => this.#row(member, owner)), (row) => this.#build(row));
  }

  #row(member, owner) {
    const mine = member.user === this.store.me.id;
    const presence = this.store.presence.get(member.user);
    const state = mine ? "online" : (presence?.state ?? "offline");
    const seen = state === "offline" && presence?.last_seen ? words.lastSeen(shortTime(presence.last_seen)) : words[state];
    const row = { key: member.user, name: nameOf(member), role: member.role, mine, state, seen, removable: owner !== mine };
    return { ...row, mark: JSON.stringify(row) };
  }

  #build(row) {
    const remove = () => this.#do(() => this.calls.remove(this.#room, row.key));
    const verb = row.mine ? words.leaveRoom : words.remove;
    const tags = [row.mine && words.me, row.role === "owner" && words.owner].filter(Boolean).join(", ");
    return make("li", {},
      make("span", { class: "face" }, avatar(row.key, row.name), make("span", { class: `dot ${row.state}` })),
      make("span", { class: "what" }, make("strong", {}, row.name, tags && make("small", {}, ` ${tags}`)), make("span", { class: "preview" }, row.seen)),
      row.removable ? make("button", { type: "button", class: "quiet", "aria-label": `${verb}: ${row.name}`, onclick: remove }, verb) : undefined);
  }

  async #do(change) {
    find("members-error").textContent = "";
    await change().catch((error) => {
      find("members-error").textContent = explain(error);
    });
  }
}

const nameOf = (member) => member.name || member.username || words.somebody;
