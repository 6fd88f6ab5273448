// What is said in passing, above everything else.

import { make } from "./dom.js";

const SHOWN = 5_000;
let shown = null;

/** Say `text` for a moment, to those who see and those who hear. */
export function toast(text) {
  shown?.remove();
  shown = null;
  if (!text) return;
  const node = (shown = make("div", { id: "toast", popover: "manual", role: "alert" }));
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1); // what is outside of it is not to be heard
  show(node, dialog ?? document.body);
  dialog?.addEventListener("close", () => node === shown && show(node, document.body)); // it stays when that is gone
  node.textContent = text;
  setTimeout(() => node === shown && toast(""), SHOWN);
}

function show(node, place) {
  place.append(node);
  node.showPopover();
}
