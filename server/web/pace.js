// How fast a job goes, of what was seen of it. Pure.

const [WINDOW, KEPT, STEP] = [10_000, 40, 1_000]; // milliseconds, bars, milliseconds for one bar

export class Pace {
  #seen = []; // {at, done}
  columns = Array(KEPT).fill(0); // messages a second, one for each STEP at least, the latest last

  /** At `at` (milliseconds) `done` people were settled. */
  add(at, done) {
    const last = this.#seen.at(-1);
    if (last && at - last.at < STEP) return;
    if (last) this.columns = [...this.columns, (Math.max(0, done - last.done) * 1_000) / (at - last.at)].slice(-KEPT);
    this.#seen = [...this.#seen.filter((seen) => at - seen.at <= WINDOW), { at, done }];
  }

  /** Nothing is known of what is between: it was paused, or not seen. */
  pause() {
    this.#seen = [];
  }

  /** Messages a second, of the last seconds; undefined where too little was seen. */
  get rate() {
    const [first] = this.#seen;
    const last = this.#seen.at(-1);
    return this.#seen.length > 1 ? ((last.done - first.done) * 1_000) / (last.at - first.at) : undefined;
  }
}

/** The seconds of a duration of ISO 8601, as the server writes them. */
export function secondsOf(duration) {
  const [, hours = 0, minutes = 0, seconds = 0] = /^PT(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?$/.exec(duration) ?? [];
  return hours * 3_600 + minutes * 60 + Number(seconds);
}
