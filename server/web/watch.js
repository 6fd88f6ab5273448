// Whose presence is watched: the peers of direct rooms always, the members of one panel at a time.

const MOST_MEMBERS = 200; // the server takes 500 a connection, with those that a frame adds before it takes some away
const MOST_PEERS = 250;

export class Watch {
  #members = [];
  #peers = new Set(); // the latest last
  #room; // the blind room that they are of; undefined for the others

  constructor({ store, wire }) {
    Object.assign(this, { store, wire });
  }

  /** A new connection watches nobody yet. */
  renewed() {
    this.#members = [];
    this.#peers.clear();
    this.wire.tell({ t: "presence", watch: [this.store.me.id] });
    const direct = this.store.sortedRooms().filter((room) => room.peer);
    this.peersOf(direct.slice(0, MOST_PEERS).reverse());
  }

  peersOf(rooms) {
    const watch = rooms.map((room) => room.peer).filter((peer) => peer && !this.#peers.has(peer));
    if (!watch.length) return;
    for (const peer of watch) this.#peers.add(peer);
    const ended = [...this.#peers].slice(0, Math.max(0, this.#peers.size - MOST_PEERS));
    for (const peer of ended) this.#peers.delete(peer);
    const unwatch = ended.filter((peer) => !this.#members.includes(peer));
    for (const peer of unwatch) this.store.presence.delete(peer); // nobody will tell when it changes
    this.wire.tell({ t: "presence", watch, unwatch });
  }

  membersOf(room) {
    const others = [...room.members.keys()].filter((user) => user !== room.me && !this.#peers.has(user)).slice(0, MOST_MEMBERS);
    const unwatch = this.#members.filter((user) => !this.#peers.has(user)); // who became a peer is watched on
    if (unwatch.length) this.wire.tell({ t: "presence", room: this.#room, unwatch });
    this.#members = others;
    this.#room = room.mode === "blind" ? room.id : undefined;
    if (others.length) this.wire.tell({ t: "presence", room: this.#room, watch: others });
  }
}
