// The panel of a room's members: who they are, as what, and whether they are here; who may changes that.

import { broken, waiting } from "./blank.js";
import { shortTime } from "./calendar.js";
import { question } from "./dialog.js";
import { face, find, make, reconcile, tool } from "./dom.js";
import { may, mayRemove, ROLES, rolesFor } from "./may.js";
import { menuItem, openMenu } from "./menu.js";
import { PeopleSearch } from "./people_search.js";
import { toast } from "./toast.js";
import { explain, words } from "./words.js";

const MOST_SHOWN = 300;
const MANY = 20; // members, from which on one can look for a name

export class MembersPanel {
  #panel = find("members");
  #toggle = find("members-toggle");
  #room = null;
  #filter = make("input", { type: "search", autocomplete: "off", "aria-label": words.filterMembers, placeholder: words.filterMembers, oninput: () => this.draw() });
  #looking = make("form", { role: "search", hidden: true, onsubmit: (event) => event.preventDefault() }, this.#filter);
  #online = make("p", { class: "rest" });
  #present; // {online, members} of a crowded room, where that is known

  /** `calls` is RoomCalls, `blocks` Blocks; `opened(room)` when it is looked at. */
  constructor({ store, calls, blocks, opened }) {
    Object.assign(this, { store, calls, blocks, opened });
    this.people = new PeopleSearch({
      field: find("member-query"),
      list: find("member-found"),
      search: calls.people,
      choose: (person) => this.#add(this.#room, person),
      leaveOut: (id) => this.#room.members.has(id),
    });
    find("member-add").onsubmit = (event) => event.preventDefault();
    this.#toggle.onclick = () => this.show(this.#panel.hidden);
    find("member-list").before(this.#online, this.#looking);
    find("members-close").onclick = () => this.show(false);
    this.#panel.onkeydown = (event) => {
      if (event.key === "Escape" && !event.isComposing) this.show(false);
    };
  }

  get open() {
    return !this.#panel.hidden;
  }

  setRoom(room) {
    this.#room = room;
    this.people.clear();
    this.#filter.value = "";
    this.#present = undefined;
    find("members-error").textContent = "";
    if (!room || room.type === "direct") this.show(false);
    find("member-list").replaceChildren();
    this.#drawState(room?.members.size ? undefined : waiting(5));
  }

