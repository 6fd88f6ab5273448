// A one-time code that one tells a bot, and how long it holds.

import { make } from "./dom.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

const LOOKED = 5; // seconds: while a code holds, so often is asked whether it was used

/** {node, ask(), came(endpoints), close()}: `ask` shows a new code, `came` hears what is linked by now. `renew()` asks for that. */
export function linkCode(platform, { calls, renew }) {
  const text = make("output", {});
  const left = make("span", { class: "hint" });
  const copy = make("button", { type: "button", class: "plain small", hidden: !navigator.clipboard, onclick: () => navigator.clipboard.writeText(text.value).then(() => toast(words.copied), () => {}) }, words.copy);
  const node = make("div", { class: "code", hidden: true }, make("p", { role: "status" }, words.sendCode[platform]), make("div", { class: "line" }, text, copy), left);
  let timer = 0;
  let linked = new Set();
  let ends = 0;

  const close = () => clearInterval(timer);
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((ends - Date.now()) / 1_000));
    left.textContent = seconds ? words.codeHolds(Math.floor(seconds / 60), seconds % 60) : words.codeOver;
    node.classList.toggle("over", !seconds);
    if (!seconds) close();
    else if (seconds % LOOKED === 0) renew().catch(() => {}); // it is asked for again
  };
  const ask = async () => {
    const { code, expiresAt } = await calls.link(platform);
    text.value = code;
    ends = Date.parse(expiresAt);
    close();
    timer = setInterval(tick, 1_000);
    node.hidden = false;
    tick();
  };
  const came = (endpoints) => {
    const now = endpoints.filter((each) => each.platform === platform);
    const fresh = now.find(({ id }) => !linked.has(id));
    linked = new Set(now.map(({ id }) => id));
    if (node.hidden || !fresh) return;
    node.hidden = true;
    close();
    toast(words.isLinked(words.wayKinds[fresh.kind]));
  };
  return { node, ask, came, close };
}
