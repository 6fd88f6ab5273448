// Files that are to go with a message: chosen, dropped, pasted or recorded. What does the work comes with the first.

import { later } from "./later.js";
import { words } from "./words.js";

export class Attaching {
  #tray = null;
  #wanted = []; // lists of files that came before the tray was there

  /** `parts` are the elements of the composer, `open()` whether something can be written now; `complain(text)`. */
  constructor({ parts, drop, token, links, complain, open }) {
    Object.assign(this, { parts, token, links, complain, open });
    const { attach, files, mic, body } = parts;
    attach.onclick = () => files.click();
    files.onchange = () => {
      this.add([...files.files]);
      files.value = "";
    };
    mic.onclick = () => later(() => import("./recorder.js"), ({ record }) => record(parts.form, (file) => this.add([file])));
    body.onpaste = (event) => this.#given(event, event.clipboardData);
    drop.ondragover = (event) => {
      if (!event.dataTransfer.types.includes("Files") || !open()) return;
      event.preventDefault();
      drop.classList.add("dropping");
    };
    drop.ondragleave = (event) => drop.contains(event.relatedTarget) || drop.classList.remove("dropping");
    drop.ondrop = (event) => {
      drop.classList.remove("dropping");
      this.#given(event, event.dataTransfer);
    };
  }

  get size() {
    return this.#tray?.size ?? this.#wanted.length;
  }

  get ready() {
    return !this.#wanted.length && (this.#tray?.ready ?? true);
  }

  /** What goes with the message: {id, name, …} of each. */
  get files() {
    return this.size ? this.#tray.files : undefined;
  }

  sent() {
    this.#tray?.empty();
  }

  giveUp() {
    this.#tray?.empty(true);
  }

  async add(files) {
    if (!files.length || !this.open()) return;
    this.#wanted.push(files);
    await later(() => import("./tray.js"), ({ Tray }) => {
      this.#tray ??= new Tray({ place: this.parts.form, token: this.token, links: this.links, changed: () => this.ready && this.complain("") });
      for (const each of this.#wanted.splice(0)) if (!this.#tray.add(each)) this.complain(words.tooManyFiles);
    });
    this.#wanted = [];
    this.parts.body.focus();
  }

  #given(event, transfer) {
    const files = [...transfer.files];
    if (!files.length || !this.open()) return;
    event.preventDefault();
    this.add(files);
  }
}
