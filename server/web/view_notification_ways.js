// Where one can be reached besides this page: this browser's push, KakaoTalk, Discord. Each way is made, shown by its masked name, and taken away.

import { dateTime, shortTime } from "./calendar.js";
import { question } from "./dialog.js";
import { icon, make, reconcile, tool } from "./dom.js";
import { labelled } from "./fields.js";
import { pushOf, turnOffPush, turnOnPush, whyNoPush } from "./push.js";
import { toast } from "./toast.js";
import { linkCode } from "./view_link_code.js";
import { phoneCode } from "./view_phone_code.js";
import { explain, words } from "./words.js";

const PICTURES = { push: "bell", kakao: "bubble", discord: "people" };

/** Whether one is told anything there: the bot in KakaoTalk cannot speak first. */
export const tells = ({ kind }) => kind !== "kakao_bot";

/** {node, close()} of these endpoints, and of what `can` be added; `changed(endpoints)` hears what they are, at first and later. */
export function waysOf({ calls, chat }, { endpoints, ways: can }, { say, changed }) {
  const user = chat.user.id;
  const list = make("ul", { class: "found", "aria-label": words.reachedAt });
  const renew = async () => show((await calls.endpoints()).endpoints);
  const ways = { calls, can, user, renew, say };
  const kakao = linkCode("kakao", ways);
  const discord = linkCode("discord", ways);
  const phone = phoneCode(ways, { during, error: errorPlace() });
  const push = pushWay(ways);
  const wrong = words.waysWrong;
  const nodes = [push.node,
    wayOf("kakao", can, [kakao.node], { kakao_link: [words.linkAccount, kakao.ask, wrong.code], kakao_login: [words.connectKakao, async () => location.assign(await calls.connectKakao()), wrong.connect], alimtalk: [words.addPhone, phone.ask, wrong.phone] }, phone.node),
    wayOf("discord", can, [discord.node], { discord_link: [words.linkAccount, discord.ask, wrong.code], discord_webhook: null }, can.includes("discord_webhook") && webhookForm(ways))];
  const node = make("section", {}, make("h3", {}, words.reachedAt), list, make("div", { class: "ways" }, ...nodes));
  const show = (now) => {
    const rows = now.map((each) => ({ key: each.id, mark: JSON.stringify(each), each }));
    reconcile(list, rows, ({ each }) => make("li", {}, ...partsOf(each, ways)));
    push.draw(now);
    for (const code of [kakao, discord]) code.came(now);
    changed(now);
  };
  show(endpoints);
  return { node, close: () => [kakao, discord].forEach((code) => code.close()) };
}

// The ways of a platform that there are: what they are about, what can be done (by way: [text, act, what its refusals mean]), and beside it what went wrong.
function wayOf(platform, can, parts, verbs, form) {
  const error = errorPlace();
  const here = Object.keys(verbs).filter((way) => can.includes(way));
  const buttons = here.map((way) => verbs[way]).filter(Boolean).map(([text, act, wrong]) => make("button", { type: "button", class: "plain small", onclick: ({ currentTarget }) => during(currentTarget, error, act, wrong) }, text));
  const about = here.map((way) => words.aboutWay[way]).join(" ") || words.noWay;
  return make("div", { class: "card way", data: { platform } }, make("strong", {}, words.platforms[platform]), make("p", { class: "hint" }, about),
    ...(here.length ? [...parts, make("div", { class: "verbs" }, ...buttons), error, form || ""] : []));
}

const errorPlace = () => make("p", { class: "error", role: "alert" });

async function during(control, place, work, wrong) {
  if (control.ariaBusy) return;
  place.textContent = "";
  control.ariaBusy = "true";
  try {
    await work();
  } catch (error) {
    place.textContent = wrong[error.code] ?? explain(error);
  } finally {
    control.ariaBusy = null;
  }
}

function pushWay({ calls, can, user, renew }) {
  const told = make("p", { class: "hint", role: "status" });
  const turnOn = async () => {
    await turnOnPush(calls, user);
    toast(words.pushIsOn);
    await renew();
  };
  const node = wayOf("push", can, [told], { web_push: [words.turnOnPush, turnOn, words.pushWrong] });
  const button = node.querySelector("button");
  const draw = (endpoints) => {
    if (!button) return;
    const why = whyNoPush();
    const isOn = endpoints.some(({ id }) => id === pushOf(user));
    button.hidden = isOn || why === "insecure" || why === "unable";
    told.textContent = isOn ? words.pushIsOn : (words.pushWrong[why] ?? "");
    told.hidden = !told.textContent;
  };
  return { draw, node };
}

function webhookForm({ calls, renew }) {
  const error = errorPlace();
  const field = make("input", { type: "url", required: true, autocomplete: "off", spellcheck: false, placeholder: "https://discord.com/api/webhooks/…" });
  const save = make("button", { class: "plain small" }, words.addWay);
  const form = make("form", {}, make("div", { class: "beside-button" }, labelled(words.webhookUrl, field), save), error);
  form.onsubmit = (event) => {
    event.preventDefault();
    during(save, error, async () => {
      await calls.addWebhook(field.value.trim());
      field.value = "";
      toast(words.saved);
      await renew();
    }, words.waysWrong.webhook);
  };
  return form;
}

function partsOf({ id, platform, kind, label, createdAt, lastUsedAt }, { calls, user, renew, say }) {
  const name = `${words.wayKinds[kind]} · ${label}`;
  const about = [!tells({ kind }) && words.onlyAnswers, id === pushOf(user) && words.thisBrowser, words.addedAt(shortTime(Date.parse(createdAt))), lastUsedAt && words.usedAt(dateTime(Date.parse(lastUsedAt)))].filter(Boolean).join(" · ");
  const remove = async () => {
    if (button.ariaBusy || !(await question(words.removeWayQuestion(name), words.removeWay))) return;
    say();
    button.ariaBusy = "true";
    try {
      await calls.removeEndpoint(id);
      if (id === pushOf(user)) await turnOffPush();
      await renew();
    } catch (error) {
      say(error);
    } finally {
      button.ariaBusy = null;
    }
  };
  const button = tool("bin", words.removeWay, remove, name);
  return [make("span", { class: "avatar", "aria-hidden": "true" }, icon(PICTURES[platform])), make("span", { class: "what" }, make("strong", {}, name), make("small", {}, about)), button];
}
