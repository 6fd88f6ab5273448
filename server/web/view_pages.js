// A list that comes page by page: waited for, empty, or not to be had.

import { blank, broken, waiting } from "./blank.js";
import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { words } from "./words.js";

const MOST_SHOWN = 1_000;

/**
 * A list whose items come from `load(after)`, a promise of {items, next?}; `partsOf(item)` makes the content of one, `empty`, or what it gives, says why there is none.
 * Returns {node, restart(), recount(), add(item)}: recount after a row was taken away; add puts one on top.
 */
export function pagedList({ label, load, partsOf, empty = words.nothingHere, picture = "inbox" }) {
  const list = make("ul", { class: "found", "aria-label": label });
  const place = make("div", {});
  const told = make("div", { role: "status" });
  const further = make("button", { type: "button", class: "plain", hidden: true }, words.showMore);
  let turn = 0;
  let none;
  const recount = () => {
    const count = list.children.length;
    place.replaceChildren();
    told.className = count ? "unseen" : "";
    told.replaceChildren(count ? words.foundCount(count) : blank(picture, none));
  };

  const add = (item) => {
    list.prepend(make("li", {}, ...partsOf(item)));
    if (!place.querySelector(".skeleton, .failed")) recount();
  };

  const more = async (after) => {
    const mine = ++turn;
    if (after === undefined) list.replaceChildren();
    further.hidden = true;
    list.ariaBusy = "true";
    told.textContent = "";
    place.replaceChildren(waiting(after === undefined ? 4 : 1));
    let page;
    try {
      page = await load(after);
    } catch (error) {
      if (mine !== turn) return;
      list.ariaBusy = "false";
      place.replaceChildren(broken(error, () => more(after)));
      return;
    }
    if (mine !== turn) return;
    const rows = page.items.map((item) => make("li", {}, ...partsOf(item)));
    list.append(...rows);
    list.ariaBusy = "false";
    none = page.next !== undefined ? words.notThrough : typeof empty === "function" ? empty() : empty;
    recount();
    further.hidden = page.next === undefined || list.children.length >= MOST_SHOWN;
    further.onclick = () => more(page.next);
    if (after !== undefined) rows[0]?.querySelector("button")?.focus();
  };
  more();
  return { node: make("div", {}, list, place, told, make("div", { class: "verbs" }, further)), restart: () => more(), recount, add };
}

/** A dialog with such a list. Returns what closes it. */
export function showPages(title, id, load, partsOf) {
  const { body, close } = openDialog(title, { id });
  body.append(pagedList({ label: title, load, partsOf }).node);
  return close;
}
