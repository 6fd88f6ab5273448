// The way to the panel of a thread, which comes when the first is opened.

import { later } from "./later.js";

export class Thread {
  #panel = null;
  #room = null;

  /** `parts` are those of ThreadPanel. */
  constructor(parts) {
    this.parts = parts;
  }

  /** Show the thread of the message `root`; the focus goes back to `opener` in the end. */
  open(room, root, opener = document.activeElement) {
    return later(() => import("./view_thread.js"), ({ ThreadPanel }) => {
      this.#panel ??= new ThreadPanel(this.parts);
      if (room === this.#room) this.#panel.open(room, root, opener);
    });
  }

  setRoom(room) {
    this.#room = room;
    this.#panel?.setRoom(room);
  }

  close() {
    this.#panel?.close();
  }

  reload() {
    this.#panel?.reload();
  }

  happened(room, event) {
    this.#panel?.happened(room, event);
  }

  draw() {
    this.#panel?.draw();
  }
}
