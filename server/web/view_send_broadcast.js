// A broadcast before it is sent: recorded, heard once more, and for whom it is. It stays until it is sent or discarded.

import { blank, broken, waiting } from "./blank.js";
import { dateTime } from "./calendar.js";
import { decode } from "./decoded_sound.js";
import { make, tool } from "./dom.js";
import { labelled } from "./fields.js";
import { record } from "./recorder.js";
import { keys } from "./session.js";
import { toast } from "./toast.js";
import { player } from "./view_player.js";
import { peaksOf } from "./waveform.js";
import { explain, words } from "./words.js";

const [SHORTEST, SHOWN, LONGEST] = [1.2, 30, 29.5]; // seconds: encoders add some, and clocks are late
const BARS = 64;
const MANY = 10;
const PAST = 60_000; // a time that is gone so long is a mistake

/** {node, isBegun, show(), done}: `done()` is called when it was sent; begun is what would be lost. */
export function sendingForm({ calls, links }) {
  let recording = null; // {file, sound?, number}
  let number = 0; // of recordings
  const keyOf = keys();
  const stage = make("div", { class: "stage-of-recording" });
  const fields = fieldsOf();
  const errors = errorsOf(fields, stage);
  const send = make("button", { class: "primary" }, words.sendBroadcast);
  const form = make("form", { noValidate: true }, stage, errors.audio, ...fields.nodes, errors.rest, make("div", { class: "verbs" }, send));
  const node = make("section", { "aria-label": words.broadcastViews.send }, form);

  const isRecording = () => stage.querySelector(".recording") !== null;
  const idle = () => {
    recording?.sound?.pause();
    recording = null;
    errors.clear();
    stage.replaceChildren(blank("mic", words.aboutBroadcast, make("button", { type: "button", class: "plain", onclick: begin }, words.recordBroadcast)));
  };
  const begin = async () => {
    errors.clear();
    stage.replaceChildren();
    const file = await record(stage, { shortest: SHORTEST, longest: LONGEST, shown: SHOWN, done: words.endRecording });
    if (file) await preview(file);
    else idle();
    if (node.checkVisibility() && document.activeElement === document.body) stage.querySelector("button:last-of-type")?.focus();
  };
  const preview = async (file) => {
    errors.clear();
    stage.replaceChildren(waiting(1));
    const sound = await decode(file).catch(() => null);
    recording = { file, sound, number: ++number };
    draw();
  };
  const draw = () => {
    const { sound } = recording;
    const discard = () => {
      if (send.ariaBusy) return;
      idle();
      stage.querySelector("button").focus();
    };
    const bin = tool("bin", words.discardRecording, discard);
    stage.replaceChildren(make("div", { class: "heard" }, sound ? playerOf(sound) : make("p", { class: "hint" }, words.noPreview), bin));
  };
  const playerOf = (sound) => player({ sound, name: words.myRecording, duration_ms: sound.duration * 1000, waveform: peaksOf(sound.buffer.getChannelData(0), BARS) }, links, 0);

  const self = { node, done: () => {}, show: () => {
    fields.loadGroups(calls);
    if (recording) draw(); // a player that was gone hears nothing any more
  }, get isBegun() {
    return recording !== null || isRecording();
  } };
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (send.ariaBusy) return;
    errors.clear();
    if (isRecording()) return void (errors.rest.textContent = words.stillRecording);
    const wrong = recording ? fields.wrong() : ["audio"];
    if (wrong.length) return void errors.tell(wrong, words.broadcastWrong);
    recording.sound?.pause();
    send.ariaBusy = "true";
    try {
      const values = fields.values();
      const made = await calls.send(formOf(recording.file, values), keyOf(JSON.stringify([recording.number, values])));
      fields.reset();
      idle();
      toast(made.status === "scheduled" ? words.isScheduled(dateTime(made.start_at)) : words.isSent);
      self.done();
    } catch (error) {
      const named = Object.keys(error.fields ?? {}).filter((field) => errors[field]);
      errors.tell(named, words.broadcastWrong);
      if (!named.length) errors.rest.textContent = error.retryAfter ? words.comeAgain(Math.ceil(error.retryAfter / 60_000)) : `${explain(error)} ${words.isKept}`;
    } finally {
      send.ariaBusy = null;
    }
  };
  idle();
  return self;
}

