// The audit log: who did what, when, from where and about how many, newest first.

import { dateTime } from "./calendar.js";
import { make } from "./dom.js";
import { labelled } from "./fields.js";
import { whoIs } from "./job_bar.js";
import { count } from "./numbers.js";
import { pagedList } from "./view_pages.js";
import { words } from "./words.js";

const HASH = 12; // digits that are shown

/** {node, title}. */
export function auditView({ calls, me }) {
  let sought = {};
  const list = pagedList({ label: words.audit, load: (after) => calls.audit(sought, after), partsOf: (entry) => [entryOf(me, entry)], empty: words.noEntries, picture: "shield" });
  const actor = make("input", { name: "actor", type: "search", maxLength: 64, autocomplete: "off", autocapitalize: "none", spellcheck: false });
  const action = make("select", { name: "action" }, ...Object.entries({ "": words.allStates, ...words.actions }).map(([value, text]) => make("option", { value, title: value }, text)));
  const form = make("form", { class: "bar filters-of-audit" }, labelled(words.auditAction, action), labelled(words.auditActor, actor),
    labelled(words.auditSince, make("input", { name: "since", type: "datetime-local" })), make("button", { class: "plain" }, words.show));
  form.onsubmit = (event) => {
    event.preventDefault();
    const { since } = form.elements;
    sought = { action: action.value, actor: actor.value.trim(), since: since.value && Date.parse(since.value) };
    list.restart();
  };
  return { node: make("section", {}, make("p", { class: "hint" }, words.aboutAudit), form, list.node), title: words.audit };
}

function entryOf(me, { number, at, action, actor, subject, room, address, count: many, details, hash }) {
  const { job, ...rest } = details;
  const about = [dateTime(at), address, room, many !== undefined && words.concerned(count(many)), ...Object.entries(rest).map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)];
  return make("article", { class: "card entry", data: { action } },
    make("p", {}, make("strong", {}, words.actions[action] ?? action), " ", make("span", {}, [actor ? whoIs(actor, me) : words.theServer, subject && whoIs(subject, me)].filter(Boolean).join(" → "))),
    make("p", { class: "hint" }, about.filter(Boolean).join(" · "), " · ", make("code", {}, `#${number} ${hash.slice(0, HASH)}`), ...(job ? [" · ", make("a", { href: `#/job/${job}` }, words.job)] : [])));
}
