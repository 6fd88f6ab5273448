// One job, as far as it is known: what the server was asked, and what it told since. Pure.

import { Pace, secondsOf } from "./pace.js";

const OVER = ["COMPLETED", "PARTIALLY_FAILED", "FAILED", "CANCELLED"];
const RUNS = ["IN_PROGRESS", "PROCESSING_BATCH", "SENDING_MESSAGES"];
const COUNTS = ["successCount", "failureCount", "unknownCount", "skippedCount"];

export const STATES = ["CREATED", "SCHEDULED", ...RUNS, "PAUSED", ...OVER];
export const KINDS = { successCount: "reached", failureCount: "failed", unknownCount: "unknown", skippedCount: "skipped" };

export class Job {
  pace = new Pace();
  done = 0;
  failed = 0;

  constructor(now) {
    this.become(now);
  }

  /** `now` is a job as the server shows it. What only grows may be known better already. */
  become(now, at = Date.now()) {
    const status = this.isOver ? this.now.status : now.status; // an answer can be older than a frame
    this.now = { ...now, status };
    this.#reach(COUNTS.reduce((sum, name) => sum + now[name], 0), now.failureCount + now.unknownCount, at);
  }

  /** Whether it has another status now. */
  told({ status, total, done, failed }, at = Date.now()) {
    const before = this.now.status;
    if (!this.isOver) this.now = { ...this.now, status, totalUsers: total };
    this.#reach(done, failed, at);
    return this.now.status !== before;
  }

  #reach(done, failed, at) {
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

  /** Messages a second: of the last seconds, else as the server says; of one that is over, in all. */
  get rate() {
    return (this.isRunning ? this.pace.rate : undefined) ?? this.now.ratePerSecond ?? undefined;
  }

  /** The seconds that are left, as far as they can be told. */
  get left() {
    if (!this.isRunning || !this.rate) return undefined;
    return (this.now.totalUsers - this.done) / this.rate;
  }

  get took() {
    return this.now.duration ? secondsOf(this.now.duration) : undefined;
  }

  /** What can be done with it: as the server's table of states has it. */
  get verbs() {
    const { status, failureCount } = this.now;
    if (this.isOver) return failureCount ? ["resend"] : [];
    if (status === "PAUSED") return ["resume", "cancel"];
    return this.isRunning ? ["pause", "cancel"] : ["cancel"];
  }
}
