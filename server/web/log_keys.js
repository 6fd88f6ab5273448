// Along the messages with the arrows, and what one key does with the message that has the focus.

import { QUICK } from "./may.js";

const STOPS = ".message, .in-thread button";
const PRESS = { Enter: "[data-more], [data-retry], [data-edit]", KeyR: "[data-reply]", KeyT: "[data-thread]", Delete: "[data-discard]" };

/** `scroller` is around `list`; `act` has react(seq, emoji), thread(seq, node) and leave(). */
export function walkLog(scroller, list, act) {
  scroller.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Tab") reach(event.target.closest(".message"), 0); // what came since it has the focus, too
    const at = event.target.closest(STOPS) ?? undefined;
    if (!at && event.target !== scroller) return; // a button beside the messages
    if (event.target.matches("input")) return; // the arrows move what it holds
    if (step(event, list, at) || (at === event.target && press(event, at, act))) event.preventDefault();
  });
  list.addEventListener("focusin", (event) => reach(event.target.closest(".message"), 0));
  list.addEventListener("focusout", (event) => {
    const message = event.target.closest(".message");
    if (!message?.contains(event.relatedTarget)) reach(message, -1);
  });
}

// Only the message that has the focus, and what can be pressed in it, are in the order of Tab: of hundreds nobody would get out.
function reach(message, tabIndex) {
  if (!message) return;
  for (const node of [message, ...message.querySelectorAll("button, input, a")]) node.tabIndex = tabIndex;
}

function step(event, list, at) {
  const stops = [...list.querySelectorAll(STOPS)];
  const index = at ? stops.indexOf(at) : stops.length;
  const to = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: stops.length - 1 }[event.key];
  if (to === undefined || !stops[to]) return false;
  stops[to].focus();
  return true;
}

function press(event, message, act) {
  const seq = Number(message.dataset.seq);
  const emoji = seq && QUICK[Number(event.code.replace("Digit", "")) - 1];
  if (event.key === "Escape") act.leave();
  else if (emoji) act.react(seq, emoji);
  else if (seq && event.code === "KeyT") act.thread?.(seq, message);
  else if (PRESS[event.code] && message.querySelector(PRESS[event.code])) message.querySelector(PRESS[event.code]).click();
  else return false;
  return true;
}
