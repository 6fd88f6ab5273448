// The menu of the room that is open: its settings, mute, leave, and what a part of the page adds.

import { question } from "./dialog.js";
import { find } from "./dom.js";
import { mayLeave } from "./may.js";
import { menuItem, openMenu } from "./menu.js";
import { maySet, showSettings } from "./view_settings.js";
import { words } from "./words.js";

const HOUR = 3_600_000;
const MORNING = 8; // o'clock

/** Tomorrow at eight, in the zone of the reader. */
export function tomorrowMorning(now) {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, MORNING).getTime();
}

export class RoomMenu {
  #button = find("room-more");
  #room = null;

  /** `calls` is RoomCalls; `entries(room)` gives further lines [text, act]; `failed(error)` says why not. */
  constructor({ calls, failed, entries = () => [] }) {
    Object.assign(this, { calls, failed, entries });
    this.#button.onclick = () => this.#open();
  }

  setRoom(room) {
    this.#room = room;
  }

  #open() {
    const room = this.#room;
    openMenu(this.#button, [
      ...this.entries(room).map(([text, act]) => menuItem(text, act)),
      maySet(room) ? menuItem(words.roomSettings, () => this.#settings(room)) : undefined,
      room.muted
        ? menuItem(words.unmute, () => this.#do(this.calls.unmute(room)))
        : menuItem(words.mute, () => this.#mute(room)),
      mayLeave(room) ? menuItem(words.leaveRoom, () => this.#leave(room)) : undefined,
    ]);
  }

  #settings(room) {
    showSettings(room, { change: (changes) => this.calls.change(room, changes) });
  }

  #mute(room) {
    const choice = (text, until) => menuItem(text, () => this.#do(this.calls.mute(room, until)));
    const now = Date.now();
    openMenu(this.#button, [
      choice(words.muteHour, now + HOUR),
      choice(words.muteTomorrow, tomorrowMorning(now)),
      choice(words.muteForGood),
    ]);
  }

  async #leave(room) {
    const text = room.type === "matching" ? words.leaveMatching(room.name) : words.leaveQuestion(room.name);
    if (await question(text, words.leaveRoom)) this.#do(this.calls.remove(room, room.me));
  }

  #do(done) {
    done.catch(this.failed);
  }
}
