// Public rooms: found by name, page by page, and joined.

import { openDialog } from "./dialog.js";
import { avatar, make } from "./dom.js";
import { words } from "./words.js";

const PAUSE = 200;
const MOST_SHOWN = 400;

/** `find(text, after)` gives {items, next?}; `join(id)` is a promise; `open(id)` goes to a room one is in. */
export function showChannels({ find, join, open }) {
  const { body, say, close } = openDialog(words.channels, { id: "channels" });
  const field = make("input", { type: "search", autocomplete: "off", maxLength: 64, placeholder: words.findChannels, "aria-label": words.findChannels });
  const list = make("ul", { class: "found", "aria-label": words.channels });
  const further = make("button", { type: "button", class: "plain", hidden: true }, words.showMore);
  const empty = make("p", { class: "empty", hidden: true }, words.noChannels);
  body.append(field, list, empty, further);
  let timer = 0;
  let turn = 0;
  let next;

  const go = async (room) => {
    say();
    try {
      if (!room.joined) await join(room.id);
      close();
      open(room.id);
    } catch (error) {
      say(error);
    }
  };

  const load = async (after) => {
    const mine = ++turn;
    const page = await find(field.value.trim(), after).catch(say);
    if (!page?.items || mine !== turn) return;
    const rows = page.items.map((room) => row(room, () => go(room)));
    if (after) list.append(...rows);
    else list.replaceChildren(...rows);
    next = list.children.length < MOST_SHOWN ? page.next : undefined;
    further.hidden = !next;
    empty.hidden = list.children.length > 0;
    if (after) rows[0]?.querySelector("button").focus();
  };

  field.oninput = () => {
    turn += 1; // what is on its way is of another text
    further.hidden = true;
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE);
  };
  further.onclick = () => load(next);
  load();
}

function row(room, act) {
  const verb = room.joined ? words.open : words.join;
  return make("li", {}, avatar(room.id, room.name),
    make("span", { class: "what" }, make("strong", {}, room.name, make("small", {}, ` ${words.memberCount(room.members)}`)),
      make("span", { class: "preview" }, room.description ?? "")),
    make("button", { type: "button", class: room.joined ? "plain" : "primary small", "aria-label": `${verb}: ${room.name}`, onclick: act }, verb));
}
