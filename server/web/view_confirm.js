// The last question before many people are sent something: it says again how many.

import { dateTime } from "./calendar.js";
import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { aboutOf } from "./job_bar.js";
import { count, lasting } from "./numbers.js";
import { secondsOf } from "./pace.js";
import { bubbleOf, costOf } from "./view_audience.js";
import { words } from "./words.js";

/** `found` as previewed; `send()` is a promise. What is refused is said here, and can be tried again: it is the same job. */
export function confirmation(campaign, found, send) {
  const many = count(found.totalUsers);
  const { body, say, close } = openDialog(words.confirmTitle(many), { id: "confirm" });
  const without = Object.values(found.leftOut).reduce((sum, n) => sum + n, 0);
  const facts = [
    [words.whoGetsIt, [words.people(many), aboutOf(campaign), ...conditionsOf(campaign)].join(" · ")],
    [words.leftOut, without ? words.people(count(without)) : undefined],
    [words.when, campaign.scheduledAt ? dateTime(campaign.scheduledAt) : words.atOnce],
    [words.duration, words.takesAbout(lasting(secondsOf(found.estimatedDuration)))],
    [words.cost, costOf(found, campaign)],
  ].filter(([, value]) => value);
  const no = make("button", { type: "button", class: "plain", onclick: close }, words.cancel);
  const yes = make("button", { type: "button", class: "danger" }, words.confirmSend(many));
  yes.onclick = async () => {
    if (yes.ariaBusy) return;
    say();
    yes.ariaBusy = "true";
    try {
      await send();
      close();
    } catch (error) {
      say(error);
    } finally {
      yes.ariaBusy = null;
    }
  };
  body.append(make("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
    bubbleOf(campaign.message, campaign.channel), make("p", { class: "hint" }, words.notTakenBack), make("div", { class: "verbs" }, no, yes));
  no.focus();
}

function conditionsOf({ conditions = {}, ramp }) {
  const { region, lastSeenWithinDays: days, isTest } = conditions;
  return [region, days && words.withinDays(days), isTest && words.testPeople, ramp && words.ramp].filter(Boolean);
}
