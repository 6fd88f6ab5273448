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
      const made = build(row);
      made.dataset.key = row.key;
      made.dataset.mark = row.mark;
      if (node) {
        if (node === place) place = made;
        node.replaceWith(made);
      }
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
  more: "M6 12h.01M12 12h.01M18 12h.01",
  compass: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM16 8l-2.500 5.500L8 16l2.500-5.500z",
  pin: "M8 4h8M9 4v6l-2 4v2h10v-2l-2-4V4M12 16v5",
  reply: "M9 6l-5 5 5 5M4 11h9c4 0 7 2 7 7",
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
