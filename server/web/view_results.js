// What became of the recipients of a job, one by one: by status, and as a file.

import { dateTime } from "./calendar.js";
import { icon, make } from "./dom.js";
import { labelled } from "./fields.js";
import { chip } from "./job_bar.js";
import { toast } from "./toast.js";
import { pagedList } from "./view_pages.js";
import { explain, words } from "./words.js";

const TURNS = 20; // pages with few or none of that status, at most
const FULL = 50; // people

/** {node, restart()}. */
export function resultsOf(calls, job) {
  const chosen = make("select", {}, ...Object.entries({ "": words.allStates, ...words.recipientStates }).map(([value, text]) => make("option", { value }, text)));
  const load = async (after) => {
    const items = [];
    let next = after;
    for (let turn = 0; turn < TURNS && items.length < FULL && (!turn || next !== undefined); turn += 1) {
      const page = await calls.results(job, chosen.value, next);
      items.push(...page.items);
      next = page.next;
    }
    return { items, next };
  };
  const list = pagedList({ label: words.results, load, partsOf, empty: words.noResults, picture: "people" });
  chosen.onchange = list.restart;
  const file = make("button", { type: "button", class: "plain" }, icon("download"), ` ${words.resultsFile}`);
  const renew = make("button", { type: "button", class: "plain", onclick: list.restart }, icon("again"), ` ${words.renew}`);
  file.onclick = async () => {
    if (file.ariaBusy) return;
    file.ariaBusy = "true";
    await calls.file(job).then((content) => keep(content, `campaign-${job}.csv`), (error) => toast(explain(error)));
    file.ariaBusy = null;
  };
  const node = make("section", { class: "card results" }, make("h2", {}, words.results), make("div", { class: "bar" }, labelled(words.filterState, chosen), make("div", { class: "verbs" }, renew, file)), list.node);
  return { node, restart: list.restart };
}

function partsOf({ userId, status, reason, attempt, at, providerId }) {
  const about = [reason && (words.reasonsOf[reason] ?? reason), attempt > 1 && words.attempts(attempt), at && dateTime(Date.parse(at)), providerId].filter(Boolean).join(" · ");
  return [make("span", { class: "what" }, make("strong", {}, userId), make("small", {}, about)), chip(status, words.recipientStates)];
}

function keep(content, name) {
  const link = make("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
