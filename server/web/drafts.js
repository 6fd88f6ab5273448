// What was begun and not sent, by room and by thread. The window keeps it over a reload.

export class Drafts {
  #key;
  #all;

  constructor(key) {
    this.#key = key;
    this.#all = new Map(JSON.parse(sessionStorage.getItem(key) ?? "[]"));
  }

  /** {body, replyTo, edit} as they were kept; empty where nothing was. */
  get(id) {
    return this.#all.get(id) ?? {};
  }

  set(id, draft) {
    if (draft.body || draft.replyTo || draft.edit) this.#all.set(id, draft);
    else if (!this.#all.delete(id)) return;
    keep(this.#key, [...this.#all]);
  }
}

/** Have the window keep `what` as `key` over a reload. */
export function keep(key, what) {
  try {
    sessionStorage.setItem(key, JSON.stringify(what));
  } catch {
    // There is no more room in the window's storage: it stays until the page is left.
  }
}
