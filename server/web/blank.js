// What stands where there is nothing to show: not yet, nothing at all, or not to be had.

import { icon, make } from "./dom.js";
import { explain, words } from "./words.js";

/** As many grey lines as `rows`, while something loads. */
export function waiting(rows = 4) {
  return make("div", { class: "skeleton", role: "status", "aria-label": words.loading },
    ...Array.from({ length: rows }, () => make("i", { "aria-hidden": "true" })));
}

/** There is nothing: why, and what can be done about it. */
export function blank(picture, text, ...verbs) {
  return make("div", { class: "blank" }, icon(picture), make("p", {}, text), verbs.length ? make("div", { class: "verbs" }, ...verbs) : undefined);
}

/** It could not be had; `again()` tries once more. */
export function broken(error, again) {
  const button = make("button", { type: "button", class: "plain", onclick: again }, words.tryAgain);
  return make("div", { class: "blank failed", role: "alert" }, icon("cloud"), make("p", {}, explain(error)), button);
}
