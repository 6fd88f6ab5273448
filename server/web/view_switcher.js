// From anywhere to a room or a person: by the beginning of a name, or by its first letters.

import { blank, broken, waiting } from "./blank.js";
import { openDialog } from "./dialog.js";
import { avatar, face, make } from "./dom.js";
import { beginsWith } from "./mentions.js";
import { words } from "./words.js";

const PAUSE = 150;
const MOST_SHOWN = 12;

/** `chat` has store, calls, user, go(id) and create(room). */
export function showSwitcher({ store, calls, user, go, create }) {
  const { body, say, close } = openDialog(words.goTo, { id: "switcher" });
  const list = make("ul", { class: "found", id: "switcher-list", role: "listbox", "aria-label": words.goTo });
  const field = make("input", { type: "search", autocomplete: "off", maxLength: 64, placeholder: words.goToHint, role: "combobox",
    "aria-label": words.goTo, "aria-expanded": "true", "aria-controls": list.id, "aria-autocomplete": "list" });
  const beside = make("div", {});
  const told = make("p", { class: "unseen", role: "status" });
  let rows = [];
  let chosen = 0;
  let timer = 0;

  const draw = (state) => {
    list.replaceChildren(...rows.map(({ node }, index) => {
      node.id = `switcher-${index}`;
      node.setAttribute("aria-selected", `${index === chosen}`);
      return node;
    }));
    const none = rows.length || state ? "" : words.nobodyFound;
    beside.replaceChildren(...(none ? [blank("search", none)] : state ? [state] : []));
    told.textContent = rows.length ? words.foundCount(rows.length) : none;
    if (rows.length) field.setAttribute("aria-activedescendant", `switcher-${chosen}`);
    else field.removeAttribute("aria-activedescendant");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const take = async (row) => {
    try {
      await row?.act();
      if (row) close();
    } catch (error) {
      say(error);
    }
  };
  const rooms = (text) => store.sortedRooms().filter((room) => fits(room.name, text)).slice(0, MOST_SHOWN)
    .map((room) => rowOf(face(room, room.peer ?? room.id, room.name), room.name, roomHint(room), () => go(room.id)));
  const search = async (text) => {
    const known = rooms(text);
    let found;
    try {
      found = await calls.people(text);
    } catch (error) {
      if (field.value.trim() === text) draw(broken(error, () => search(text)));
      return;
    }
    if (field.value.trim() !== text) return;
    const peers = new Set([...store.rooms.values()].map((room) => room.peer));
    const people = found.filter(({ id }) => id !== user.id && !peers.has(id));
    rows = [...known, ...people.map((person) => rowOf(avatar(person.id, person.name || person.username), person.name || person.username, `@${person.username}`,
      () => create({ type: "direct", members: [person.id] })))];
    draw();
  };

  field.oninput = () => {
    clearTimeout(timer);
    const text = field.value.trim();
    rows = rooms(text);
    chosen = 0;
    draw(text && !rows.length ? waiting(2) : undefined);
    if (text) timer = setTimeout(() => search(text), PAUSE);
  };
  field.onkeydown = (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1 }[event.key];
    if (to !== undefined && rows.length) chosen = (to + rows.length) % rows.length;
    else if (event.key === "Enter") take(rows[chosen]);
    else return;
    event.preventDefault();
    if (rows.length) draw();
  };
  list.onclick = (event) => take(rows[[...list.children].indexOf(event.target.closest("[role=option]"))]);
  body.append(field, list, beside, told, make("p", { class: "hint" }, words.goToKeys));
  field.oninput();
  field.focus();
}

const fits = (name, text) => [name, name.replaceAll(" ", ""), ...name.split(" ")].some((part) => beginsWith(part, text));

const roomHint = ({ type, mode }) => (mode === "blind" ? words.blindMode : words[type]);

function rowOf(picture, name, hint, act) {
  const node = make("li", { role: "option" }, picture, make("span", { class: "what" }, make("strong", {}, name), make("span", { class: "preview" }, hint)));
  return { node, act };
}
