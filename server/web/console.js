// The console of admins: through the gate, and from view to view.

import "./console_words.js";
import { blank, waiting } from "./blank.js";
import { campaignCalls } from "./campaign_calls.js";
import { fillIcons, find, make, paintAvatar } from "./dom.js";
import { Live } from "./live.js";
import { ask, deviceId, forgetSession, Refusal, saveSession, savedSession } from "./session.js";
import { auditView } from "./view_audit.js";
import { composeView } from "./view_compose.js";
import { jobView } from "./view_job.js";
import { jobsView } from "./view_jobs.js";
import { showGate } from "./view_sign_in.js";
import { Wire } from "./wire.js";
import { explain, fillWords, words } from "./words.js";

const REASON = "madang.reason";
const FILE_WITHIN = 600_000;
const GONE = [4501, 4502, 4503]; // codes of a socket that say that the session is over
const VIEWS = { "": jobsView, new: composeView, job: jobView, audit: auditView };

class Console {
  #view = null;

  constructor({ user, token }) {
    Object.assign(this, { me: user, token });
    this.calls = campaignCalls({ http: (...request) => this.#http(...request), file: (path) => this.#file(path) });
    this.wire = new Wire({ token, device: deviceId(), resume: () => ({}), onFrame: (frame) => this.live.told(frame), onState: (state, code) => this.#wireState(state, code) });
    this.live = new Live(this.wire);
  }

  start() {
    const { id, name, username } = this.me;
    for (const part of ["starting", "sign-in"]) find(part).hidden = true;
    find("chat").hidden = false;
    paintAvatar(find("my-avatar"), id, name || username);
    find("my-name").textContent = name || username;
    find("zone").textContent = words.timesOf(Intl.DateTimeFormat().resolvedOptions().timeZone);
    find("sign-out").onclick = () => this.#signOut();
    addEventListener("hashchange", () => this.#route(true));
    this.#route(false);
    this.wire.start();
  }

  go = (hash) => (location.hash = hash);

  #route(moves) {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close(); // it was about what is left
    const [, name = "", id = ""] = location.hash.split("/");
    for (const link of document.querySelectorAll("#places a")) {
      if (link.hash === `#/${name === "job" ? "" : name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const view = (VIEWS[name] ?? jobsView)({ ...this, titled: (title) => view === this.#view && this.#titled(title) }, decodeURIComponent(id));
    this.#view = view;
    find("view").replaceChildren(view.node);
    this.#titled(view.title);
    this.live.show(view.live ?? null);
    scrollTo(0, 0);
    if (moves) find("title").focus();
  }

  #titled(title) {
    find("title").textContent = title;
    document.title = `${title} · ${words.console}`;
  }

  async #http(method, path, body, key) {
    return ask(method, path, { token: this.token, body, key }).catch((error) => this.#refused(error));
  }

  async #file(path) {
    const headers = { Authorization: `Bearer ${this.token}`, "Accept-Language": document.documentElement.lang };
    const answer = await fetch(path, { headers, signal: AbortSignal.timeout(FILE_WITHIN) }).catch(() => null);
    if (answer?.ok) return answer.blob();
    const content = await answer?.json().catch(() => null);
    return this.#refused(new Refusal({ code: "network", ...content?.data, said: content?.message }));
  }

  // Who may not do this may do nothing here.
  #refused(error) {
    if (error.code === "unauthenticated") leave(this.token, words.closes[4501]);
    if (error.code === "forbidden") this.#bar(error);
    throw error;
  }

  async #bar(error) {
    this.live.show(null);
    find("view").replaceChildren(waiting(2));
    const { role } = await ask("GET", "/api/v1/me", { token: this.token }).catch(() => this.me);
    const again = make("button", { type: "button", class: "plain", onclick: () => location.reload() }, words.tryAgain);
    const why = make("div", { id: "barred", role: "alert" }, blank("shield", role === "admin" ? words.wrongAddress : words.notAdmin, again, make("a", { href: "/", class: "button plain" }, words.toChat)),
      make("p", { class: "hint" }, explain(error)));
    find("view").replaceChildren(why);
  }

  #wireState(state, code) {
    if (state === "refused" && GONE.includes(code)) leave(this.token, words.closes[code]);
    find("live").textContent = state === "open" ? words.isLive : words.isNotLive;
    find("live").dataset.on = state === "open";
    if (state === "open") this.live.renewed();
  }

  async #signOut() {
    this.wire.stop();
    await ask("POST", "/api/v1/auth/logout", { token: this.token }).catch(() => {});
    sessionStorage.clear();
    leave(this.token);
  }
}

// A fresh document holds nothing of the person who left.
function leave(token, reason = "") {
  forgetSession(token);
  sessionStorage.setItem(REASON, reason);
  location.reload();
}

fillWords(document);
fillIcons(document);
const session = savedSession();
if (session) {
  new Console(session).start();
} else {
  const reason = sessionStorage.getItem(REASON) ?? "";
  sessionStorage.removeItem(REASON);
  const enter = (answer, keep) => {
    saveSession(answer, keep);
    new Console(answer).start();
  };
  showGate({ reason, enter });
}
