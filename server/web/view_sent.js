// Broadcasts one sent: how each stands, and what came of it, while one looks.

import { dateTime } from "./calendar.js";
import { make } from "./dom.js";
import { pagedList } from "./view_pages.js";
import { player } from "./view_player.js";
import { words } from "./words.js";

const [SOON, SLOW] = [1_000, 15_000]; // nobody tells when the recipients are chosen: that is asked, ever more slowly
const COUNTS = ["delivered", "read", "replied"];

/** {node, show(), renew(), told(frame), close()}; `say` as of a dialog. */
export function sentOf({ calls, links, say }) {
  const rows = new Map(); // broadcast -> its row
  let early = new Map(); // broadcast -> counts of frames that came before its row
  let timer = 0;
  let wait = SOON;
  let list = null;
  const node = make("section", { "aria-label": words.broadcastViews.sent });

  const cancel = (id) => async ({ currentTarget: button }) => {
    if (button.ariaBusy) return;
    say();
    button.ariaBusy = "true";
    await calls.cancel(id).catch((error) => error.code === "conflict" || say(error)); // with a conflict it has begun
    await ask([id]);
    button.ariaBusy = null;
  };
  const ask = async (ids) => {
    const found = await Promise.all(ids.map((id) => calls.show(id).catch(() => null)));
    for (const each of found.filter(Boolean)) rows.get(each.id)?.become(each);
  };
  const waits = () => [...rows.values()].filter((row) => row.waits(Date.now())).map((row) => row.id);
  const follow = () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const ids = waits();
      if (ids.length) await ask(ids);
      wait = ids.length ? Math.min(SLOW, wait * 2) : SOON;
      if (node.isConnected) follow();
    }, wait);
  };
  const load = async (after) => {
    const page = await calls.sent(after);
    if (after === undefined) rows.clear();
    return { ...page, items: page.items.filter(({ id }) => !rows.has(id)) };
  };
  const partsOf = (broadcast) => {
    const row = new Row(broadcast, links, cancel(broadcast.id));
    rows.set(row.id, row);
    row.counted(early.get(row.id));
    return [row.node];
  };
  const show = () => {
    early = new Map();
    wait = SOON;
    if (list) list.restart();
    else node.append((list = pagedList({ label: words.broadcastViews.sent, load, partsOf, empty: words.nothingSent, picture: "waves" })).node);
    follow();
  };
  const told = ({ t, id, counts }) => {
    if (t !== "broadcast" || !counts) return;
    early.set(id, counts);
    rows.get(id)?.counted(counts);
  };
  const renew = () => void (list && calls.sent().then(({ items }) => items.forEach((each) => rows.get(each.id)?.become(each)), () => {}));
  return { node, show, renew, told, close: () => clearTimeout(timer) };
}

const gone = () => make("p", { class: "hint" }, words.recordingGone);

class Row {
  constructor(broadcast, links, cancel) {
    const { id, file, duration_ms, waveform, at } = broadcast;
    const when = dateTime(at);
    const name = words.myBroadcast(when);
    Object.assign(this, { id, now: broadcast, cancel, name });
    this.status = make("p", { class: "status", "aria-live": "polite" });
    this.counts = make("p", { class: "hint counts", "aria-live": "polite" });
    this.verbs = make("div", { class: "verbs" });
    this.sound = file ? player({ id: file, name, duration_ms, waveform }, links, 0) : gone();
    this.node = make("div", { class: "card broadcast", tabIndex: -1, data: { broadcast: id } }, make("p", {}, make("small", {}, when)), this.sound, this.status, this.counts, this.verbs);
    this.become(broadcast);
  }

  /** Whether the server is about to say something else of it. */
  waits(now) {
    const { status, start_at: startAt } = this.now;
    return status === "waiting" || (status === "scheduled" && startAt <= now);
  }

  become(broadcast) {
    const counts = this.#larger(broadcast.counts);
    this.now = { ...broadcast, counts };
    const { status, reason, recipient_count: asked, start_at: startAt } = broadcast;
    this.node.dataset.status = status;
    this.status.textContent = words.sentStatus[status]({ reason, asked, delivered: counts.delivered, when: dateTime(startAt) });
    this.counted();
    if (status === "cancelled") this.sound.replaceWith((this.sound = gone()));
    const had = this.verbs.contains(document.activeElement);
    if (status !== "scheduled") this.verbs.replaceChildren();
    else if (!this.verbs.childElementCount) this.verbs.append(make("button", { type: "button", class: "plain small", "aria-label": `${words.cancelBroadcast}: ${this.name}`, onclick: this.cancel }, words.cancelBroadcast));
    if (had && !this.verbs.childElementCount) (this.node.querySelector("button") ?? this.node).focus();
  }

  counted(counts) {
    this.now.counts = this.#larger(counts);
    const { status, counts: now } = this.now;
    this.counts.hidden = status !== "delivered";
    const text = words.sentCounts(now);
    if (this.counts.textContent !== text) this.counts.textContent = text;
  }

  // They only grow: what is larger is newer, whichever way it came.
  #larger(counts) {
    const before = this.now.counts;
    return Object.fromEntries(COUNTS.map((name) => [name, Math.max(before?.[name] ?? 0, counts?.[name] ?? 0)]));
  }
}
