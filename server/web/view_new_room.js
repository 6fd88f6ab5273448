// The dialog that begins a conversation: one person for a direct room, several for a team room,
// two groups for a matching room. Whoever makes it is in group A.

import { find, make } from "./dom.js";
import { PeopleSearch } from "./people_search.js";
import { keys } from "./session.js";
import { explain, words } from "./words.js";

let dialog;

/** Begin a conversation; what these are says NewRoom. */
export function showNewRoom(chat) {
  dialog ??= new NewRoom(chat);
  dialog.open();
}

class NewRoom {
  #dialog = find("new-room");
  #form = find("new-room-form");
  #chosen = new Map(); // id -> person
  #busy = false;
  #keyOf = keys(); // asked again it makes no second room

  /** `create({type, name?, members}, key)` is a promise of nothing; `search` as PeopleSearch has it. */
  constructor({ search, create, myId }) {
    Object.assign(this, { create, myId });
    this.people = new PeopleSearch({
      field: find("people-query"),
      list: find("people-found"),
      search,
      choose: (person) => this.#choose(person),
      leaveOut: (id) => id === myId || this.#chosen.has(id),
    });
    find("new-room-close").onclick = () => this.#dialog.close();
    this.#form.onchange = () => this.#draw();
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
  }

  get #type() {
    return this.#form.elements.type.value;
  }

  open() {
    this.#form.reset();
    this.#chosen.clear();
    this.people.clear();
    this.#keyOf = keys();
    find("new-room-error").textContent = "";
    this.#draw();
    this.#dialog.showModal();
    this.people.field.focus();
  }

  #draw() {
    const type = this.#type;
    find("team-name").hidden = type === "direct";
    find("team-public").hidden = type !== "team";
    find("matching-choice").hidden = type !== "matching";
    find("mode-about").textContent = words.aboutMode[this.#form.elements.mode.value];
    find("new-room-create").hidden = type === "direct";
    const people = [...this.#chosen.values()].sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : 0));
    const mine = type === "matching" ? [make("li", {}, `A · ${words.me}`)] : [];
    find("chosen").replaceChildren(...mine, ...people.map((person) => this.#chip(person)));
  }

  #chip(person) {
    const name = person.name || person.username;
    const remove = () => {
      this.#chosen.delete(person.id);
      this.#draw();
      this.people.field.focus();
    };
    const where = this.#type === "matching" ? `${person.group} · ` : "";
    return make("li", {}, `${where}${name}`, make("button", { type: "button", "aria-label": `${words.remove}: ${name}`, onclick: remove }, "×"));
  }

  #choose(person) {
    if (this.#type === "direct") return this.#begin({ type: "direct", members: [person.id] });
    this.#chosen.set(person.id, { ...person, group: this.#form.elements.group.value });
    this.people.clear();
    this.people.field.focus();
    return this.#draw();
  }

  #submit() {
    if (this.#type === "direct") return;
    if (this.#type === "matching") return void this.#begin(this.#matching());
    const names = [...this.#chosen.values()].map((person) => person.name || person.username);
    const name = this.#form.elements.name.value.trim() || names.join(", ").slice(0, 100) || words.team;
    const visibility = this.#form.elements.public.checked ? "public" : "private";
    this.#begin({ type: "team", name, visibility, members: [...this.#chosen.keys()] });
  }

  #matching() {
    const { name, mode } = this.#form.elements;
    const group = (letter) => [...this.#chosen.values()].filter((person) => person.group === letter).map((person) => person.id);
    return { type: "matching", name: name.value.trim() || words.matching, mode: mode.value, groups: { A: [this.myId, ...group("A")], B: group("B") } };
  }

  async #begin(room) {
    if (this.#busy) return;
    find("new-room-error").textContent = "";
    this.#setBusy(true);
    try {
      await this.create(room, this.#keyOf(JSON.stringify(room)));
      this.#dialog.close();
    } catch (error) {
      find("new-room-error").textContent = explain(error);
    }
    this.#setBusy(false);
  }

  #setBusy(busy) {
    this.#busy = busy;
    find("new-room-create").setAttribute("aria-busy", `${busy}`);
  }
}
