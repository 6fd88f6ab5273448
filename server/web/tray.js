// The files that go with the next message: chosen, dropped or pasted, each with how far it has come.

import { icon, make, reconcile } from "./dom.js";
import { sizeOf } from "./sizes.js";
import { Upload } from "./upload.js";
import { explain, words } from "./words.js";

const MOST = 10;

export class Tray {
  #uploads = [];
  #list;
  #keys = 0;

  /** `place` is where it stands; `changed()` when a file came, went or arrived. */
  constructor({ place, token, links, changed }) {
    Object.assign(this, { token, links, changed });
    this.#list = make("ul", { class: "tray", "aria-label": words.attached, hidden: true });
    place.prepend(this.#list);
  }

  get size() {
    return this.#uploads.length;
  }

  /** Whether all of them are there. */
  get ready() {
    return this.#uploads.every(({ state }) => state === "done");
  }

  get files() {
    return this.#uploads.map(({ told }) => told);
  }

  /** Begin to upload `files`. False: they are too many for one message. */
  add(files) {
    const room = MOST - this.#uploads.length;
    for (const file of [...files].slice(0, room)) {
      const upload = new Upload(file, { token: this.token, links: this.links, changed: () => this.#draw() });
      upload.key = `${++this.#keys}`;
      this.#uploads.push(upload);
      upload.start();
    }
    this.#draw();
    return files.length <= room;
  }

  /** What is in it goes with a message, or (`cancel`) nowhere. */
  empty(cancel = false) {
    if (cancel) for (const upload of this.#uploads) upload.cancel();
    this.#uploads = [];
    this.#draw();
  }

  #remove(upload) {
    upload.cancel();
    this.#uploads = this.#uploads.filter((each) => each !== upload);
    this.#draw();
  }

  #draw() {
    this.#list.hidden = !this.#uploads.length;
    const rows = this.#uploads.map((upload) => ({ key: upload.key, mark: upload.state, upload }));
    reconcile(this.#list, rows, ({ upload }) => this.#row(upload));
    for (const [index, { progress }] of this.#uploads.entries()) {
      const bar = this.#list.children[index].querySelector("progress");
      if (bar) bar.value = progress;
    }
    this.changed();
  }

  #row(upload) {
    const { file, state, error } = upload;
    const button = (picture, text, act) => make("button", { type: "button", class: "icon", "aria-label": `${text}: ${file.name}`, title: text, onclick: act }, icon(picture));
    const about = state === "failed" ? make("small", { class: "error", role: "alert" }, explain(error)) : make("small", {}, sizeOf(file.size));
    return make("li", { class: state === "failed" ? "failed" : "" }, icon("file"), make("span", { class: "what" }, make("strong", {}, file.name), about,
      state === "under way" ? make("progress", { max: 1, value: upload.progress, "aria-label": `${words.uploading}: ${file.name}` }) : undefined),
    state === "failed" ? button("again", words.tryAgain, () => upload.start()) : undefined, button("close", words.removeFile, () => this.#remove(upload)));
  }
}
