// A campaign before it is sent: for whom, by which way, what; looked at, tried out, and sent when that was confirmed.

import { campaignOf, fillIn, valuesOf } from "./campaign_fields.js";
import { icon, make } from "./dom.js";
import { fieldErrors } from "./field_errors.js";
import { labelled, tabs } from "./fields.js";
import { count } from "./numbers.js";
import { keys } from "./session.js";
import { toast } from "./toast.js";
import { previewOf } from "./view_audience.js";
import { confirmation } from "./view_confirm.js";
import { testSend } from "./view_test_send.js";
import { explain, words } from "./words.js";

const [LONGEST, LONGEST_TITLE] = [4_000, 100];
const PAST = 60_000; // a time that is gone so long is a mistake
const NAMES = { ageGroup: "group", message: "message", title: "title", scheduledAt: "at", channel: "channel", region: "region", lastSeenWithinDays: "days" }; // of the server's

/** {node, title}; `me` is who is signed in, `go(hash)` leads elsewhere. */
export function composeView({ calls, go, me }) {
  const key = `madang.campaign.${me.id}`;
  const parts = formOf();
  const { form, message, counted, error, verbs, tried } = parts;
  const shown = previewOf();
  let keyOf = keys();
  const errors = fieldErrors({ group: parts.group, message, title: form.elements.title, at: form.elements.at, channel: parts.channel, region: form.elements.region, days: form.elements.days });

  const changed = () => {
    counted.textContent = words.lettersOf(count([...message.value.normalize("NFC")].length), count(LONGEST));
    parts.adHints.hidden = !form.elements.advertising.checked;
    verbs.send.textContent = form.elements.at.value ? words.scheduleIt : words.sendIt;
    shown.say(message.value.normalize("NFC"), form.elements.channel.value);
  };
  form.oninput = () => {
    sessionStorage.setItem(key, JSON.stringify(valuesOf(form)));
    shown.outdated();
    changed();
  };
  const refused = (why) => {
    const named = Object.entries(why.fields ?? {}).map(([field, text]) => [NAMES[field.split(".").at(-1)], words.brokenRules[text] ?? words.campaignWrong[NAMES[field.split(".").at(-1)]] ?? text]);
    if (!errors.tell(Object.fromEntries(named))) error.textContent = explain(why);
  };
  const isRight = () => {
    errors.clear();
    error.textContent = "";
    const at = form.elements.at.value && Date.parse(form.elements.at.value);
    const wrong = {};
    if (!message.value.trim()) wrong.message = words.campaignWrong.message;
    if (!form.elements.days.checkValidity()) wrong.days = words.campaignWrong.days;
    if (at && at < Date.now() - PAST) wrong.at = words.campaignWrong.at;
    return !errors.tell(wrong);
  };
  /** Do `act(campaign)` while `button` is busy; what is refused is said beside its field. */
  const during = (button, act) => async () => {
    if (button.ariaBusy || !isRight()) return;
    button.ariaBusy = "true";
    try {
      await act(campaignOf(form));
    } catch (why) {
      refused(why);
    } finally {
      button.ariaBusy = null;
    }
  };
  const look = async (campaign) => {
    const found = await calls.preview(campaign);
    shown.become(found, campaign);
    if (found.brokenRule) errors.tell({ message: words.brokenRules[found.brokenRule] ?? found.brokenRule });
    return found;
  };
  const send = async (campaign) => {
    const found = await look(campaign);
    if (found.brokenRule) return;
    if (!found.totalUsers) return void (error.textContent = words.nobodyMeant);
    confirmation(campaign, found, async () => {
      const made = await calls.send(campaign, keyOf(JSON.stringify(campaign)));
      keyOf = keys(); // the same once more would be another one
      sessionStorage.removeItem(key);
      toast(campaign.scheduledAt ? words.isPlanned : words.isBegun(count(made.totalUsers)));
      go(`#/job/${made.jobId}`);
    });
  };
  const looking = during(verbs.look, look);
  verbs.test.onclick = during(verbs.test, (campaign) => testSend(campaign, calls, me, ({ jobId, totalUsers }) => tried.replaceChildren(words.isTried(count(totalUsers)), " · ", make("a", { href: `#/job/${jobId}` }, words.seeResults))));
  verbs.send.onclick = during(verbs.send, send);
  form.onsubmit = (event) => {
    event.preventDefault(); // Enter in a field looks, and never sends
    looking();
  };
  fillIn(form, JSON.parse(sessionStorage.getItem(key) ?? "{}"));
  changed();
  return { node: make("section", { class: "compose" }, form, shown.node), title: words.newCampaign };
}

function formOf() {
  const field = (name, properties) => make("input", { name, autocomplete: "off", ...properties });
  const box = (name, text, about) => make("label", { class: "check" }, field(name, { type: "checkbox" }), make("span", {}, text, make("small", {}, about)));
  const message = make("textarea", { name: "message", rows: 6, maxLength: LONGEST, required: true });
  const counted = make("span", { class: "hint" });
  const adHints = make("ul", { class: "hints hint", hidden: true }, ...words.adHints.map((hint) => make("li", {}, hint)));
  const group = make("select", { name: "group" }, ...Object.entries(words.ageGroups).map(([value, text]) => make("option", { value }, text)));
  const priority = make("select", { name: "priority" }, ...Object.entries(words.priorities).map(([value, text]) => make("option", { value, selected: value === "2" }, text)));
  const channel = tabs("channel", words.channel, words.channelNames, "in_app");
  const more = make("details", {}, make("summary", {}, words.moreChoices),
    make("div", { class: "pairs" }, make("div", {}, labelled(words.regionOf, field("region", { maxLength: 64 }))),
      make("div", {}, labelled(words.seenWithin, field("days", { type: "number", min: 1, max: 3650, inputMode: "numeric" }))),
      make("div", {}, labelled(words.sendAt, field("at", { type: "datetime-local" }))), make("div", {}, labelled(words.priority, priority))),
    box("test", words.testPeople, words.aboutTestPeople), box("ramp", words.ramp, words.aboutRamp));
  const button = (text, picture, properties) => make("button", { class: "plain", type: "button", ...properties }, icon(picture), ` ${text}`);
  const verbs = { look: button(words.lookAtIt, "people", { type: "submit" }), test: button(words.testIt, "pen"), send: make("button", { type: "button", class: "primary" }, words.sendIt) };
  const error = make("p", { class: "error", role: "alert" });
  const tried = make("p", { class: "hint tried" });
  const form = make("form", { class: "card", noValidate: true },
    make("div", {}, labelled(words.ageGroup, group)), make("div", {}, make("span", { class: "hint" }, words.channel), channel),
    make("div", {}, labelled(words.campaignTitle, field("title", { maxLength: LONGEST_TITLE }))),
    make("div", {}, labelled(words.campaignMessage, message), counted), box("advertising", words.advertising, words.aboutAdvertising), adHints, more, error, tried,
    make("div", { class: "verbs" }, ...Object.values(verbs)));
  return { form, message, counted, adHints, group, channel: channel.querySelector("input"), error, verbs, tried };
}
