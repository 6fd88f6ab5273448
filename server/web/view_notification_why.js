// What was decided about a notification, and what became of each attempt: why it came, or did not.

import { clockTime, dateTime, dayNumber } from "./calendar.js";
import { make, tool } from "./dom.js";
import "./notification_words.js";
import { explain, words } from "./words.js";

/** {button, node} about what is called `title`: what `load()`, a promise, gives is asked for when it is opened. */
export function whyOf(load, title) {
  const list = make("ul", { "aria-label": `${words.why}: ${title}` });
  const told = make("p", { class: "hint", role: "status" });
  const node = make("div", { class: "why", hidden: true }, told, list);
  const show = async ({ currentTarget: button }) => {
    node.hidden = !node.hidden;
    button.ariaExpanded = `${!node.hidden}`;
    if (node.hidden || list.childElementCount) return;
    told.textContent = words.loading;
    try {
      const entries = await load();
      list.replaceChildren(...entries.map(entryOf));
      told.textContent = entries.length ? "" : words.nothingHere;
    } catch (error) {
      told.textContent = explain(error); // it is asked for again when it is opened again
    }
  };
  return { button: tool("question", words.why, show, title, { "aria-expanded": "false" }), node };
}

function entryOf({ at, platform, status, reason, attempt, error }) {
  const became = words.becameOf[status] ?? status;
  const because = reason && (words.whyReasons[reason] ?? reason);
  const about = [because, error && error !== reason && error, attempt > 1 && words.attempt(attempt)].filter(Boolean).join(" · ");
  return make("li", {}, make("time", {}, when(Date.parse(at))), make("span", {}, make("strong", {}, `${words.platforms[platform] ?? platform}: ${became}`), about ? ` ${about}` : ""));
}

const when = (at) => (dayNumber(at) === dayNumber(Date.now()) ? clockTime(at) : dateTime(at));
