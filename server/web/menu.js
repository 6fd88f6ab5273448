// A small menu beside what it belongs to: one at a time, walked with the arrow keys.

import { find, icon, make } from "./dom.js";

const GAP = 8; // pixels from the edges of the window
const menu = () => find("actions");
let opener = null;

/** Show `nodes` beside `button`; the focus goes to the first item, and back to the button with Escape. */
export function openMenu(button, nodes) {
  const node = menu();
  node.replaceChildren(...nodes.filter(Boolean));
  node.onkeydown = walk;
  node.showPopover();
  tellOf(button, node);
  Object.assign(node.style, { left: "0", top: "0" }); // as wide as its words: where it was last, there may be less room
  const { width, height } = node.getBoundingClientRect();
  const at = button.getBoundingClientRect();
  const left = Math.min(at.left, innerWidth - width - GAP);
  const top = at.bottom + height + GAP > innerHeight ? at.top - height : at.bottom;
  Object.assign(node.style, { left: `${Math.max(GAP, left)}px`, top: `${Math.max(GAP, top)}px` });
  node.querySelector("button").focus();
}

/** One line of a menu, which closes when it is chosen. */
export function menuItem(text, act, properties = {}) {
  const chosen = () => {
    menu().hidePopover();
    act();
  };
  return make("button", { type: "button", role: "menuitem", onclick: chosen, ...properties }, ...[text].flat());
}

/** One with a picture; `grave`: it is not easily taken back. */
export const menuLine = (picture, text, act, grave = false) => menuItem([icon(picture), text], act, { class: grave ? "grave" : undefined });

// The button says that what it opens is open.
function tellOf(button, node) {
  opener?.setAttribute("aria-expanded", "false");
  opener = button;
  button.setAttribute("aria-expanded", "true");
  node.ontoggle = ({ newState }) => newState === "closed" && button.setAttribute("aria-expanded", "false");
}

function walk(event) {
  if (event.key === "Tab") return menu().hidePopover(); // and on from the button
  const items = [...menu().querySelectorAll("button")];
  const index = items.indexOf(document.activeElement);
  const to = { ArrowDown: index + 1, ArrowRight: index + 1, ArrowUp: index - 1, ArrowLeft: index - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to === undefined) return undefined;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
  return undefined;
}
