// Whom a campaign would reach, were it sent now, and how it reads.

import { make } from "./dom.js";
import { nodesOf, spansOf } from "./markup.js";
import { count, lasting, price } from "./numbers.js";
import { secondsOf } from "./pace.js";
import { measured } from "./plots.js";
import { words } from "./words.js";

/** A message as its recipients read it: in the app with its markup, elsewhere as it is. */
export const bubbleOf = (message, channel) => make("div", { class: "bubble", dir: "auto" }, ...(channel === "in_app" ? nodesOf(spansOf(message), make) : [message]));

/** {node, say(message, channel), become(found, campaign), outdated()}. */
export function previewOf() {
  const bubble = make("div", {});
  const found = make("div", { class: "audience", role: "status" });
  const say = (message, channel) => bubble.replaceChildren(message ? bubbleOf(message, channel) : make("p", { class: "hint" }, words.nothingWritten));
  const outdated = () => (found.dataset.old = "");
  const become = (now, campaign) => {
    delete found.dataset.old;
    found.replaceChildren(...partsOf(now, campaign));
  };
  found.append(make("p", { class: "hint" }, words.notLookedAt));
  return { node: make("aside", { class: "card", "aria-label": words.preview }, make("h2", {}, words.howItReads), bubble, make("h2", {}, words.whoGetsIt), found), say, become, outdated };
}

function partsOf(found, campaign) {
  const { totalUsers: reached, sample, leftOut } = found;
  const without = Object.entries(leftOut);
  const most = Math.max(reached, ...Object.values(leftOut), 1);
  return [
    make("p", { class: "large" }, words.reaches(count(reached))),
    make("p", {}, [costOf(found, campaign), words.takesAbout(lasting(secondsOf(found.estimatedDuration)))].join(" · ")),
    ...(without.length ? [make("h3", {}, words.leftOut), make("ul", { class: "measures" }, ...without.map(([reason, n]) => measured(words.reasonsOf[reason] ?? reason, n, most, words.people(count(n)))))] : []),
    ...(sample.length ? [make("h3", {}, words.forInstance), make("p", { class: "sample" }, sample.join(", "))] : []),
  ];
}

/** What it costs, in words. */
export function costOf({ cost }, { channel }) {
  if (channel === "in_app" || !cost.total) return words.costsNothing;
  return words.costs(price(cost.total, cost.currency), price(cost.perMessage, cost.currency));
}
