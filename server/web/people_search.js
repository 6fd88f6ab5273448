// A field that finds people while one writes, and shows them as buttons.

import { blank, broken, waiting } from "./blank.js";
import { avatar, make } from "./dom.js";
import { words } from "./words.js";

const PAUSE = 200;

/** `search(text)` gives people {id, name, username}; `choose(person)` gets the one pressed. */
export class PeopleSearch {
  #timer = 0;
  #turn = 0;
  #listed = ""; // the text that the list is of
  #entered = false; // Enter was pressed before its list was there

  constructor({ field, list, search, choose, leaveOut }) {
    Object.assign(this, { field, list, search, choose, leaveOut });
    field.oninput = () => this.#soon();
    field.onkeydown = (event) => this.#key(event);
    list.onkeydown = (event) => this.#walk(event);
  }

  clear() {
    this.field.value = "";
    this.#find();
  }

  get #text() {
    return this.field.value.trim();
  }

  #soon() {
    this.#entered = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#find(), PAUSE);
  }

  async #find() {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    const text = this.#text;
    this.#listed = "";
    if (!text) return this.list.replaceChildren();
    if (!this.list.children.length) this.list.replaceChildren(make("li", {}, waiting(2)));
    const people = await this.search(text).catch((error) => error);
    if (turn !== this.#turn) return undefined;
    const entered = this.#entered;
    this.#entered = false;
    if (people instanceof Error) return this.list.replaceChildren(make("li", {}, broken(people, () => this.#find())));
    const shown = people.filter((person) => !this.leaveOut(person.id));
    this.list.replaceChildren(...shown.map((person) => this.#row(person)));
    if (!shown.length) this.list.append(make("li", { class: "empty" }, blank("search", words.nobodyFound)));
    this.#listed = text;
    if (entered) this.#first()?.click();
    return undefined;
  }

  #first() {
    return this.list.querySelector("button");
  }

  #row(person) {
    const name = person.name || person.username;
    const button = make("button", { type: "button", onclick: () => this.choose(person) },
      avatar(person.id, name), make("span", { class: "what" }, make("strong", {}, name), make("span", { class: "preview" }, `@${person.username}`)));
    return make("li", {}, button);
  }

  // Enter chooses the first one found by what is written now; the arrows go into the list.
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const first = this.#first();
    if (event.key === "Enter") {
      event.preventDefault();
      if (this.#listed === this.#text) first?.click();
      else this.#entered = true;
    } else if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    }
  }

  #walk(event) {
    const buttons = [...this.list.querySelectorAll("button")];
    const index = buttons.indexOf(document.activeElement);
    if (event.key === "ArrowDown") buttons[index + 1]?.focus();
    else if (event.key === "ArrowUp") (buttons[index - 1] ?? this.field).focus();
    else return;
    event.preventDefault();
  }
}
