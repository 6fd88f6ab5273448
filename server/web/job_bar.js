// How far a job is: a bar, and the same in words.

import { dateTime } from "./calendar.js";
import { make } from "./dom.js";
import { count, lasting, rate, share } from "./numbers.js";
import { words } from "./words.js";

const TITLE = 40; // characters

/** What a job is called. */
export const nameOf = ({ title, message }) => title || [...message.replaceAll(/\s+/g, " ")].slice(0, TITLE).join("");

/** For whom it is, and by which way. */
export const aboutOf = ({ ageGroup, channel, advertising }) =>
  [ageGroup ? words.ageGroups[ageGroup] : words.namedPeople, words.channelNames[channel], advertising && words.isAdvertising].filter(Boolean).join(" · ");

/** Who that is; of others the server tells the id alone. */
export const whoIs = (id, me) => (id === me.id ? me.name || me.username : id);

export const chip = (status, names, kind = status) => make("span", { class: "chip", data: { status: kind } }, names[status] ?? status);

export class JobBar {
  /** `job` is a Job. */
  constructor(job) {
    this.job = job;
    this.state = make("span", { class: "chip" });
    this.bar = make("progress", { "aria-label": words.progressOf(nameOf(job.now)) });
    this.figures = make("p", { class: "figures" });
    this.draw();
  }

  draw() {
    const { now, reached } = this.job;
    this.state.dataset.status = now.status;
    say(this.state, words.jobStates[now.status] ?? now.status);
    this.bar.max = now.totalUsers || 1;
    this.bar.value = now.totalUsers ? reached : Number(this.job.isOver);
    this.bar.dataset.status = now.status;
    say(this.figures, this.#text());
  }

  #text() {
    const { now, reached, failed, left, took, isOver, isCounted, outcome } = this.job;
    if (now.status === "SCHEDULED") return words.beginsAt(dateTime(Date.parse(now.scheduledAt)), count(now.totalUsers));
    return [
      isCounted ? words.sentTo(count(outcome.reached), count(now.totalUsers)) : words.doneOf(count(reached), count(now.totalUsers), share(reached, now.totalUsers)),
      failed ? words.notReached(count(failed)) : "",
      outcome.skipped ? words.notMeant(count(outcome.skipped)) : "",
      ...(this.job.waits ? [words.waits] : [this.job.rate && words.perSecond(rate(this.job.rate)), left !== undefined && words.leftYet(lasting(left))]),
      isOver && took !== undefined && words.tookIt(lasting(took)),
    ].filter(Boolean).join(" · ");
  }
}

// What stands there already is not said anew to who listens.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
