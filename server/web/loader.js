// Fetching what a room holds: its newest page, older ones, its members.

const NEWEST_PAGE = 50;
const OLDER_PAGE = 100;
const LARGEST_PAGE = 200;
const TURNS = 5; // a page that is too old when it comes is asked for this often
const MOST_NAMED = 50; // rooms at the top of the list whose last sender is named

/** Each is a promise: whether it came. What did not is asked for again after the next welcome. */
export class Loader {
  #older = new Map(); // room -> the promise of the older page that is on its way
  #again = new Set(); // "room seq" that are asked for again
  #naming = false;
  #asked = new Set(); // "room sender": whose name was asked for

  constructor({ store, wire, http }) {
    Object.assign(this, { store, wire, http });
  }

  /** The newest page, large enough to begin before the first unread message. */
  async newest(room) {
    room.startLoading();
    const limit = Math.min(LARGEST_PAGE, Math.max(NEWEST_PAGE, room.unread + 20));
    const came = await this.#ask(room, { limit }, (page) => room.newestPage(page));
    if (!came) room.drop();
    return came;
  }

  // Whether a page came that was young enough to be taken in.
  async #ask(room, bounds, take) {
    try {
      for (let turn = 0; turn < TURNS; turn += 1) {
        if (take(await this.wire.ask({ t: "history", room: room.id, ...bounds }))) return true;
      }
    } catch {
      // Not connected, or no member any more: said elsewhere.
    }
    return false;
  }

  /** The newest replies in the thread of `root`, and the root, into `log`, which is a Room for them alone. */
  async thread(log, root, limit) {
    log.startLoading();
    const came = (await this.#ask(log, { thread: root, limit }, (page) => log.newestPage(page))) && (await this.#root(log, root));
    if (!came) log.drop();
    return came;
  }

  #root(log, root) {
    const { more } = log;
    return this.#ask(log, { before: root + 1, limit: 1 }, (page) => log.olderPage({ ...page, more }));
  }

  olderReplies(log, root, limit) {
    const [, first] = log.events;
    return this.#ask(log, { thread: root, before: first?.seq, limit }, (page) => log.olderPage(page));
  }

  /** The message `seq` as the server has it now. */
  async again(room, seq) {
    const key = `${room.id} ${seq}`;
    if (this.#again.has(key)) return false;
    this.#again.add(key);
    const came = await this.#ask(room, { before: seq + 1, limit: 1 }, (page) => room.freshPage(page));
    this.#again.delete(key);
    return came;
  }

  /** What is unread in the threads that this person takes part in. */
  async threads(room) {
    const page = await this.http("GET", `/chats/rooms/${room.id}/threads?mine=true`).catch(() => null);
    if (page) room.threads.page(page);
  }

  older(room, limit = OLDER_PAGE) {
    const known = this.#older.get(room);
    if (known) return known;
    const page = this.#page(room, limit).finally(() => this.#older.delete(room));
    this.#older.set(room, page);
    return page;
  }

  async #page(room, limit) {
    const first = room.events[0]?.seq;
    let gone = false; // dropped or reloaded meanwhile
    const take = (page) => {
      gone = room.events[0]?.seq !== first;
      return gone || room.olderPage(page);
    };
    return (await this.#ask(room, { before: first, limit }, take)) && !gone;
  }

  async members(room) {
    try {
      const { members, former, cursors } = await this.http("GET", `/chats/rooms/${room.id}`);
      this.store.setMembers(room, members, former);
      room.setCursors(cursors);
      if (room.mode === "blind") await this.reveals(room);
      return true;
    } catch {
      return false;
    }
  }

  /** To whom this person has consented in a blind room, and who they are. */
  async reveals(room) {
    const { items } = await this.http("GET", `/chats/rooms/${room.id}/reveals`);
    room.reveals = new Map(items.map((item) => [item.name, item]));
  }

  /** The list shows who spoke last, also in rooms never opened: their members are asked for, one room at a time. */
  async names(changed) {
    if (this.#naming) return;
    this.#naming = true;
    let room;
    while ((room = this.store.sortedRooms().slice(0, MOST_NAMED).find((each) => this.#isNameless(each)))) {
      this.#asked.add(`${room.id} ${room.last_message.sender}`);
      if (await this.members(room)) changed();
    }
    this.#naming = false;
  }

  #isNameless({ id, type, mode, last_message: last }) {
    return type !== "direct" && mode !== "blind" && last && !this.store.people.has(last.sender) && !this.#asked.has(`${id} ${last.sender}`);
  }
}
