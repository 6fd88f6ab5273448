// What one wants to be told of where and when, and where one can be reached.

import { broken, waiting } from "./blank.js";
import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import "./notification_words.js";
import { timesOf } from "./view_notification_times.js";
import { tells, waysOf } from "./view_notification_ways.js";
import { words } from "./words.js";

/** By what stands in the server's table of types, in the order they are shown. */
const TYPES = ["meeting.invitation", "meeting.response", "meeting.confirmed", "meeting.cancelled", "friend.request", "friend.accepted", "calendar.reminder", "calendar.conflict", "system.announcement"];
export const PLATFORMS = ["web", "push", "kakao", "discord"];

/** `notifications` are those of view_notifications.js; `isRefused`: one came back from Kakao, and nothing was linked. */
export function showNotificationSettings(notifications, isRefused) {
  let times = null;
  let ways = null;
  const { body, dialog, say } = openDialog(words.notificationSettings, { id: "notification-settings", closed: () => ways?.close(), lost: () => times?.isChanged() && [words.timesLost, words.closeUnsaved] });
  dialog.classList.add("wide");
  const load = async () => {
    body.replaceChildren(waiting(4));
    try {
      const [{ settings }, reach] = await Promise.all([notifications.calls.settings(), notifications.calls.endpoints()]);
      if (!dialog.open) return;
      const wishes = new Wishes(notifications.calls, settings);
      const reached = make("p", { class: "hint" });
      const changed = (now) => (reached.textContent = unreached(now));
      times = timesOf(wishes, say);
      ways = waysOf(notifications, reach, { say, changed });
      body.replaceChildren(make("section", {}, make("h3", {}, words.whatWhere), matrix(wishes, say), reached), times.node, ways.node);
    } catch (error) {
      body.replaceChildren(broken(error, load));
    }
  };
  load().then(() => isRefused && say({ said: words.kakaoFailed }));
}

/** What somebody wishes of each platform. The server takes all of a platform at once, so one change follows the other. */
class Wishes {
  #calls;
  #now = new Map();
  #last = Promise.resolve();

  constructor(calls, settings) {
    this.#calls = calls;
    for (const each of settings) this.#now.set(each.platform, each);
  }

  of(platform) {
    return this.#now.get(platform) ?? { platform, notificationTypes: {}, preferences: {} };
  }

  /** Store what `alter` makes of the wishes for `platform`. A promise. */
  change(platform, alter) {
    const done = this.#last.then(() => this.#store(alter(this.of(platform))));
    this.#last = done.catch(() => {});
    return done;
  }

  async #store(wishes) {
    const { dndUntil } = wishes.preferences;
    const isOver = dndUntil && Date.parse(dndUntil) <= Date.now(); // by now
    const preferences = isOver ? { ...wishes.preferences, dndMode: false, dndUntil: undefined } : wishes.preferences;
    this.#now.set(wishes.platform, await this.#calls.change({ ...wishes, preferences }));
  }
}

const unreached = (endpoints) => {
  const without = PLATFORMS.filter((platform) => platform !== "web" && !endpoints.some((each) => each.platform === platform && tells(each)));
  return without.length ? words.notLinked(without.map((platform) => words.platforms[platform])) : "";
};

function matrix(wishes, say) {
  const head = make("tr", {}, make("td", {}), ...PLATFORMS.map((platform) => make("th", { scope: "col" }, words.platforms[platform])));
  const line = (type) => make("tr", {}, make("th", { scope: "row" }, words.notificationTypes[type]), ...PLATFORMS.map((platform) => make("td", {}, wish(wishes, type, platform, say))));
  return make("table", { class: "matrix", "aria-label": words.whatWhere }, make("thead", {}, head), make("tbody", {}, ...TYPES.map(line)));
}

// It holds at once; where it could not be stored, it goes back.
function wish(wishes, type, platform, say) {
  const input = make("input", { type: "checkbox", role: "switch", "aria-label": `${words.notificationTypes[type]}: ${words.platforms[platform]}`, checked: wishes.of(platform).notificationTypes[type] !== false });
  input.onchange = async () => {
    say();
    const isOn = input.checked;
    input.ariaBusy = "true";
    try {
      await wishes.change(platform, (now) => ({ ...now, notificationTypes: { ...now.notificationTypes, [type]: isOn } }));
    } catch (error) {
      if (input.checked === isOn) input.checked = !isOn;
      say(error);
    } finally {
      input.ariaBusy = null;
    }
  };
  return make("label", {}, input);
}
