// The notifications one got, newest first: read, answered, deleted, and why each of them came.

import { dateTime, shortTime } from "./calendar.js";
import { openDialog } from "./dialog.js";
import { avatar, icon, make, tool } from "./dom.js";
import { tabs } from "./fields.js";
import "./notification_words.js";
import { whyOf } from "./view_notification_why.js";
import { pagedList } from "./view_pages.js";
import { explain, words } from "./words.js";

const AGAIN_AFTER = 400; // ms: what changes within is asked for at once
const INVITES = new Set(["meeting.invitation", "friend.request"]);
const PICTURES = { meeting: "calendar", calendar: "clock", friend: "people", broadcast: "waves" };

/** `notifications` are those of view_notifications.js. */
export function showNotifications(notifications) {
  const { body, dialog, say, close } = openDialog(words.notifications, { id: "notifications", closed: () => (notifications.view = null) });
  const list = new List(notifications, { say, close });
  const gear = tool("gear", words.notificationSettings, () => notifications.openSettings());
  dialog.querySelector("header button").before(gear);
  body.append(make("div", { class: "above" }, list.choice, list.readAll), list.node);
  notifications.view = list;
  list.choice.querySelector("input").focus();
}

class List {
  #rows = new Map(); // id -> Row
  #onlyUnread = false;
  #timer = 0;
  #turn = 0;

