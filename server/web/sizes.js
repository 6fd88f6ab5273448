// Sizes and lengths as people read them.

const UNITS = ["B", "KB", "MB", "GB"];

/** Bytes, in the largest unit of which there is at least one. */
export function sizeOf(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const count = bytes / 1000 ** power;
  return `${power && count < 10 ? count.toFixed(1) : Math.round(count)} ${UNITS[power]}`;
}

/** Seconds as minutes and seconds. */
export const lengthOf = (seconds) => `${Math.floor(Math.round(seconds) / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`;
