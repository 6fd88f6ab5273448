// One job: how far it is, how fast, what came of it for whom, and what can be done with it.

import { broken, waiting } from "./blank.js";
import { dateTime } from "./calendar.js";
import { Job } from "./campaign_job.js";
import { question } from "./dialog.js";
import { icon, make } from "./dom.js";
import { aboutOf, JobBar, nameOf, whoIs } from "./job_bar.js";
import { count, lasting, rate, share } from "./numbers.js";
import { bars, measured } from "./plots.js";
import { keys } from "./session.js";
import { toast } from "./toast.js";
import { bubbleOf } from "./view_audience.js";
import { resultsOf } from "./view_results.js";
import { explain, words } from "./words.js";

const ICONS = { pause: "pause", resume: "play", cancel: "close", resend: "again" };
const UNDONE = ["cancel", "resend"]; // asked first: they are not taken back

/** {node, title, live}; `go(hash)` leads elsewhere, `titled(text)` is told what the job is called. */
export function jobView({ calls, live, go, titled, me }, id) {
  const node = make("section", { class: "of-job" });
  let view = null;
  const load = async () => {
    node.replaceChildren(waiting(4));
    try {
      const now = await calls.job(id);
      view = new View(now, { calls, live, go, me });
      node.replaceChildren(...view.nodes);
      titled(nameOf(now));
      live.follow();
    } catch (error) {
      node.replaceChildren(broken(error, load));
    }
  };
  load();
  const renew = () => view?.renew() ?? Promise.resolve();
  const active = () => (view && !view.job.isOver ? [id] : []);
  return { node, title: words.job, live: { active, told: (frame) => frame.job === id && view?.told(frame), renew } };
}

class View {
  #keyOf = keys();

  constructor(now, { calls, live, go, me }) {
    Object.assign(this, { calls, live, go, me, job: new Job(now) });
    this.bar = new JobBar(this.job);
    this.error = make("p", { class: "error", role: "alert" });
    this.heard = make("p", { class: "unseen", role: "status" });
    this.why = make("p", { class: "hint" });
    this.verbs = make("div", { class: "verbs" });
    this.speed = make("figure", {});
    this.outcome = make("ul", { class: "measures" });
    this.facts = make("dl", { class: "facts" });
    this.results = resultsOf(calls, now.jobId);
    this.nodes = [
      make("div", { class: "card" }, make("div", { class: "head" }, make("p", { class: "hint" }, aboutOf(now)), this.bar.state),
        this.bar.bar, this.bar.figures, this.why, this.heard, this.verbs, this.error),
      make("div", { class: "halves" },
        make("div", { class: "card" }, make("h2", {}, words.outcome), this.outcome, this.speed),
        make("div", { class: "card" }, make("h2", {}, words.messageSent), bubbleOf(now.message, now.channel), this.facts)),
      this.results.node,
    ];
    this.draw();
  }

  draw() {
    const { job } = this;
    const { now } = job;
    this.bar.draw();
    this.why.textContent = now.reason ? (words.reasonsOf[now.reason] ?? now.reason) : "";
    this.why.hidden = !now.reason;
    this.#drawVerbs();
    const most = Math.max(now.totalUsers, 1);
    const told = (n) => `${count(n)} (${share(n, now.totalUsers)})`;
    this.outcome.replaceChildren(...Object.entries(job.outcome).map(([kind, n]) => measured(words.kinds[kind], n, most, told(n))));
    this.#drawSpeed();
    this.facts.replaceChildren(...this.#factsOf().flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  }

  #drawSpeed() {
    const { columns } = this.job.pace;
    const most = Math.max(...columns);
    this.speed.hidden = !most;
    if (this.speed.hidden) return;
    const text = words.speedOf(rate(columns.at(-1)), rate(most));
    this.speed.replaceChildren(make("figcaption", { class: "hint" }, text), bars(columns.map((each) => [each / most]), text));
  }

  #factsOf() {
    const { now, left, took } = this.job;
    const at = (time) => time && dateTime(Date.parse(time));
    return [
      [words.createdBy, whoIs(now.createdBy, this.me)], [words.createdAt, at(now.createdAt)], [words.scheduledAt, at(now.scheduledAt)],
      [words.startedAt, at(now.startedAt)], [words.completedAt, at(now.completedAt)], [words.duration, took && lasting(took)],
      [words.resentAs, now.resentAs && make("a", { href: `#/job/${now.resentAs}` }, now.resentAs)],
      [words.forecast, left && dateTime(Date.now() + left * 1_000)], [words.priority, words.priorities[now.priority]], [words.jobId, now.jobId],
    ].filter(([, value]) => value);
  }

  // A button that is there stays, for who has it under the finger.
  #drawVerbs() {
    const { verbs } = this.job;
    if (this.verbs.dataset.mark === `${verbs}`) return;
    const held = this.verbs.contains(document.activeElement);
    this.verbs.dataset.mark = `${verbs}`;
    this.verbs.replaceChildren(...verbs.map((verb) => make("button", { type: "button", class: "plain", onclick: ({ currentTarget }) => this.#direct(verb, currentTarget) }, icon(ICONS[verb]), ` ${words.jobVerbs[verb]}`)));
    if (held) (this.verbs.querySelector("button") ?? document.querySelector("h1")).focus();
  }

  async #direct(verb, button) {
    const { now } = this.job;
    if (button.ariaBusy || (UNDONE.includes(verb) && !(await question(words.verbQuestions[verb](count(this.#concerned(verb))), words.jobVerbs[verb])))) return;
    this.error.textContent = "";
    button.ariaBusy = "true";
    try {
      const data = await this.calls.direct(now.jobId, verb, verb === "resend" ? this.#keyOf(now.jobId) : undefined);
      if (verb !== "resend") return this.#become(data);
      toast(words.isResent(count(data.totalUsers)));
      this.go(`#/job/${data.jobId}`);
    } catch (error) {
      this.error.textContent = explain(error);
      await this.renew().catch(() => {}); // somebody else may have done something with it
    } finally {
      button.ariaBusy = null;
    }
  }

  #concerned(verb) {
    const { now, done } = this.job;
    return verb === "resend" ? now.failureCount : Math.max(0, now.totalUsers - done);
  }

  #become(now) {
    const before = this.job.now.status;
    this.job.become(now);
    this.#changed(before);
    this.draw();
  }

  told(frame) {
    const before = this.job.now.status;
    if (this.job.told(frame)) this.renew().catch(() => {});
    this.#changed(before);
    this.draw();
  }

  #changed(before) {
    const { status } = this.job.now;
    if (status === before) return;
    this.heard.textContent = words.jobStates[status];
    if (this.job.isOver) this.results.restart();
    this.live.follow();
  }

  async renew() {
    this.#become(await this.calls.job(this.job.now.jobId));
  }
}
