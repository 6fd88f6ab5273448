// The list of people that opens at an @ in the field where one writes.
//
// An Enter that ends a composition belongs to the input method first: the choice is made when the composition has
// ended, and what the same press reports besides (see ime.js) is kept from the field.

import { make } from "./dom.js";
import { beginsWith, begunAt } from "./mentions.js";
import { words } from "./words.js";

const MOST_SHOWN = 8;
const SAME_PRESS = 100;
let lists = 0; // for ids that are the document's own

export class MentionList {
  #list;
  #begun; // {at, text} of what is being written
  #found = [];
  #chosen = 0;
  #due = false; // chosen when the composition has ended
  #answered = -SAME_PRESS;
  #closedAt = -1; // the @ whose list was closed with Escape

  /** `candidates()` are {name, known?, insert, face}; `root` is around `field`. */
  constructor({ field, root, candidates }) {
    Object.assign(this, { field, candidates });
    const id = `people-${++lists}`;
    this.#list = make("ul", { class: "completion", id, role: "listbox", "aria-label": words.members, hidden: true });
    this.#list.onpointerdown = (event) => this.#pressed(event);
    root.append(this.#list);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", id);
    for (const name of ["keydown", "beforeinput"]) root.addEventListener(name, (event) => this.#before(event), { capture: true });
    for (const name of ["input", "click"]) field.addEventListener(name, () => this.look());
    field.addEventListener("keyup", (event) => ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key) && this.look());
    field.addEventListener("compositionend", () => this.#due && setTimeout(() => this.#choose(), 0));
    field.addEventListener("blur", () => this.close());
  }

  close() {
    this.#found = [];
    this.#due = false;
    this.#draw();
  }

  /** See what is being written, and who there is. */
  look() {
    if (document.activeElement !== this.field) return;
    const { value, selectionStart, selectionEnd } = this.field;
    const begun = selectionStart === selectionEnd ? begunAt(value, selectionStart) : undefined;
    if (!begun) this.#closedAt = -1;
    if (!begun || begun.at === this.#closedAt) {
      this.close();
      return;
    }
    const same = this.#begun?.at === begun.at && this.#begun.text === begun.text && this.#found.length;
    this.#begun = begun;
    const fits = ({ name, known }) => beginsWith(name, begun.text) || (known?.startsWith("@") && beginsWith(known.slice(1), begun.text));
    this.#found = this.candidates().filter(fits).slice(0, MOST_SHOWN);
    if (!same) this.#chosen = 0;
    this.#draw();
  }

  #draw() {
    const open = this.#found.length > 0;
    this.#list.hidden = !open;
    this.#list.replaceChildren(...this.#found.map((each, index) => make("li",
      { id: `${this.#list.id}-${index}`, role: "option", "aria-selected": `${index === this.#chosen}`, data: { index } },
      each.face(), make("span", {}, each.name, each.known && make("small", {}, each.known)))));
    if (open) this.field.setAttribute("aria-activedescendant", `${this.#list.id}-${this.#chosen}`);
    else this.field.removeAttribute("aria-activedescendant");
    this.#list.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }

  // Before the field hears of it.
  #before(event) {
    if (event.target !== this.field) return;
    const enter = event.key === "Enter" || ["insertLineBreak", "insertParagraph"].includes(event.inputType);
    if (!enter) this.#answered = -SAME_PRESS; // whatever is written between two presses parts them
    else if (performance.now() - this.#answered < SAME_PRESS) return this.#keep(event);
    if (!this.#found.length) return;
    if (enter && !event.shiftKey) {
      this.#keep(event);
      if (event.isComposing) this.#due = true;
      else this.#choose();
    } else if (event.type === "keydown" && !event.isComposing) this.#key(event);
  }

  #key(event) {
    const last = this.#found.length - 1;
    const next = { ArrowDown: this.#chosen === last ? 0 : this.#chosen + 1, ArrowUp: this.#chosen === 0 ? last : this.#chosen - 1 }[event.key];
    if (next !== undefined) {
      this.#chosen = next;
      this.#draw();
    } else if (event.key === "Tab") this.#choose();
    else if (event.key === "Escape") {
      this.#closedAt = this.#begun.at;
      this.close();
    } else return;
    this.#keep(event);
  }

  #keep(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #pressed(event) {
    event.preventDefault(); // the field keeps the focus
    const option = event.target.closest("[role=option]");
    if (!option) return;
    this.#chosen = Number(option.dataset.index);
    this.#choose();
  }

  #choose() {
    const choice = this.#found[this.#chosen];
    if (!choice) return;
    const caret = this.field.selectionStart;
    this.#answered = performance.now();
    this.field.setRangeText(`@${choice.insert} `, this.#begun.at, caret, "end");
    this.close();
    this.field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}
