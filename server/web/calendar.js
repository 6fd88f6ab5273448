// Times as people read them, in the reader's own zone.

import { language, words } from "./words.js";

const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(language, { year: "numeric", month: "long", day: "numeric", weekday: "long" });
const thisYear = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
const otherYear = new Intl.DateTimeFormat(language, { year: "numeric", month: "numeric", day: "numeric" });

/** A number that is the same all day and differs from every other day's. */
export function dayNumber(at) {
  const date = new Date(at);
  return date.getFullYear() * 10_000 + date.getMonth() * 100 + date.getDate();
}

export const clockTime = (at) => clock.format(at);
export const dayName = (at) => day.format(at);
export const dateTime = (at) => `${otherYear.format(at)} ${clock.format(at)}`;
export const minuteNumber = (at) => Math.floor(at / 60_000);

/** Short and relative to now: a time today, yesterday, or a date. */
export function shortTime(at, now = Date.now()) {
  if (dayNumber(at) === dayNumber(now)) return clockTime(at);
  if (dayNumber(at) === dayNumber(now - 86_400_000)) return words.yesterday;
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? thisYear : otherYear).format(at);
}
