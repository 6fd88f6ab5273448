// One job, as far as it is known: what the server was asked, and what it told since. Pure.

import { Pace, secondsOf } from "./pace.js";

const OVER = ["COMPLETED", "PARTIALLY_FAILED", "FAILED", "CANCELLED"];
const RUNS = ["IN_PROGRESS", "PROCESSING_BATCH", "SENDING_MESSAGES"];
const STILL = 10_000; // milliseconds without anybody settled: then it waits for something
const COUNTS = ["successCount", "failureCount", "unknownCount", "skippedCount"];

export const STATES = ["CREATED", "SCHEDULED", ...RUNS, "PAUSED", ...OVER];
export const KINDS = { successCount: "reached", failureCount: "failed", unknownCount: "unknown", skippedCount: "skipped" };

const countedOf = (now) => COUNTS.reduce((sum, name) => sum + now[name], 0);

export class Job {
  pace = new Pace();
  done = 0;
  failed = 0;
  #heardAt = 0;
  #movedAt = 0;

  constructor(now, at) {
    this.become(now, at);
  }

  /** `now` is a job as the server shows it. What only grows may be known better already. */
  become(now, at = Date.now()) {
    const status = this.isOver ? this.now.status : now.status; // an answer can be older than a frame
    this.now = { ...now, status };
    this.#reach(countedOf(now), now.failureCount + now.unknownCount, at);
  }

  /** Whether it has another status now. */
  told({ status, total, done, failed }, at = Date.now()) {
    const before = this.now.status;
    if (!this.isOver) this.now = { ...this.now, status, totalUsers: total };
    this.#reach(done, failed, at);
    return this.now.status !== before;
  }

  #reach(done, failed, at) {
    if (!this.#movedAt || !this.isRunning || done > this.done) this.#movedAt = at;
    this.#heardAt = at;
    this.done = Math.max(this.done, done);
    this.failed = Math.max(this.failed, failed);
    if (this.isRunning) this.pace.add(at, this.done);
    else this.pace.pause();
  }

  get isOver() {
    return OVER.includes(this.now?.status);
  }

  get isRunning() {
    return RUNS.includes(this.now.status);
  }

  /** How many it has come to: of one that was cancelled not those whom it skipped for that. */
  get reached() {
    return this.now.status === "CANCELLED" ? this.done - this.now.skippedCount : this.done;
  }

  /** Nobody was settled for a while: it waits for the morning, say, or for the provider. */
  get waits() {
    return this.isRunning && this.#heardAt - this.#movedAt > STILL;
  }

  /** It is over, and what came of everybody was asked since: a frame does not tell that. */
  get isCounted() {
    return this.isOver && countedOf(this.now) >= this.done;
  }

  /** How many there are of each of KINDS, and are left. When it is over nobody is: they were left out. */
  get outcome() {
    const counts = Object.fromEntries(Object.entries(KINDS).map(([field, kind]) => [kind, this.now[field]]));
    const left = Math.max(0, this.now.totalUsers - countedOf(this.now));
    return this.isCounted ? { ...counts, skipped: counts.skipped + left } : { ...counts, left };
  }

  /** Messages a second: of the last seconds, else as the server says; of one that is over, in all. */
  get rate() {
    return (this.isRunning ? this.pace.rate : undefined) ?? this.now.ratePerSecond ?? undefined;
  }

  /** The seconds that are left, by what was seen: what the server says of a job that waits may be its speed before. */
  get left() {
    if (!this.isRunning || !this.pace.rate) return undefined;
    return (this.now.totalUsers - this.done) / this.pace.rate;
  }

  get took() {
    return this.now.duration ? secondsOf(this.now.duration) : undefined;
  }

  /** What can be done with it: as the server's table of states has it. */
  get verbs() {
    const { status, failureCount, resentAs } = this.now;
    if (this.isOver) return failureCount && !resentAs ? ["resend"] : [];
    if (status === "PAUSED") return ["resume", "cancel"];
    return this.isRunning ? ["pause", "cancel"] : ["cancel"];
  }
}