function formOf(file, values) {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.append(name, value);
  form.append("audio", file);
  return form;
}

function fieldsOf() {
  const field = (name, text, properties) => [name, text, make("input", { name, autocomplete: "off", ...properties })];
  const options = (choices) => Object.entries(choices).map(([value, text]) => make("option", { value }, text));
  const gender = make("select", { name: "gender" }, ...options({ ...words.ownGenders, "": words.anybody }));
  const group = make("select", { name: "group" });
  const groupPlace = make("div", {});
  const all = [
    field("recipient_count", words.howMany, { type: "number", min: 1, max: 100, value: MANY, required: true, inputMode: "numeric" }),
    field("schedule", words.schedule, { type: "datetime-local" }),
    ["group", words.group, group],
    field("region", words.region, { maxLength: 64 }),
    ["gender", words.gender, gender],
    field("age_from", words.ageFrom, { type: "number", min: 0, max: 150, inputMode: "numeric" }),
    field("age_to", words.ageTo, { type: "number", min: 0, max: 150, inputMode: "numeric" }),
  ];
  const inputs = Object.fromEntries(all.map(([name, , input]) => [name, input]));
  const places = Object.fromEntries(all.map(([name, text, input]) => [name, make("div", {}, labelled(text, input))]));
  groupPlace.append(places.group);
  const audience = make("details", {}, make("summary", {}, words.forWhom), make("p", { class: "hint" }, words.aboutAudience),
    groupPlace, make("div", { class: "pairs" }, places.region, places.gender, places.age_from, places.age_to));
  const nodes = [make("div", { class: "pairs when-and-many" }, places.recipient_count, places.schedule), audience];

  const loadGroups = async (calls) => {
    const chosen = group.value;
    groupPlace.replaceChildren(waiting(1));
    try {
      const found = await calls.groups();
      group.replaceChildren(...options({ "": words.anybody }), ...found.map(({ id, name }) => make("option", { value: id }, name)));
      group.value = found.some(({ id }) => id === chosen) ? chosen : "";
      groupPlace.replaceChildren(found.length ? places.group : make("p", { class: "hint" }, words.noGroups));
    } catch (error) {
      groupPlace.replaceChildren(broken(error, () => loadGroups(calls)));
    }
  };
  const values = () => {
    const given = Object.entries(inputs).filter(([name, input]) => input.value.trim() || name === "recipient_count");
    return Object.fromEntries(given.map(([name, input]) => [name, name === "schedule" ? new Date(input.value).getTime() : input.value.trim()]));
  };
  const isWrong = (name, input) => input.validity.badInput || (name === "schedule" && new Date(input.value).getTime() < Date.now() - PAST);
  const wrong = () => Object.entries(inputs).filter((each) => isWrong(...each)).map(([name]) => name);
  const reset = () => {
    for (const input of Object.values(inputs)) input.value = "";
    inputs.recipient_count.value = MANY;
    audience.open = false;
  };
  return { nodes, inputs, places, audience, loadGroups, values, wrong, reset };
}

// What is wrong stands beside what it is about, and is told with it.
function errorsOf({ inputs, places, audience }, stage) {
  const errors = {};
  for (const name of ["audio", ...Object.keys(inputs), "rest"]) {
    errors[name] = make("p", { class: "error", id: `wrong-${name}`, role: "alert" });
    places[name]?.append(errors[name]);
  }
  const clear = () => {
    for (const [name, node] of Object.entries(errors)) {
      node.textContent = "";
      inputs[name]?.removeAttribute("aria-invalid");
      inputs[name]?.removeAttribute("aria-describedby");
    }
  };
  const tell = (names, texts) => {
    for (const name of names) {
      errors[name].textContent = texts[name];
      inputs[name]?.setAttribute("aria-invalid", "true");
      inputs[name]?.setAttribute("aria-describedby", errors[name].id);
      if (audience.contains(inputs[name])) audience.open = true;
    }
    const [first] = names;
    if (first) (inputs[first] ?? stage.querySelector("button")).focus();
  };
  return Object.defineProperties({ ...errors }, { clear: { value: clear }, tell: { value: tell } });
}