  constructor(notifications, { say, close }) {
    Object.assign(this, { notifications, say, close, calls: notifications.calls });
    this.choice = tabs("shown", words.notifications, words.notificationViews, "all", (value) => this.#show(value === "unread"));
    this.readAll = make("button", { type: "button", class: "plain small", onclick: () => this.#readAll() }, words.readAll);
    this.pages = pagedList({ label: words.notifications, load: (after) => this.#load(after), partsOf: (item) => [this.#rowOf(item).node], empty: () => (this.#onlyUnread ? words.noneUnread : words.noNotifications), picture: "bell" });
    this.node = this.pages.node;
    this.#draw();
  }

  /** Something changed: what is shown is asked for anew, all at once. */
  renew() {
    this.#turn++; // what was asked for before is out of date
    this.#draw();
    this.#timer ||= setTimeout(() => this.#again(), AGAIN_AFTER);
  }

  /** This one is read, and `now` this. */
  read(row, now = {}) {
    row.become({ ...now, read: true });
    this.notifications.gone([row.id]);
  }

  /** This one is no more. */
  removed(row) {
    this.#drop(row);
    this.notifications.gone([row.id]);
  }

  #show(onlyUnread) {
    this.#turn++;
    this.#onlyUnread = onlyUnread;
    this.pages.restart();
  }

  async #load(after) {
    if (after === undefined) this.#rows.clear();
    const page = await this.#page(after);
    return { next: page.cursor, items: page.notifications.filter(({ id }) => !this.#rows.has(id)) };
  }

  #page(cursor) {
    return this.calls.list({ ...(this.#onlyUnread && { unread: true }), ...(cursor && { cursor }) });
  }

  #rowOf(item) {
    const row = new Row(item, this);
    this.#rows.set(row.id, row);
    return row;
  }

  // The first page as it is now: what is newer than its end and not in it is gone, or of the unread ones read.
  async #again() {
    this.#timer = 0;
    const turn = ++this.#turn;
    const page = await this.#page().catch(() => null); // it is tried again with the next change
    if (!page || turn !== this.#turn || this.node.querySelector(".found").ariaBusy === "true") return;
    const there = new Set(page.notifications.map(({ id }) => id));
    const end = page.cursor === undefined ? 0 : Date.parse(page.notifications.at(-1)?.timestamp);
    for (const row of [...this.#rows.values()]) {
      if (there.has(row.id) || row.at <= end) continue;
      if (this.#onlyUnread) row.become({ read: true });
      else this.#drop(row);
    }
    for (const item of page.notifications.toReversed()) {
      const row = this.#rows.get(item.id);
      if (row) row.become(item);
      else this.pages.add(item);
    }
  }

  #drop({ id, node }) {
    const place = node.parentElement;
    const near = place.contains(document.activeElement) && ((place.nextElementSibling ?? place.previousElementSibling)?.querySelector("button") ?? this.choice.querySelector("input:checked"));
    place.remove();
    this.#rows.delete(id);
    this.pages.recount();
    if (near) near.focus();
  }

  async #readAll() {
    if (this.readAll.ariaBusy || this.readAll.ariaDisabled === "true") return;
    this.readAll.ariaBusy = "true";
    this.say();
    try {
      await this.calls.readAll();
      for (const row of this.#rows.values()) row.become({ read: true });
      this.notifications.renew();
    } catch (error) {
      this.say(error);
    } finally {
      this.readAll.ariaBusy = null;
    }
  }

  #draw() {
    this.readAll.ariaDisabled = `${!this.notifications.unread}`;
  }
}

class Row {
  constructor(item, list) {
    const { id, title, message, timestamp, sender, type, priority } = item;
    Object.assign(this, { id, item, list, at: Date.parse(timestamp) });
    const said = make("p", { class: "said short", dir: "auto" }, message);
    const called = make("strong", { class: "short", dir: "auto" }, title);
    this.mark = make("span", { class: "unread-mark" }, make("span", { class: "unseen" }, words.isUnread));
    this.error = make("p", { class: "error", role: "alert" });
    this.verbs = make("div", { class: "verbs" });
    this.tick = this.#button("check", words.markRead, () => this.#read());
    const about = [words.notificationTypes[type] ?? type, sender?.name].filter(Boolean).join(" · ");
    const why = whyOf(() => list.calls.why(id), title);
    this.node = make("article", { class: "card told", "aria-label": title, data: { notification: id } },
      sender ? avatar(sender.id, sender.name) : make("span", { class: "avatar", "aria-hidden": "true" }, icon(PICTURES[type.split(".")[0]] ?? "bell")),
      make("div", { class: "what" }, make("p", { class: "title" }, this.mark, called, priority === 4 ? make("span", { class: "badge" }, words.isUrgent) : ""),
        said, this.verbs, this.error,
        make("div", { class: "foot" }, make("small", {}, `${about} · `, make("time", { dateTime: timestamp, title: dateTime(this.at) }, shortTime(this.at))), why.button, this.tick, this.#button("bin", words.deleteMessage, () => this.#remove())),
        why.node));
    this.#further(called, said);
    this.#draw();
  }

  /** What is known of it now. */
  become(now) {
    const before = this.#state;
    Object.assign(this.item, now);
    if (this.#state !== before) this.#draw();
  }

  get #state() {
    return `${this.item.read} ${this.item.answer}`;
  }

  #button(picture, text, act) {
    return tool(picture, text, ({ currentTarget }) => this.#during(currentTarget, act), this.item.title);
  }

  // Of what is long the beginning is shown, and below it how to see the rest.
  #further(...texts) {
    const button = make("button", { type: "button", class: "plain small", "aria-expanded": "false", onclick: () => {
      const isShort = texts.map((text) => text.classList.toggle("short"))[0];
      button.setAttribute("aria-expanded", `${!isShort}`);
      button.textContent = isShort ? words.more : words.less;
    } }, words.more);
    const seen = new ResizeObserver(() => {
      if (button.ariaExpanded === "true") return;
      const isCut = texts.some((text) => text.scrollHeight > text.clientHeight + 1);
      if (!isCut) button.remove();
      else if (!button.isConnected) texts.at(-1).after(button);
    });
    for (const text of texts) seen.observe(text);
  }

  #draw() {
    const { read, answer } = this.item;
    this.node.classList.toggle("new", !read);
    this.mark.hidden = read;
    const held = this.tick === document.activeElement || this.verbs.contains(document.activeElement);
    this.tick.hidden = read;
    this.verbs.replaceChildren(...this.#verbs(), ...(answer ? [make("p", { class: "hint", role: "status" }, words.answered[answer] ?? "")] : []));
    this.verbs.hidden = !this.verbs.childElementCount;
    if (held) (this.verbs.querySelector("button") ?? this.node.querySelector(".foot button:not([hidden])")).focus();
  }

  #verbs() {
    const { type, title, data, answer } = this.item;
    const verb = (text, act, kind = "plain") => make("button", { type: "button", class: `${kind} small`, "aria-label": `${text}: ${title}`, onclick: ({ currentTarget }) => this.#during(currentTarget, act) }, text);
    const { chat } = this.list.notifications;
    return [
      INVITES.has(type) && !answer && verb(words.accept, () => this.#answer("accept"), "primary"),
      INVITES.has(type) && !answer && verb(words.decline, () => this.#answer("decline")),
      type === "broadcast.received" && verb(words.toBroadcasts, () => this.#leave(() => chat.dialogs.broadcasts())),
      chat.store.rooms.has(data?.room) && verb(words.toConversation, () => this.#leave(() => chat.arrive(data.room))),
    ].filter(Boolean);
  }

  async #answer(answer) {
    await this.list.calls.answer(this.id, answer);
    this.list.read(this, { answer });
  }

  async #read() {
    await this.list.calls.read(this.id);
    this.list.read(this);
  }

  async #remove() {
    await this.list.calls.remove(this.id);
    this.list.removed(this);
  }

  async #leave(act) {
    this.list.close();
    act();
    if (!this.item.read) await this.#read();
  }

  async #during(button, act) {
    if (button.ariaBusy) return;
    this.error.textContent = "";
    button.ariaBusy = "true";
    try {
      await act();
    } catch (error) {
      if (error.code === "not_found") this.list.removed(this); // elsewhere it is deleted
      else this.error.textContent = explain(error);
    } finally {
      button.ariaBusy = null;
    }
  }
}
