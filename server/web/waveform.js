// How loud a sound is along its length, as bars.

import { shape } from "./svg.js";

const [STEP, HEIGHT, LEAST] = [4, 40, 3];
const LOUDEST = 255;

/** {node, playedTo(part)} of `values` (each to 255): `part`, from 0 to 1, is behind. */
export function waveOf(values) {
  const bars = values.map((value, index) => barOf((index + 0.5) * STEP, Math.max(LEAST, (value / LOUDEST) * HEIGHT)));
  const node = shape("svg", { viewBox: `0 0 ${values.length * STEP} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars);
  const playedTo = (part) => bars.forEach((bar, index) => bar.classList.toggle("played", index < part * bars.length));
  return { node, playedTo };
}

const barOf = (x, height) => shape("path", { d: `M${x} ${(HEIGHT - height) / 2}v${height}` });

/** The waveform of `samples` (each from -1 to 1): so many peaks, of which the loudest is 255. */
export function peaksOf(samples, count) {
  const peaks = Array.from({ length: count }, (_, index) => {
    const [from, to] = [index, index + 1].map((each) => Math.floor((each * samples.length) / count));
    return samples.subarray(from, to).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  });
  const most = Math.max(...peaks) || 1;
  return peaks.map((peak) => Math.round((peak / most) * LOUDEST));
}
