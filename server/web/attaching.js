// Files that are to go with a message: chosen, dropped, pasted or recorded. What does the work comes with the first.

import { later } from "./later.js";
import { words } from "./words.js";

export class Attaching {
  #tray = null;
  #recording = null; // what stops it
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
    mic.onclick = () => this.#record();
    body.onpaste = (event) => isText(event.clipboardData) || this.#given(event, event.clipboardData);
    for (const name of ["dragover", "drop"]) addEventListener(name, keepPage);
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

  /** Nothing is attached, and nothing is being recorded. */
  get isEmpty() {
    return !this.size && !this.#recording;
  }

  /** Why a message cannot go with them yet; "" when it can. */
  get waits() {
    if (this.#wanted.length) return words.stillUploading;
    return this.#tray?.waits ?? "";
  }

  /** What goes with the message: {id, name, …} of each. */
  get files() {
    return this.size ? this.#tray.files : undefined;
  }

  sent() {
    this.#tray?.empty();
  }

  giveUp() {
    this.#recording?.abort();
    this.#recording = null;
    this.#wanted = [];
    this.#tray?.empty(true);
  }

  /** Files of this person's, where something can be written now. */
  add(files) {
    return this.open() && this.take(files);
  }

  /** The same whatever is open; {id, name, …} of a file is there already. */
  async take(files) {
    if (!files.length) return;
    this.#wanted.push(files);
    await later(() => import("./tray.js"), ({ Tray }) => {
      this.#tray ??= new Tray({ place: this.parts.form, token: this.token, links: this.links, changed: () => this.waits || this.complain("") });
      for (const each of this.#wanted.splice(0)) if (!this.#tray.add(each)) this.complain(words.tooManyFiles);
    });
    this.#wanted = [];
    this.parts.body.focus();
  }

  // One at a time. It belongs to what is shown now, and ends with that.
  async #record() {
    if (this.#recording) return;
    const given = (this.#recording = new AbortController());
    const file = await later(() => import("./recorder.js"), ({ record }) => record(this.parts.form, { given: given.signal }));
    if (given.signal.aborted) return;
    this.#recording = null;
    if (file) this.add([file]);
    else if (document.activeElement === document.body) this.parts.body.focus();
  }

  #given(event, transfer) {
    const files = [...transfer.files];
    if (!files.length || !this.open()) return;
    event.preventDefault();
    this.add(files);
  }
}

// A table or a paragraph comes with a picture of itself; of a file the text is no more than its name.
function isText(transfer) {
  const text = transfer.getData("text/plain");
  return text && ![...transfer.files].some(({ name }) => text.includes(name));
}

// A file that is let fall where nothing takes it would take the place of the page.
function keepPage(event) {
  if (event.defaultPrevented || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "none";
}
