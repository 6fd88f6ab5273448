// Numbers, durations and prices as people read them.

import { language } from "./words.js";

const whole = new Intl.NumberFormat(language);
const rough = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const part = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

export const count = (n) => whole.format(n);
/** A rate: three digits say enough of it. */
export const rate = (n) => (n < 1_000 ? rough : whole).format(n < 1_000 ? n : Math.round(n));
/** Never 100 % while something is left, nor 0 % of something. */
export const share = (n, all) => part.format(all && n < all ? Math.min(Math.max(n / all, Math.sign(n) / 1_000), 0.999) : Math.sign(all && n));
export const price = (amount, currency) => new Intl.NumberFormat(language, { style: "currency", currency, maximumFractionDigits: 4 }).format(amount);

/** The two largest units of some seconds. */
export function lasting(seconds) {
  let left = Math.round(seconds);
  const parts = UNITS.map(([unit, size]) => {
    const n = Math.floor(left / size);
    left -= n * size;
    return [unit, n];
  });
  const from = parts.findIndex(([, n]) => n);
  const shown = from < 0 ? [["second", 0]] : parts.slice(from, from + 2).filter(([, n]) => n);
  return shown.map(([unit, n]) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(n)).join(" ");
}
