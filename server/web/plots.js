// Small plots. What they show stands in words beside them, for those who do not see it.

import { make } from "./dom.js";
import { shape } from "./svg.js";

const [STEP, BAR, HEIGHT] = [10, 8, 60];

/** One bar for each list of `columns`, its parts one behind the other, each from 0 to 1; `line` is drawn across at that height. */
export function bars(columns, label, line) {
  const plot = shape("svg", { viewBox: `0 0 ${columns.length * STEP} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label, class: "plot" });
  columns.forEach((parts, index) => parts.forEach((part, place) => plot.append(shape("rect", { x: index * STEP + 1, y: HEIGHT * (1 - part), width: BAR, height: HEIGHT * part, class: `part-${place}` }))));
  if (line !== undefined) plot.append(shape("path", { d: `M0 ${HEIGHT * (1 - line)}h${columns.length * STEP}`, class: "goal" }));
  return plot;
}

/** A line with its name, a bar from 0 to `most`, and what it says. */
export function measured(name, value, most, text) {
  return make("li", { class: "measured" }, make("span", {}, name), make("meter", { max: most || 1, value, "aria-label": `${name}: ${text}` }), make("span", { class: "time" }, text));
}
