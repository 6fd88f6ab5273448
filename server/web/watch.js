// Whose presence is watched: the peers of direct rooms always, the members of one panel at a time.

const MOST_MEMBERS = 200; // the server takes more, but for peers there must be room

export class Watch {
  #members = [];
  #room; // the blind room that they are of; undefined for the others

  constructor({ store, wire }) {
    Object.assign(this, { store, wire });
  }

  /** A new connection watches nobody yet. */
  renewed() {
    this.#members = [];
    this.peersOf([...this.store.rooms.values(), { peer: this.store.me.id }]);
  }

  peersOf(rooms) {
    const peers = rooms.map((room) => room.peer).filter(Boolean);
    if (peers.length) this.wire.tell({ t: "presence", watch: peers });
  }

  membersOf(room) {
    const peers = new Set([...this.store.rooms.values()].map((each) => each.peer));
    const others = [...room.members.keys()].filter((user) => user !== room.me && !peers.has(user)).slice(0, MOST_MEMBERS);
    if (this.#members.length) this.wire.tell({ t: "presence", room: this.#room, unwatch: this.#members });
    this.#members = others;
    this.#room = room.mode === "blind" ? room.id : undefined;
    if (others.length) this.wire.tell({ t: "presence", room: this.#room, watch: others });
  }
}
