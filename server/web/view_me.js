// One's own profile and settings.

import { broken, waiting } from "./blank.js";
import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { labelled, tabs } from "./fields.js";
import { later } from "./later.js";
import { choose, chosen, THEMES } from "./look_choice.js";
import { saveSession, savedSession } from "./session.js";
import { toast } from "./toast.js";
import { profileForm } from "./view_profile.js";
import { language, words } from "./words.js";

/** `chat` has user, token, calls, store, wire, me (MeMenu) and soon(). */
export function showMe(chat) {
  const { body, say } = openDialog(words.mySettings, { id: "my-settings" });
  const load = async () => {
    body.replaceChildren(waiting(3));
    try {
      const me = await chat.calls.me();
      body.replaceChildren(profile(me, chat, say), privacy(me, chat, say), looks(chat), password(chat, say));
    } catch (error) {
      body.replaceChildren(broken(error, load));
    }
  };
  load();
}

function profile(me, chat, say) {
  const save = (changes, button) => during(button, say, async () => {
    const now = await chat.calls.changeMe(changes);
    Object.assign(me, { phone: "", birth_date: "", gender: "", preferred_gender: "", region: "" }, now);
    renamed(chat, now);
    toast(words.saved);
  });
  const files = () => later(() => import("./view_own_files.js"), ({ showOwnFiles }) => showOwnFiles(chat));
  return make("section", {}, profileForm(me, save), make("div", { class: "verbs" }, make("button", { type: "button", class: "plain small", onclick: files }, words.myFiles)));
}

// What is shown to others. A change holds at once; where it could not be made, the box says so by going back.
function privacy(me, chat, say) {
  const box = (text, about, on, change) => {
    const input = make("input", { type: "checkbox", checked: on });
    input.onchange = () => during(input, say, () => chat.calls.changeMe(change(input.checked))).then((done) => done || (input.checked = !input.checked));
    return make("label", { class: "check" }, input, make("span", {}, text, make("small", {}, about)));
  };
  return make("section", {}, make("h3", {}, words.privacy),
    box(words.showLastSeen, words.aboutLastSeen, me.last_seen === "everybody", (on) => ({ last_seen: on ? "everybody" : "nobody" })),
    box(words.showReceipts, words.aboutReceipts, me.read_receipts, (on) => ({ read_receipts: on })));
}

function looks(chat) {
  const languages = { ko: "한국어", en: "English" };
  const themes = Object.fromEntries(THEMES.map((theme) => [theme, words.themes[theme]]));
  const speak = async (value) => {
    choose("language", value);
    await chat.calls.changeMe({ language: value }).catch(() => {}); // this browser's choice holds all the same
    location.reload();
  };
  return make("section", {}, make("h3", {}, words.looks),
    tabs("theme", words.theme, themes, chosen("theme"), (value) => choose("theme", value)),
    tabs("language", words.language, languages, language, speak));
}

function password(chat, say) {
  const field = (name, text, autocomplete) => labelled(text, make("input", { name, type: "password", autocomplete, required: true }));
  const save = make("button", { class: "plain small" }, words.changePassword);
  const form = make("form", {}, make("h3", {}, words.changePassword), make("p", { class: "hint" }, words.aboutPassword),
    field("current", words.passwordNow, "current-password"), field("next", words.passwordNext, "new-password"), make("div", { class: "verbs" }, save));
  form.onsubmit = (event) => {
    event.preventDefault();
    const { current, next } = form.elements;
    during(save, say, () => changePassword(chat, current.value, next.value));
  };
  return make("section", {}, form);
}

function renamed({ user, token, store, me, soon }, { name }) {
  user.name = name;
  store.people.set(user.id, name || user.username);
  saveSession({ user, token }, savedSession.isKept(token));
  me.draw();
  soon();
}

// With a new password every token is revoked; this window goes on with the new one.
async function changePassword({ token, calls, wire }, now, next) {
  wire.stop();
  try {
    saveSession(await calls.changePassword(now, next), savedSession.isKept(token));
    location.reload();
  } catch (error) {
    wire.start();
    throw error;
  }
}

// A control that is busy is not disabled: it would lose the focus.
async function during(control, say, work) {
  if (control.ariaBusy) return false;
  say();
  control.ariaBusy = "true";
  try {
    await work();
    return true;
  } catch (error) {
    say(error);
    return false;
  } finally {
    control.ariaBusy = null;
  }
}
