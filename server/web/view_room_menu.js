// The menu of the room that is open: its settings, mute, leave, and what a part of the page adds.

import { dateTime } from "./calendar.js";
import { question } from "./dialog.js";
import { find, make } from "./dom.js";
import { may, mayLeave, maySet } from "./may.js";
import { menuItem, menuLine, openMenu } from "./menu.js";
import { words } from "./words.js";

const HOUR = 3_600_000;
const MORNING = 8; // o'clock

/** Tomorrow at eight, in the zone of the reader. */
export function tomorrowMorning(now) {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, MORNING).getTime();
}

const unmute = ({ muted_until: until }) => make("span", {}, words.unmute, until && make("small", {}, ` ${words.mutedUntil(dateTime(until))}`));

export class RoomMenu {
  #button = find("room-more");
  #room = null;

  /** `calls` is RoomCalls, `dialogs` Dialogs, `blocks` Blocks; `thread(root)` opens one; `failed(error)` says why not. */
  constructor({ calls, dialogs, blocks, thread, failed }) {
    Object.assign(this, { calls, dialogs, blocks, thread, failed });
    this.#button.onclick = () => this.#open();
  }

  setRoom(room) {
    this.#room = room;
  }

  #open() {
    const room = this.#room;
    const { dialogs } = this;
    openMenu(this.#button, [
      menuLine("search", words.searchHere, () => dialogs.search(room)),
      menuLine("thread", words.threads, () => dialogs.threads(room, this.thread)),
      menuLine("pin", words.pins, () => dialogs.pins(room)),
      may("export", room) ? menuLine("download", words.exportRoom, () => dialogs.export(room)) : undefined,
      maySet(room) ? menuLine("gear", words.roomSettings, () => dialogs.settings(room)) : undefined,
      room.muted ? menuLine("muted", unmute(room), () => this.#do(this.calls.unmute(room))) : menuLine("muted", words.mute, () => this.#mute(room)),
      room.peer ? menuLine("block", ...this.blocks.entry(room.peer, room.name), true) : undefined,
      mayLeave(room) ? menuLine("leave", words.leaveRoom, () => this.#leave(room), true) : undefined,
    ]);
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