  show(open) {
    const closing = this.open && !open && this.#panel.contains(document.activeElement);
    const opening = open && !this.open;
    this.#panel.hidden = !open;
    this.#toggle.setAttribute("aria-expanded", `${open}`);
    if (closing) this.#toggle.focus();
    if (!open || !this.#room) return;
    this.opened(this.#room);
    this.draw();
    if (opening) find("members-close").focus();
  }

  /** Who is in the room was asked for: whether it came. */
  came(came) {
    const known = came || this.#room?.members.size;
    this.#drawState(known ? undefined : broken({ code: "unavailable" }, () => this.opened(this.#room)));
    if (this.open && this.#room?.crowded) this.#count(this.#room);
  }

  // Of a crowded room nobody is shown to be online, only how many are.
  async #count(room) {
    const presence = await this.calls.presence(room).catch(() => undefined);
    if (room !== this.#room) return;
    this.#present = presence;
    this.draw();
  }

  #aboutOnline() {
    const { crowded, mode, members, me } = this.#room;
    if (mode === "blind" || !members.size) return "";
    if (crowded) return this.#present ? words.onlineOf(this.#present.online, this.#present.members) : "";
    const isHere = (user) => user === me || (this.store.presenceIn(this.#room, user)?.state ?? "offline") !== "offline";
    return words.onlineOf([...members.keys()].filter(isHere).length, members.size);
  }

  #drawState(node) {
    find("members-state").replaceChildren(...(node ? [node] : []));
  }

  draw() {
    if (!this.open || !this.#room) return;
    find("member-add").hidden = !may("add", this.#room);
    const rank = (member) => ROLES.indexOf(member.role);
    this.#online.textContent = this.#aboutOnline();
    this.#looking.hidden = this.#room.members.size < MANY;
    const members = this.#found().sort((a, b) => rank(a) - rank(b) || nameOf(a).localeCompare(nameOf(b)));
    const rows = members.slice(0, MOST_SHOWN).map((member) => this.#row(member));
    reconcile(find("member-list"), rows, (row) => this.#build(row));
    const nobody = this.#room.members.size && !members.length ? words.nobodyFound : "";
    find("member-rest").textContent = members.length > MOST_SHOWN ? words.andMore(members.length - MOST_SHOWN) : nobody;
  }

  #found() {
    const text = this.#looking.hidden ? "" : this.#filter.value.trim().toLowerCase();
    const isMeant = ({ name = "", username = "", user }) => [name, username, user].some((each) => each.toLowerCase().includes(text));
    return [...this.#room.members.values()].filter(isMeant);
  }

  #row(member) {
    const room = this.#room;
    const mine = member.user === room.me;
    const { state, seen } = mine ? { state: "online", seen: words.online } : this.#presenceOf(member);
    const roles = rolesFor(room, member);
    const reveal = room.reveals.get(member.user);
    const row = { key: member.user, name: nameOf(member), role: member.role, group: member.group, reveal, mine, state, seen, roles, blocked: this.blocks.has(member.user), removable: mayRemove(room, member) };
    return { ...row, mark: JSON.stringify(row) };
  }

  // A crowded room makes nobody's presence known.
  #presenceOf({ user }) {
    if (this.#room.crowded) return {};
    const { state, last_seen: last } = this.store.presenceIn(this.#room, user) ?? { state: "offline" };
    return { state, seen: state === "offline" && last ? words.lastSeen(shortTime(last)) : words[state] };
  }

  #build(row) {
    const team = this.#room.type === "team";
    const tags = [row.mine && words.me, team && row.role !== "member" && words.roles[row.role], row.group && words.inGroup(row.group), row.blocked && words.isBlocked].filter(Boolean).join(", ");
    return make("li", {},
      make("span", { class: "face" }, face(this.#room, row.key, row.name), row.state && make("span", { class: `dot ${row.state}` })),
      make("span", { class: "what" }, make("strong", {}, row.name, tags && " ", tags && make("small", {}, tags)), row.seen && make("span", { class: "preview" }, row.seen), revealOf(row)),
      this.#buttonOf(row));
  }

  #buttonOf(row) {
    if (!this.#itemsOf(row).length) return undefined;
    return tool("more", words.more, ({ currentTarget }) => openMenu(currentTarget, this.#itemsOf(row)), row.name, { "aria-haspopup": "menu" });
  }

  #itemsOf(row) {
    const room = this.#room;
    const role = (each) => menuItem(words.roles[each], () => this.#do(() => this.calls.giveRole(room, row.key, each)), {
      role: "menuitemradio", "aria-checked": `${each === row.role}` });
    return [
      ...(row.roles.length > 1 ? row.roles.map(role) : []),
      ...this.#revealItems(row),
      ...(row.mine || room.mode === "blind" ? [] : [menuItem(...this.blocks.entry(row.key, row.name))]),
      ...(row.removable ? [menuItem(words.remove, () => this.#remove(row))] : []),
    ];
  }

  #revealItems({ key, mine, reveal }) {
    const room = this.#room;
    if (room.mode !== "blind" || mine || reveal?.mutual) return [];
    const act = async () => {
      if (!reveal && !(await question(words.revealQuestion(key), words.reveal))) return;
      const change = reveal ? this.calls.unreveal : this.calls.reveal;
      this.#do(() => change(room, key).then(() => this.opened(room)), room);
    };
    return [menuItem(reveal ? words.unreveal : words.reveal, act)];
  }

  // The room may be another one when the question is answered.
  async #remove(row, room = this.#room) {
    if (await question(words.removeQuestion(row.name), words.remove)) this.#do(() => this.calls.remove(room, row.key), room);
  }

  async #add(room, person) {
    await this.#do(() => this.calls.add(room, person.id));
    if (room === this.#room) this.people.clear();
  }

  async #do(change, room = this.#room) {
    find("members-error").textContent = "";
    await change().catch((error) => {
      if (room === this.#room) find("members-error").textContent = explain(error);
      else toast(explain(error));
    });
  }
}

const nameOf = (member) => member.name || member.username || words.somebody;

function revealOf({ reveal }) {
  if (!reveal) return undefined;
  const { person } = reveal;
  return make("span", { class: "reveal" }, person ? words.isReally(person.name || person.username, person.username) : words.revealWaits);
}
