// What is unread in the threads of one room, for the one who takes part in them. Pure.

export class Threads {
  #unread = new Map(); // root -> {count, upto}
  #mine = new Set(); // roots of threads that this person takes part in

  /** A page of `GET …/threads?mine=true`. */
  page({ items, upto }) {
    for (const { root, unread } of items) {
      this.#mine.add(root.seq);
      this.count(root.seq, unread, upto);
    }
  }

  /** The server counts `unread` in the thread of `root` as of `upto`. */
  count(root, unread, upto) {
    const known = this.#unread.get(root);
    if (known && known.upto > upto) return;
    this.#unread.set(root, { count: unread, upto });
  }

  /** A message of the room, by which a thread may come to be unread, or read. */
  happened({ seq, thread, sender, mentions = [] }, { me, root }) {
    if (!thread) return;
    if (sender === me || root?.sender === me || mentions.some((user) => user === me || user === "@here")) this.#mine.add(thread);
    const known = this.#unread.get(thread) ?? { count: 0, upto: 0 };
    if (seq <= known.upto) return;
    if (sender === me) this.#unread.set(thread, { count: 0, upto: seq });
    else if (this.#mine.has(thread)) this.#unread.set(thread, { count: known.count + 1, upto: seq });
  }

  unreadIn(root) {
    return this.#unread.get(root)?.count ?? 0;
  }
}
