// What is known of broadcasts while none is shown: which are unheard, and what the socket says of them.

import { find, make } from "./dom.js";
import { words } from "./words.js";

const MOST_COUNTED = 99;

export class Broadcasts {
  view = null; // what is open: told(frame), renewed(page)
  form = null; // of the broadcast that is not sent yet: it stays as it was left
  #unheard = new Set();
  #came = new Set(); // since the list was asked for
  #heard = new Set(); // in this window
  #notices = new Map(); // broadcast -> the notice that tells of it
  #turn = 0;

  /** `http` as RoomCalls takes it; `bell(frame)` hears what changes its count. */
  constructor({ http, wire, bell }) {
    Object.assign(this, { http, wire, bell });
  }

  /** A promise of the first page of what was received. */
  async load() {
    const turn = ++this.#turn;
    this.#came.clear();
    const page = await this.http("GET", "/broadcasts/received");
    if (turn !== this.#turn) return page;
    const unheard = page.items.filter(({ status }) => status === "delivered").map(({ id }) => id);
    this.#unheard = new Set([...unheard, ...this.#came].filter((id) => !this.#heard.has(id)));
    this.#draw();
    return page;
  }

  /** The socket is open: what was said before is not known. */
  renew() {
    this.load().then((page) => this.view?.renewed(page), () => {}); // what is opened says why
  }

  /** A frame about broadcasts. */
  told(frame) {
    if (frame.t === "notification" && frame.type === "broadcast.received") this.#notices.set(frame.data.broadcast, frame.id);
    if (frame.change === "received" && !this.#heard.has(frame.id)) {
      this.#came.add(frame.id);
      this.#unheard.add(frame.id);
      find("announcer").textContent = words.broadcastFrom(frame.name || words.somebody);
      this.#draw();
    }
    this.view?.told(frame);
  }

  /** This person heard `id`. */
  heard(id) {
    this.#heard.add(id);
    this.#unheard.delete(id);
    this.#draw();
  }

  /** The list shows `ids`: no notice has to tell of them any more. */
  seen(ids) {
    const known = ids.filter((id) => this.#notices.has(id));
    const notices = known.map((id) => this.#notices.get(id));
    if (!known.length || !this.wire.tell({ t: "seen", ids: notices })) return;
    for (const id of known) this.#notices.delete(id);
    this.bell({ t: "notification_gone", ids: notices });
  }

  /** How many are recorded, and not sent. */
  get unsent() {
    return this.form?.isBegun ? 1 : 0;
  }

  /** How many are unheard. */
  get unheard() {
    return this.#unheard.size;
  }

  #draw() {
    this.bell({});
    const button = find("broadcasts-open");
    const count = this.unheard;
    button.querySelector(".badge")?.remove();
    if (count) button.append(make("span", { class: "badge", data: { count: count > MOST_COUNTED ? `${MOST_COUNTED}+` : count } })); // what it says is in the label
    button.title = count ? words.unheardCount(count) : words.broadcasts;
    button.setAttribute("aria-label", button.title);
  }
}
