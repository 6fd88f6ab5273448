// What was said, found again: in all rooms or in one, and led to.

import { blank } from "./blank.js";
import { dateTime } from "./calendar.js";
import { openDialog } from "./dialog.js";
import { face, make } from "./dom.js";
import { labelled } from "./fields.js";
import { pagedList } from "./view_pages.js";
import { words } from "./words.js";

const PAUSE = 250;
const DAY = 86_400_000;

/** `chat` has store, loader, calls, nameOf and lead(room, seq); `room` is the one that is open, or null. */
export function showSearch({ store, loader, calls, nameOf, lead }, room) {
  const { body, dialog, close } = openDialog(words.search, { id: "search" });
  dialog.classList.add("wide");
  const field = make("input", { type: "search", name: "q", maxLength: 200, autocomplete: "off", "aria-label": words.search, placeholder: words.searchHint });
  const rooms = make("select", { name: "room" }, make("option", { value: "" }, words.allRooms),
    ...store.sortedRooms().map(({ id, name }) => make("option", { value: id, selected: id === room?.id }, name)));
  const people = make("select", { name: "from" });
  const kinds = make("select", { name: "kind" }, ...Object.entries(words.searchKinds).map(([value, text]) => make("option", { value }, text)));
  const [since, until] = ["since", "until"].map((name) => make("input", { type: "date", name }));
  const form = make("form", { role: "search" }, field, make("div", { class: "filters" }, labelled(words.where, rooms), labelled(words.from, people),
    labelled(words.what, kinds), labelled(words.since, since), labelled(words.until, until)));
  const place = make("div", {});
  let timer = 0;

  const offer = (members) => {
    people.replaceChildren(make("option", { value: "" }, words.anybody), ...members.map(({ user, name, username }) => make("option", { value: user }, name || username || user)));
    people.disabled = !members.length;
  };
  const drawPeople = async () => {
    const id = rooms.value;
    const where = store.rooms.get(id);
    offer([]);
    if (where && !where.members.size) await loader.members(where);
    if (rooms.value === id) offer([...(where?.members.values() ?? [])]);
  };
  const row = ({ room: id, message, excerpt }) => {
    const where = store.rooms.get(id);
    const go = () => {
      close();
      lead(id, message.seq);
    };
    const name = where ? nameOf(where, message.sender, message.name) : words.somebody;
    return [make("button", { type: "button", onclick: go }, where ? face(where, message.sender, name) : undefined,
      make("span", { class: "what" }, make("strong", {}, name, make("small", {}, ` ${where?.name ?? ""} · ${dateTime(message.at)}`)), excerptOf(excerpt, message)))];
  };
  const find = () => {
    const query = queryOf(form.elements);
    if (!query) return place.replaceChildren(blank("search", words.searchAbout));
    return place.replaceChildren(pagedList({
      label: words.search,
      load: (after) => found(calls, query, after),
      partsOf: row,
      empty: words.nothingFound,
      picture: "search",
    }).node);
  };
  rooms.onchange = drawPeople;
  form.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE);
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    clearTimeout(timer);
    find();
  };
  body.append(form, place);
  drawPeople();
  find();
  field.focus();
}

// A page may be empty and yet another follow: as many as that are asked for at once.
async function found(calls, query, after) {
  let page = await calls.search(query, after);
  for (let turn = 0; turn < 5 && !page.items.length && page.next; turn += 1) page = await calls.search(query, page.next);
  return page;
}

function queryOf({ q, room, from, kind, since, until }) {
  const query = { q: q.value.trim(), room: room.value, from: from.value };
  if (kind.value === "any") query.has = "file";
  else query.kind = kind.value;
  if (since.value) query.since = `${startOf(since.value)}`;
  if (until.value) query.until = `${startOf(until.value) + DAY - 1}`;
  const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value));
  return given.q || given.from || given.kind || given.has ? given : null;
}

const startOf = (date) => new Date(`${date}T00:00:00`).getTime();

// The places of the words are code points.
function excerptOf({ text, marks, cut_before: before, cut_after: after }, { kind }) {
  const points = [...text];
  const parts = [];
  let end = 0;
  for (const [from, to] of marks) {
    parts.push(points.slice(end, from).join(""), make("mark", {}, points.slice(from, to).join("")));
    end = to;
  }
  parts.push(points.slice(end).join(""));
  return make("span", { class: "said", dir: "auto" }, before ? "…" : "", ...parts.filter(Boolean), after ? "…" : "", text ? "" : (words.kinds[kind] ?? ""));
}
