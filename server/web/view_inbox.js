// Broadcasts one received: heard, and answered with words or one's own voice.

import { dateTime } from "./calendar.js";
import { avatar, icon, make } from "./dom.js";
import { record } from "./recorder.js";
import { keys } from "./session.js";
import { Tray } from "./tray.js";
import { pagedList } from "./view_pages.js";
import { player } from "./view_player.js";
import { explain, words } from "./words.js";

/** {node, show(), told(frame), renewed(page)}; `close()` closes what it is in. */
export function inboxOf({ chat, calls, close }) {
  const { broadcasts, links } = chat;
  const rows = new Map(); // broadcast -> its row
  let list = null;
  const node = make("section", { "aria-label": words.broadcastViews.received });

  const seen = () => node.checkVisibility() && broadcasts.seen([...rows.keys()]);
  const load = async (after) => {
    if (after === undefined) rows.clear();
    const page = await (after === undefined ? broadcasts.load() : calls.received(after));
    return { ...page, items: page.items.filter(({ id }) => !rows.has(id)) };
  };
  const heard = async (row) => {
    if (!row.isUnheard) return;
    try {
      await calls.heard(row.id);
      row.heard();
      broadcasts.heard(row.id);
    } catch (error) {
      row.say(explain(error)); // it stays unheard, and is told when it is played again
    }
  };
  const lead = (room) => {
    close();
    chat.arrive(room);
  };
  const partsOf = (broadcast) => {
    const row = new Row(broadcast, { links, heard: () => heard(row), go: () => lead(row.now.room), answer: () => row.answers(answerForm(row, { chat, calls, lead })) });
    rows.set(row.id, row);
    queueMicrotask(seen);
    return [row.node];
  };
  const add = (broadcast) => {
    const row = rows.get(broadcast.id);
    if (!row) list.add(broadcast);
    else if (row.isUnheard && broadcast.status !== "delivered") row.heard(); // in another window
  };
  const show = () => {
    if (!list) node.append((list = pagedList({ label: words.broadcastViews.received, load, partsOf, empty: words.nothingReceived, picture: "inbox" })).node);
    seen();
  };
  const told = (frame) => {
    if (!list) return;
    if (frame.change === "received") add({ ...frame, status: "delivered" });
    seen();
  };
  const renewed = ({ items }) => list && items.toReversed().forEach(add);
  return { node, show, told, renewed };
}

class Row {
  constructor(broadcast, { links, heard, go, answer }) {
    const { id, file, duration_ms, waveform, at, sender, name } = broadcast;
    Object.assign(this, { id, now: broadcast });
    const who = name || words.somebody;
    const what = words.broadcastOf(who, dateTime(at));
    this.mark = make("span", { class: "badge unheard" }, words.unheard);
    this.error = make("p", { class: "error", role: "alert" });
    this.place = make("div", { class: "verbs" });
    const verb = (text, act, kind) => make("button", { type: "button", class: kind, "aria-label": `${text}: ${what}`, onclick: act }, text);
    this.place.append(broadcast.room ? verb(words.toConversation, go, "plain small") : verb(words.reply, answer, "plain small"));
    this.node = make("div", { class: "card broadcast", data: { broadcast: id } },
      make("p", { class: "who" }, avatar(sender, who), make("span", { class: "what" }, make("strong", {}, who), make("small", {}, dateTime(at))), this.mark),
      player({ id: file, name: what, duration_ms, waveform }, links, 0, heard), this.place, this.error);
    this.#draw();
  }

  get isUnheard() {
    return this.now.status === "delivered";
  }

  heard() {
    this.now.status = "read";
    this.say("");
    this.#draw();
  }

  say(text) {
    this.error.textContent = text;
  }

  answers(form) {
    this.place.hidden = true;
    this.place.after(form);
    form.querySelector("textarea").focus();
  }

  /** The answer is given up. */
  keeps(form) {
    form.remove();
    this.say("");
    this.place.hidden = false;
    this.place.querySelector("button").focus();
  }

  #draw() {
    this.mark.hidden = !this.isUnheard;
    this.node.classList.toggle("new", this.isUnheard);
  }
}

function answerForm(row, { chat, calls, lead }) {
  const keyOf = keys();
  const draft = `broadcast ${row.id}`;
  const kept = (text) => chat.drafts.set(draft, { body: text });
  const body = make("textarea", { rows: 2, value: chat.drafts.get(draft).body ?? "", oninput: () => kept(body.value), "aria-label": words.replyTo(row.now.name || words.somebody), placeholder: words.reply });
  const place = make("div", { class: "files-of-answer" });
  const tray = new Tray({ place, token: chat.token, links: chat.links, changed: () => row.say("") });
  const send = make("button", { class: "primary small" }, words.send);
  const button = (text, act, ...content) => make("button", { type: "button", class: content.length ? "icon" : "plain small", title: text, "aria-label": text, onclick: act }, ...(content.length ? content : [text]));
  const mic = button(words.recordVoice, () => speak(), icon("mic"));
  const cancel = button(words.cancel, () => {
    if (send.ariaBusy) return;
    tray.empty(true);
    kept("");
    row.keeps(form);
  });
  const form = make("form", { class: "answer" }, body, place, make("div", { class: "verbs" }, mic, cancel, send));
  const speak = async () => {
    if (mic.ariaBusy) return undefined;
    mic.ariaBusy = "true";
    const file = await record(place);
    mic.ariaBusy = null;
    if (!form.isConnected) return undefined;
    if (!file) return mic.focus();
    if (!tray.add([file])) row.say(words.tooManyFiles);
    return send.focus();
  };
  form.onsubmit = async (event) => {
    event.preventDefault();
    const text = body.value.trim();
    const waits = mic.ariaBusy ? words.stillRecording : tray.waits;
    if (waits) return row.say(waits);
    if (send.ariaBusy) return undefined;
    if (!text && !tray.size) return body.focus();
    const said = { body: text, ...(tray.size && { files: tray.files.map(({ id }) => id) }) };
    send.ariaBusy = "true";
    row.say("");
    try {
      const { room } = await calls.reply(row.id, said, keyOf(JSON.stringify(said)));
      kept("");
      chat.broadcasts.heard(row.id);
      lead(room);
    } catch (error) {
      row.say(explain(error));
      send.ariaBusy = null;
    }
    return undefined;
  };
  return form;
}
