// What is said in passing, above everything else.

import { find } from "./dom.js";

const SHOWN = 5_000;
let timer = 0;

/** Say `text` for a moment, to those who see and those who hear. */
export function toast(text) {
  const node = find("toast");
  clearTimeout(timer);
  node.hidePopover();
  node.textContent = text;
  if (!text) return;
  node.showPopover();
  timer = setTimeout(() => node.hidePopover(), SHOWN);
}
