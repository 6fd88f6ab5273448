// Fields of forms with what they are called.

import { make } from "./dom.js";

export const labelled = (text, field) => make("label", {}, make("span", {}, text), field);

/** One of `choices` ({value: text}); `act(value)` when another is chosen. */
export function tabs(name, label, choices, chosen, act = () => {}) {
  const choice = ([value, text]) => make("label", {},
    make("input", { type: "radio", name, value, checked: value === chosen, onchange: () => act(value) }), make("span", {}, text));
  return make("div", { class: "tabs", role: "radiogroup", "aria-label": label }, ...Object.entries(choices).map(choice));
}
