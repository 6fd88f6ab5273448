// The way to the panel of a room's members, which comes when it is first opened.

import { find } from "./dom.js";
import { later } from "./later.js";

export class Members {
  #panel = null;
  #room = null;
  #toggle = find("members-toggle");

  /** `parts` are those of MembersPanel. */
  constructor(parts) {
    this.parts = parts;
    this.#toggle.onclick = () => this.#open();
  }

  get open() {
    return !find("members").hidden;
  }

  setRoom(room) {
    this.#room = room;
    this.#toggle.hidden = room?.type === "direct";
    this.#panel?.setRoom(room);
  }

  close() {
    this.#panel?.show(false);
  }

  came(came) {
    this.#panel?.came(came);
  }

  draw() {
    this.#panel?.draw();
  }

  // The room may be another one when the panel comes.
  #open(room = this.#room) {
    return later(() => import("./view_members.js"), ({ MembersPanel }) => {
      if (room !== this.#room || this.#toggle.hidden) return;
      this.#panel ??= new MembersPanel(this.parts);
      this.#panel.setRoom(this.#room);
      this.#panel.show(true);
    });
  }
}
