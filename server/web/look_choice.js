// How this browser shows the page: kept here, and taken up by look.js before anything is drawn.

export const THEMES = ["auto", "light", "dark"];

export const chosen = (what) => localStorage.getItem(`madang.${what}`) ?? "auto";

/** Choose a theme or a language for this browser; a theme holds at once. */
export function choose(what, value) {
  localStorage.setItem(`madang.${what}`, value);
  if (what === "theme") document.documentElement.dataset.theme = value;
}
