// Addresses of files that an image or a player can use: asked for once, until they are too old.

const EARLY = 60_000;
const MOST = 500;

export class Links {
  #known = new Map(); // file -> the promise of its link

  /** `ask(file)` is a promise of {url, thumbnail_url?, expires_at, file}. */
  constructor({ ask, now = Date.now }) {
    Object.assign(this, { ask, now });
  }

  /** The link of `file`; with `fresh` a new one, whatever is known. */
  get(file, fresh = false) {
    const known = this.#known.get(file);
    if (known && !fresh && !(known.until - EARLY < this.now())) return known.link;
    const entry = { until: Infinity, link: this.ask(file) };
    entry.link.then(({ expires_at: until }) => (entry.until = until), () => this.#known.delete(file));
    this.#known.set(file, entry);
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value);
    return entry.link;
  }
}
