// How broadcasts do, and why one went to whom it went: for admins.

import { blank, broken, waiting } from "./blank.js";
import { broadcastCalls } from "./broadcast_calls.js";
import { dateTime } from "./calendar.js";
import { make } from "./dom.js";
import { labelled } from "./fields.js";
import { bars, measured } from "./plots.js";
import { words } from "./words.js";

const MANY = 100; // more than there are of anything that has a name
const percent = (part) => `${Math.round(100 * part)} %`;
const named = (names, name) => names[name] ?? name;
// In the order in which they are named; what has no name comes last.
const ordered = (values, names) => Object.entries(values).sort(([a], [b]) => placeIn(names, a) - placeIn(names, b));
const placeIn = (names, name) => Object.keys(names).indexOf(name) + 1 || MANY;

/** A section of the dialog of admins; `http` as of RoomCalls. */
export function broadcastsView(http) {
  const calls = broadcastCalls(http);
  const figures = make("div", {});
  const place = make("div", { class: "cards" });
  const told = make("p", { class: "unseen", role: "status" });
  const known = make("datalist", { id: "own-broadcasts" });
  const broadcast = make("input", { name: "broadcast", required: true, maxLength: 64, autocomplete: "off", spellcheck: false });
  broadcast.setAttribute("list", known.id);
  const user = make("input", { name: "user", maxLength: 64, autocomplete: "off", autocapitalize: "none", spellcheck: false });
  const form = make("form", {}, make("div", { class: "pairs" }, labelled(words.broadcastId, broadcast), labelled(words.aboutWhom, user)), known,
    make("div", { class: "verbs" }, make("button", { class: "primary small" }, words.explainIt)));
  let turn = 0;
  const ask = async () => {
    const mine = ++turn;
    place.replaceChildren(waiting(3));
    told.textContent = "";
    const shown = await calls.explain(broadcast.value.trim(), user.value.trim()).then(explanation, (error) => (error.code === "conflict" ? blank("clock", words.notChosenYet) : broken(error, ask)));
    if (mine !== turn) return;
    place.replaceChildren(shown);
    told.textContent = shown.matches(".failed") ? "" : shown.querySelector("h3, p").textContent; // the rest is long
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    ask();
  };
  show(figures, calls);
  calls.sent().then(({ items }) => known.append(...items.map(({ id, at }) => make("option", { value: id, label: dateTime(at) }))), () => {}); // it can be written all the same
  return make("section", { class: "explain" }, figures, form, told, place);
}

async function show(place, calls) {
  place.replaceChildren(waiting(2));
  try {
    place.replaceChildren(...figuresOf(await calls.figures()));
  } catch (error) {
    place.replaceChildren(...(error.code === "not_found" ? [] : [broken(error, () => show(place, calls))])); // a server without figures
  }
}

function figuresOf({ days, broadcasts, recipients, read_rate: read, reply_rate: replied, goal, gini, exposure, daily }) {
  if (!broadcasts) return [blank("waves", words.noFigures(days))];
  const most = Math.max(...exposure, 1);
  const rate = (part, whole) => (whole ? part / whole : 0);
  return [
    make("h3", {}, words.responseOf(days)),
    make("p", {}, words.responseIs({ broadcasts, recipients, read: percent(read), replied: percent(replied), goal: percent(goal) })),
    bars(daily.map((day) => [rate(day.read, day.recipients), rate(day.replied, day.recipients)]), words.responsePlot, goal),
    make("h3", {}, words.exposure),
    gini === undefined ? "" : make("p", { class: "hint" }, words.giniIs(gini.toFixed(2))),
    make("ul", { class: "measures" }, ...exposure.map((count, index) => measured(words.exposed(index, index === exposure.length - 1), count, most, words.headCount(count)))),
  ];
}

function explanation({ strategy, counts, chosen, near, recipient_count: asked, took_ms: took, asked_about: about }) {
  const most = Math.max(...Object.values(counts), 1);
  const stages = { ...counts, chosen: chosen.length };
  const people = (title, all) => [make("h3", {}, `${title} (${all.length})`), make("div", { class: "cards" }, ...(all.length ? all.map(personOf) : [make("p", { class: "hint" }, words.nothingHere)]))];
  return make("section", {},
    ...(about ? [make("h3", {}, words.askedAbout), personOf(about)] : []),
    make("h3", {}, words.strategyIs(strategy.name)),
    make("ul", { class: "measures" }, ...strategy.scores.map(({ name, weight }) => measured(named(words.scores, name), weight, 1, percent(weight)))),
    make("h3", {}, words.stages), make("p", { class: "hint" }, words.stagesAbout(asked, took)),
    make("ul", { class: "measures" }, ...ordered(stages, words.stageNames).map(([name, count]) => measured(named(words.stageNames, name), count, most, words.headCount(count)))),
    ...people(words.chosenOnes, chosen), ...people(words.nearOnes, near));
}

function personOf({ user, why, total, scores, parts, status }) {
  const measures = (values, names) => make("ul", { class: "measures" }, ...ordered(values, names).map(([name, value]) => measured(named(names, name), value, 1, value.toFixed(2))));
  const about = [named(words.whys, why), status && named(words.statusOfOne, status)].filter(Boolean).join(" · ");
  return make("div", { class: "card", data: { user } },
    make("p", {}, make("strong", {}, user), make("small", {}, ` ${about}`)),
    make("ul", { class: "measures" }, measured(words.total, total, 1, total.toFixed(2))), measures(scores, words.scores),
    make("details", {}, make("summary", {}, words.parts), measures(parts, words.partNames)));
}
