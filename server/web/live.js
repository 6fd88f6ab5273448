// How jobs go on while they are looked at: the socket tells; where it does not, the server is asked again and again.

const [TOLD, UNTOLD, IDLE] = [3_000, 2_000, 10_000]; // what frames do not say is asked, too
const MOST = 20; // jobs that the server lets one connection watch

export class Live {
  #view = null;
  #watched = new Map(); // job -> whether it is told of; undefined until that is answered
  #timer = 0;
  #turn = 0;

  /** `wire` is a Wire. */
  constructor(wire) {
    this.wire = wire;
  }

  /** `view` has active(), ids of jobs that go on, told(frame), and renew(), a promise; or is null. */
  show(view) {
    this.#view = view;
    this.follow();
  }

  /** Watch what goes on, and nothing else. */
  async follow() {
    clearTimeout(this.#timer);
    const view = this.#view;
    const turn = ++this.#turn;
    const active = (view?.active() ?? []).slice(0, MOST);
    for (const job of [...this.#watched.keys()].filter((id) => !active.includes(id))) {
      this.#watched.delete(job);
      this.wire.tell({ t: "watch_job", job, on: false });
    }
    for (const job of active) if (this.#watched.get(job) === false || !this.#watched.has(job)) await this.#watch(job);
    if (turn !== this.#turn || !view) return;
    const wait = active.every((job) => this.#watched.get(job)) ? TOLD : UNTOLD;
    this.#timer = setTimeout(() => this.#renew(view), active.length ? wait : IDLE);
  }

  // A server that does not know this, or has enough of it, is asked over HTTP.
  async #watch(job) {
    this.#watched.set(job, undefined);
    const told = await this.wire.ask({ t: "watch_job", job, on: true }).then(() => true, () => false);
    if (this.#watched.has(job)) this.#watched.set(job, told);
  }

  async #renew(view) {
    if (!document.hidden) await view.renew().catch(() => {}); // it is asked again
    if (view === this.#view) this.follow();
  }

  /** A new connection watches nothing yet. */
  renewed() {
    this.#watched.clear();
    this.follow();
  }

  told(frame) {
    if (frame.t === "progress") this.#view?.told(frame);
  }
}
