// Building and keeping elements. Text always goes in as text, never as markup.

import { paintMask } from "./mask.js";

export const find = (id) => document.getElementById(id);

/** A new element: properties by name, `class`, `data` and aria-… as attributes, then children. */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
  return node;
}

/** Make `list` show `rows` ({key, mark}): an element is made anew only when its mark has changed. */
export function reconcile(list, rows, build) {
  const old = new Map();
  for (const node of list.children) old.set(node.dataset.key, node);
  let place = list.firstElementChild;
  for (const row of rows) {
    let node = old.get(row.key);
    old.delete(row.key);
    if (!node || node.dataset.mark !== row.mark) {
      const held = node?.contains(document.activeElement) ? [...node.querySelectorAll("button")].indexOf(document.activeElement) : undefined;
      const made = build(row);
      made.dataset.key = row.key;
      made.dataset.mark = row.mark;
      if (node) {
        if (node === place) place = made;
        node.replaceWith(made);
      }
      if (held !== undefined) (made.querySelectorAll("button")[held] ?? made).focus({ preventScroll: true });
      node = made;
    }
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

const ICONS = {
  plus: "M12 5v14M5 12h14",
  leave: "M10 5H5v14h5M14 8l4 4-4 4M9 12h9",
  back: "M15 5l-7 7 7 7",
  people: "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3 19c0-3 3-5 6-5s6 2 6 5M16 11a2.5 2.5 0 1 0-1-5M17 14c2.500 0 4 2 4 4",
  close: "M6 6l12 12M18 6L6 18",
  send: "M5 12h13M12 5l7 7-7 7",
  more: "M5.500 11h1v2h-1zM11.500 11h1v2h-1zM17.500 11h1v2h-1z",
  compass: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM16 8l-2.500 5.500L8 16l2.500-5.500z",
  pin: "M8 4h8M9 4v6l-2 4v2h10v-2l-2-4V4M12 16v5",
  reply: "M9 6l-5 5 5 5M4 11h9c4 0 7 2 7 7",
  thread: "M5 5h14v10H11l-4 4v-4H5zM9 9h6M9 12h3",
  bubble: "M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-7l-5 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
  inbox: "M4 13l3-8h10l3 8v6H4zM4 13h5l1 2h4l1-2h5",
  cloud: "M7 18h10a4 4 0 0 0 .5-8A6 6 0 0 0 6 9a4.500 4.500 0 0 0 1 9zM12 9v4M12 15.500h.01",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4 4",
  keyboard: "M3 7h18v10H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10",
  gear: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 4v2M12 18v2M4 12h2M18 12h2M6.300 6.300l1.400 1.400M16.300 16.300l1.400 1.400M6.300 17.700l1.400-1.400M16.300 7.700l1.400-1.400",
  block: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM6.500 6.500l11 11",
  shield: "M12 4l7 2.500v5c0 4-3 7-7 8.500-4-1.500-7-4.500-7-8.500v-5z",
  mask: "M4 8c5-2.500 11-2.500 16 0 .5 5-2 10-5 10-1.500 0-2-1.500-3-1.500S10.500 18 9 18c-3 0-5.500-5-5-10zM8 11.500h2M14 11.500h2",
  muted: "M7 16V11a5 5 0 0 1 7.500-4.300M17 10v6M5 17h12M10.500 20h3M4 4l16 16",
  archive: "M4 5h16v4H4zM6 9v10h12V9M10 13h4",
  globe: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM4 12h16M12 4c-5 5-5 11 0 16 5-5 5-11 0-16z",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  smile: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM9 10h.01M15 10h.01M8.500 14c1.500 2.500 5.500 2.500 7 0",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 8v4l3 2",
  unread: "M5 6h9M5 11h14M5 16h10M19 7.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3z",
  flag: "M6 20V5M6 5h11l-2 4 2 4H6",
  pen: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  bin: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
};

/** A line drawing, hidden from screen readers: the button it is in has a label. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  picture.append(path);
  return picture;
}

/** A small picture that says `text` to those who do not see it. */
export const markOf = (picture, text) => make("small", { class: "mark", title: text }, icon(picture), make("span", { class: "unseen" }, text));

export function fillIcons(root) {
  for (const node of root.querySelectorAll("[data-icon]")) node.append(icon(node.dataset.icon));
}

/** Paint an avatar: the first letter of a name on a colour that belongs to the id. */
export function paintAvatar(node, id, name) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 8;
  node.textContent = [...name.trim()][0]?.toUpperCase() ?? "?";
  node.dataset.hue = sum;
  return node;
}

/** The face of `user` in `room`: a mask where it is blind. */
export function paintFace(node, room, user, name) {
  node.classList.remove("mask");
  return room.mode === "blind" ? paintMask(node, `${room.id} ${user}`) : paintAvatar(node, user, name);
}

export const face = (room, user, name) => paintFace(make("span", { class: "avatar", "aria-hidden": "true" }), room, user, name);
export const avatar = (id, name) => paintAvatar(make("span", { class: "avatar", "aria-hidden": "true" }), id, name);
