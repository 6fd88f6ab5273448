// When one wants to be told on a platform: quiet hours, a pause, and a sound.

import { make } from "./dom.js";
import { labelled, tabs } from "./fields.js";
import { toast } from "./toast.js";
import { zonesWith } from "./view_profile.js";
import { language, words } from "./words.js";

const QUIET = { start: "22:00", end: "07:00" }; // what is offered
const DAYS = [0, 1, 2, 3, 4, 5, 6]; // from Monday, on which they begin
const MONDAY = Date.UTC(2024, 0, 1);
const day = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" });
const wholeDay = new Intl.DateTimeFormat(language, { weekday: "long", timeZone: "UTC" });

/** {node, isChanged()}: the section of all platforms, one shown at a time, and whether anything of it is not stored; `wishes` as of the settings. */
export function timesOf(wishes, say) {
  const forms = Object.fromEntries(Object.keys(words.platforms).map((platform) => [platform, formOf(platform, wishes, { say, forms: () => Object.values(forms) })]));
  const show = (name) => {
    say();
    for (const [platform, { node, clear }] of Object.entries(forms)) {
      node.hidden = platform !== name;
      clear();
    }
  };
  const section = make("section", {}, make("h3", {}, words.whenTold), tabs("platform", words.whenTold, words.platforms, "web", show), ...Object.values(forms).map(({ node }) => node));
  show("web");
  return { node: section, isChanged: () => Object.values(forms).some((form) => form.isChanged()) };
}

function formOf(platform, wishes, { say, forms }) {
  const { preferences } = wishes.of(platform);
  const isWeb = platform === "web";
  const quiet = quietHours(preferences.quietHours, isWeb ? words.aboutSilence : words.aboutQuiet);
  const pause = pauseOf(preferences, isWeb ? words.aboutSilence : words.aboutPause);
  const zone = preferences.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = make("select", {}, ...Object.entries(zonesWith(zone)).map(([value, text]) => make("option", { value, selected: value === zone }, text)));
  const sound = check(words.sound, words.aboutSound, preferences.soundEnabled !== false);
  const everywhere = check(words.everywhere, words.aboutEverywhere, false);
  const save = make("button", { class: "primary small" }, words.save);
  const form = make("form", {}, quiet.node, labelled(words.timeZone, zones), pause.node, isWeb ? sound.node : "",
    make("div", { class: "verbs ends" }, everywhere.node, save));
  const times = () => ({ quietHours: quiet.value, timeZone: zones.value, ...pause.value });
  const all = () => ({ ...times(), isHeard: sound.input.checked });
  let stored = all();
  const set = (now) => {
    quiet.value = now.quietHours;
    pause.value = now;
    zones.value = now.timeZone;
    stored = { ...stored, ...times() };
    clear();
  };
  const clear = () => tell([quiet, pause], false);
  form.oninput = clear;
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (save.ariaBusy || tell([quiet, pause], true)) return;
    say();
    save.ariaBusy = "true";
    const [now, sent] = [times(), all()];
    try {
      for (const each of everywhere.input.checked ? forms() : [self]) {
        await wishes.change(each.platform, (wish) => ({ ...wish, preferences: { ...wish.preferences, ...now, ...(each === self && isWeb && { soundEnabled: sent.isHeard }) } }));
        if (each === self) stored = sent;
        else each.set(now);
      }
      everywhere.input.checked = false;
      toast(words.saved);
    } catch (error) {
      say(error);
    } finally {
      save.ariaBusy = null;
    }
  };
  const self = { platform, node: form, set, clear, isChanged: () => JSON.stringify(all()) !== JSON.stringify(stored) };
  return self;
}

// Say of `parts` ({field, error, wrong}) what is wrong beside its field, or take that back. Whether anything is.
function tell(parts, isAsked) {
  for (const { error, wrong } of parts) error.textContent = isAsked ? wrong : "";
  const first = isAsked && parts.find(({ wrong }) => wrong);
  if (first) first.field.focus();
  return Boolean(first);
}

const errorPlace = () => make("p", { class: "error", role: "alert" });

function check(text, about, checked) {
  const input = make("input", { type: "checkbox", checked });
  return { input, node: make("label", { class: "check" }, input, make("span", {}, text, about ? make("small", {}, about) : "")) };
}

// A box that shows what it is about while it is checked.
function opening(text, about, ...parts) {
  const { input, node } = check(text, about, false);
  const inside = make("div", { class: "inside" }, ...parts);
  const draw = () => (inside.hidden = !input.checked);
  input.addEventListener("change", draw);
  const turn = (isOn) => {
    input.checked = isOn;
    draw();
  };
  return { input, turn, node: make("div", { class: "opening" }, node, inside) };
}

function quietHours(given, about) {
  const field = (name) => make("input", { type: "time", required: true, value: QUIET[name] });
  const [start, end] = [field("start"), field("end")];
  const days = DAYS.map((each) => make("input", { type: "checkbox", checked: true, "aria-label": wholeDay.format(MONDAY + each * 86_400_000) }));
  const told = make("p", { class: "hint" });
  const error = errorPlace();
  const tell = () => (told.textContent = words.quietIs(start.value, end.value, end.value <= start.value));
  const box = opening(words.quietHours, about, make("div", { class: "pairs" }, labelled(words.quietStart, start), labelled(words.quietEnd, end)),
    make("div", { class: "days", role: "group", "aria-label": words.quietDays }, ...days.map((input, each) => make("label", {}, input, make("span", { "aria-hidden": "true" }, day.format(MONDAY + each * 86_400_000))))), error, told);
  for (const input of [start, end]) input.oninput = tell;
  const allow = () => { // a field that is not shown cannot be filled in
    for (const input of [start, end]) input.disabled = !box.input.checked;
  };
  box.input.addEventListener("change", allow);
  const quiet = {
    node: box.node, error, field: days[0],
    get value() {
      return box.input.checked ? { start: start.value, end: end.value, days: DAYS.filter((each) => days[each].checked) } : undefined;
    },
    set value(now) {
      box.turn(Boolean(now));
      if (now) Object.assign(start, { value: now.start });
      if (now) Object.assign(end, { value: now.end });
      for (const each of DAYS) days[each].checked = now?.days?.includes(each) ?? true;
      allow();
      tell();
    },
    get wrong() {
      return box.input.checked && !days.some(({ checked }) => checked) ? words.noDays : "";
    },
  };
  quiet.value = given;
  return quiet;
}

function pauseOf(given, about) {
  const until = make("input", { type: "datetime-local" });
  const error = errorPlace();
  const box = opening(words.pauseAll, about, labelled(words.pauseUntil, until), error);
  const pause = {
    node: box.node, error, field: until,
    get value() {
      return { dndMode: box.input.checked, dndUntil: box.input.checked && until.value ? new Date(until.value).toISOString() : undefined };
    },
    set value({ dndMode, dndUntil }) {
      const isOver = dndUntil && Date.parse(dndUntil) <= Date.now();
      box.turn(Boolean(dndMode && !isOver));
      until.value = dndUntil && !isOver ? localMinute(dndUntil) : "";
    },
    get wrong() {
      return box.input.checked && until.value && new Date(until.value) <= new Date() ? words.pauseIsOver : "";
    },
  };
  pause.value = given;
  return pause;
}

// As a field of date and time has it: of the wall, to the minute.
function localMinute(text) {
  const at = new Date(text);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
