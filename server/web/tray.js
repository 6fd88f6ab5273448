// The files that go with the next message: chosen, dropped or pasted, each with how far it has come.

import { icon, make, reconcile, tool } from "./dom.js";
import { sizeOf } from "./sizes.js";
import { Upload } from "./upload.js";
import { explain, words } from "./words.js";

const MOST = 10;
const AT_ONCE = 3; // the server takes four of one person

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

  /** Why they cannot go yet; "" when all of them are there. */
  get waits() {
    if (this.size > MOST) return words.tooManyFiles;
    if (this.#uploads.some(({ state }) => state === "failed")) return words.uploadFailed;
    return this.#uploads.some(({ state }) => state !== "done") ? words.stillUploading : "";
  }

  get files() {
    return this.#uploads.map(({ told }) => told);
  }

  /** Begin to upload `files`; {id, name, …} of one is there already. False: they are too many for one message. */
  add(files) {
    const room = MOST - this.#uploads.length;
    const taken = files.filter(({ id }, index) => id || index < room);
    for (const file of taken) {
      const upload = new Upload(file, { token: this.token, links: this.links, changed: () => this.#changed() });
      upload.key = `${++this.#keys}`;
      this.#uploads.push(upload);
    }
    this.#changed();
    return taken.length === files.length;
  }

  /** What is in it goes with a message, or (`cancel`) nowhere. */
  empty(cancel = false) {
    const before = this.#uploads;
    this.#uploads = [];
    if (cancel) for (const upload of before) upload.cancel();
    this.#changed();
  }

  #remove(upload) {
    this.#uploads = this.#uploads.filter((each) => each !== upload);
    upload.cancel(); // and that draws it
  }

  // A few at a time, in their order.
  #changed() {
    this.#draw();
    const under = this.#uploads.filter(({ state }) => state === "under way").length;
    const next = under < AT_ONCE && this.#uploads.find(({ state }) => state === "waiting");
    if (next) next.start(); // and that changes it again
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
    const about = state === "failed" ? make("small", { class: "error", role: "alert" }, explain(error)) : make("small", {}, sizeOf(file.size));
    return make("li", { class: state === "failed" ? "failed" : "" }, icon("file"), make("span", { class: "what" }, make("strong", {}, file.name), about,
      state === "under way" || state === "waiting" ? make("progress", { max: 1, value: upload.progress, "aria-label": `${words.uploading}: ${file.name}` }) : undefined),
    state === "failed" ? tool("again", words.tryAgain, () => upload.rest(), file.name) : undefined, tool("close", words.removeFile, () => this.#remove(upload), file.name));
  }
}
