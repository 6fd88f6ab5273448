// Public rooms: found by name, page by page, and joined.

import { openDialog } from "./dialog.js";
import { avatar, make } from "./dom.js";
import { pagedList } from "./view_pages.js";
import { words } from "./words.js";

const PAUSE = 200;

/** `find(text, after)` gives {items, next?}; `join(id)` is a promise; `open(id)` goes to a room one is in. */
export function showChannels({ find, join, open }) {
  const { body, say, close } = openDialog(words.channels, { id: "channels" });
  const field = make("input", { type: "search", autocomplete: "off", maxLength: 64, placeholder: words.findChannels, "aria-label": words.findChannels });
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
  const list = pagedList({
    label: words.channels,
    load: (after) => find(field.value.trim(), after),
    partsOf: (room) => partsOf(room, () => go(room)),
    empty: words.noChannels,
    picture: "compass",
  });
  let timer = 0;
  field.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(list.restart, PAUSE);
  };
  body.append(field, list.node);
  field.focus();
}

function partsOf(room, act) {
  const verb = room.joined ? words.open : words.join;
  return [avatar(room.id, room.name),
    make("span", { class: "what" }, make("strong", {}, room.name, make("small", {}, ` ${words.memberCount(room.members)}`)),
      make("span", { class: "preview" }, room.description ?? "")),
    make("button", { type: "button", class: room.joined ? "plain small" : "primary small", "aria-label": `${verb}: ${room.name}`, onclick: act }, verb)];
}
