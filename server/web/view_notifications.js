// What is behind the bell: how many notifications are unread, what is said of those that arrive, and the way to the list.

import { beep } from "./beep.js";
import { find, make } from "./dom.js";
import { later } from "./later.js";
import { notificationCalls } from "./notification_calls.js";
import "./notification_words.js";
import { pushOf, turnOffPush } from "./push.js";
import { ask } from "./session.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

const MOST_COUNTED = 99;
const KNOWN = 999; // the server counts one more, and no further
const ASKED = 100; // unread ones, the newest
const TOGETHER = 300; // ms: what arrives within is told at once
const PAUSE = 150; // ms: what changes within is asked for at once
const LEAVING = 3_000; // ms
const wait = (time) => new Promise((done) => setTimeout(done, time));

/** The notifications of a chat. */
export const of = (chat) => (chat.notifications ??= new Notifications(chat));

class Notifications {
  view = null; // the list that is open: renew()
  #unread = new Set(); // ids
  #beyond = 0; // unread ones whose ids are not known
  #since = new Map(); // id -> whether it is unread, said since they were asked for
  #turn = 0; // of asking
  #isAsking = false;
  #fresh = []; // what arrived and is not told of yet

  /** `chat` has user, token, store, dialogs, arrive(room) and leave(reason). */
  constructor(chat) {
    this.chat = chat;
    this.calls = notificationCalls((method, path, body) => ask(method, `/api/notifications${path}`, { token: chat.token, body }).catch((error) => {
      if (error.code === "unauthenticated") chat.leave(words.closes[4501]);
      throw error;
    }));
    navigator.serviceWorker?.addEventListener("message", ({ data }) => data.open && this.open());
    if (location.hash === "#/notifications") this.#cameFromOutside();
  }

  open() {
    return later(() => import("./view_notification_list.js"), ({ showNotifications }) => this.view ?? showNotifications(this));
  }

  openSettings(isRefused) {
    return later(() => import("./view_notification_settings.js"), ({ showNotificationSettings }) => showNotificationSettings(this, isRefused));
  }

  /** A frame about notifications; any other says that what is unread may have changed. */
  told(frame) {
    if (frame.t === "notification") this.#arrived(frame);
    else if (frame.t === "notification_gone") this.gone(frame.ids);
    else this.renew();
  }

  /** These are read or deleted. */
  gone(ids) {
    const isUnknown = ids.filter((id) => !this.#unread.delete(id)).length > 0;
    if (this.#isAsking) for (const id of ids) this.#since.set(id, false);
    if (isUnknown && this.#beyond) this.renew();
    this.#changed();
  }

  /** Ask what is unread. What is said meanwhile holds. */
  async renew() {
    const turn = ++this.#turn;
    this.#isAsking = true;
    this.#since.clear();
    await wait(PAUSE);
    if (turn !== this.#turn) return;
    const page = await this.calls.list({ unread: true, limit: ASKED }).catch(() => null); // without it the frames are all that is known
    if (turn !== this.#turn) return;
    this.#isAsking = false;
    if (page) this.#know(page);
    this.#changed();
  }

  get unread() {
    return this.#unread.size + this.#beyond;
  }

  /** This person leaves this browser: whoever comes next is not told what was for him. That is not waited for long. */
  async leave() {
    const id = pushOf(this.chat.user.id);
    if (id) await Promise.race([Promise.allSettled([this.calls.removeEndpoint(id), turnOffPush()]), wait(LEAVING)]);
  }

  #know({ notifications, unreadCount }) {
    const ids = notifications.map(({ id }) => id);
    this.#beyond = ids.length < ASKED ? 0 : Math.max(0, unreadCount - ids.length);
    this.#unread = new Set(ids);
    for (const [id, isUnread] of this.#since) {
      if (isUnread) this.#unread.add(id);
      else this.#unread.delete(id);
    }
  }

  // On a connect comes all that is unread: what is not loud is new only where nothing is asked.
  #arrived(frame) {
    const isNew = !this.#unread.has(frame.id) && (frame.loud || !this.#isAsking);
    this.#unread.add(frame.id);
    if (this.#isAsking) this.#since.set(frame.id, true);
    if (isNew && this.#fresh.push(frame) === 1) setTimeout(() => this.#tell(), TOGETHER);
    this.#changed();
  }

  #tell() {
    const fresh = this.#fresh.splice(0).filter(({ id }) => this.#unread.has(id)); // what was read elsewhere at once is not told
    if (!fresh.length) return;
    const { type, title } = fresh.at(-1);
    const more = fresh.length > 1 ? ` +${fresh.length - 1}` : "";
    toast(`${words.notificationTypes[type] ?? words.notifications}: ${title}${more}`);
    const isMuted = this.chat.store.presence.get(this.chat.user.id)?.state === "dnd";
    if (!isMuted && fresh.some(({ loud }) => loud)) beep();
  }

  #changed() {
    this.#draw();
    this.view?.renew();
  }

  #draw() {
    const button = find("bell");
    const count = this.unread;
    button.querySelector(".badge")?.remove();
    if (count) button.append(make("span", { class: "badge", data: { count: count > MOST_COUNTED ? `${MOST_COUNTED}+` : count } })); // what it says is in the label
    button.title = count ? words.notificationCount(count > KNOWN ? `${KNOWN}+` : count) : words.notifications;
    button.setAttribute("aria-label", button.title);
  }

  // A notification of the system's was pressed while no window was open; or one was at Kakao.
  #cameFromOutside() {
    const isRefused = location.search === "?kakao=failed";
    history.replaceState(null, "", location.pathname);
    if (isRefused) this.openSettings(true);
    else this.open();
  }
}
