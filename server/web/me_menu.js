// The menu of the one who is signed in: how he is shown, his settings, and the way out.

import { find, make, paintAvatar } from "./dom.js";
import { menuItem, menuLine, openMenu } from "./menu.js";
import { toast } from "./toast.js";
import { explain, words } from "./words.js";

const STATES = ["online", "away", "dnd", "invisible"];

export class MeMenu {
  #state = "online";

  /** `dialogs` is Dialogs; `tell(state)` a promise; `signOut()`. */
  constructor({ user, dialogs, tell, signOut }) {
    Object.assign(this, { user, dialogs, tell, signOut });
    find("me").onclick = () => openMenu(find("me"), this.#items());
    find("broadcasts-open").onclick = () => dialogs.broadcasts();
    find("bell").onclick = () => dialogs.notifications();
    find("channels-open").onclick = () => dialogs.channels();
    find("new-room-open").onclick = () => dialogs.newRoom();
    find("switch").onclick = () => dialogs.switcher();
    this.draw();
  }

  /** How the server shows this person, where it says so; `offline`, while connected, is invisible. */
  shown(state) {
    if (state === "offline" && this.#state !== "invisible") return; // not known to be a choice
    this.#state = state === "offline" ? "invisible" : state;
    this.draw();
  }

  draw() {
    const { id, name, username } = this.user;
    paintAvatar(find("my-avatar"), id, name || username);
    find("my-name").textContent = name || username;
    find("my-dot").className = `dot ${this.#state}`;
    find("my-dot").setAttribute("aria-label", words[this.#state]);
  }

  #items() {
    const { dialogs } = this;
    return [
      ...STATES.map((state) => menuItem([make("span", { class: `dot ${state}` }), words[state]], () => this.#choose(state), {
        role: "menuitemradio", "aria-checked": `${state === this.#state}` })),
      make("hr", {}),
      menuLine("gear", words.mySettings, () => dialogs.me()),
      menuLine("block", words.blocked, () => dialogs.blocked()),
      this.user.role === "admin" ? menuLine("shield", words.admin, () => dialogs.admin()) : undefined,
      menuLine("keyboard", words.shortcuts, () => dialogs.shortcuts()),
      make("hr", {}),
      menuLine("leave", words.signOut, this.signOut),
    ];
  }

  async #choose(state) {
    try {
      await this.tell(state);
      this.#state = state;
      this.draw();
    } catch (error) {
      toast(explain(error));
    }
  }
}
