// Building and keeping elements. Text always goes in as text, never as markup.

import { paintMask } from "./mask.js";
import { shape } from "./svg.js";

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
  for (const node of old.values()) removeRow(node);
}

// What had the focus in a row that goes gives it to the row beside.
function removeRow(node) {
  const held = node.contains(document.activeElement);
  const near = held && (node.nextElementSibling ?? node.previousElementSibling);
  const isRow = node === document.activeElement;
  node.remove();
  if (near) (isRow ? near : (near.querySelector("button") ?? near)).focus({ preventScroll: true });
}

/** A line drawing of those in the document, hidden from screen readers: the button it is in has a label. */
export const icon = (name) => shape("svg", { "aria-hidden": "true" }, shape("use", { href: `#icon-${name}` }));

/** A button that is a picture. `text` is its title, and with what it is `of` its label. */
export const tool = (picture, text, act, of, more) => make("button", { type: "button", class: "icon", title: text, "aria-label": of ? `${text}: ${of}` : text, onclick: act, ...more }, icon(picture));

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
