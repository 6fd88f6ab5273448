// What admins of the server do with an account: suspend it, delete it, bring it back, give it a role.

import { dateTime } from "./calendar.js";
import { blank, broken, waiting } from "./blank.js";
import { question } from "./dialog.js";
import { make } from "./dom.js";
import { labelled, tabs } from "./fields.js";
import { words } from "./words.js";

/** A section where accounts are found and changed; `say` as of a dialog. */
export function accountsView(calls, say) {
  const field = make("input", { type: "search", required: true, maxLength: 64, autocomplete: "off" });
  const form = make("form", {}, labelled(words.findAccount, field));
  const place = make("div", { class: "cards", "aria-live": "polite" });
  let turn = 0;
  const find = async () => {
    const mine = ++turn;
    say();
    place.replaceChildren(waiting(2));
    try {
      const found = await accountsOf(calls, field.value.trim());
      if (mine === turn) place.replaceChildren(...(found.length ? found.map((account) => cardOf(account, calls, say)) : [blank("search", words.nobodyFound)]));
    } catch (error) {
      if (mine === turn) place.replaceChildren(broken(error, find));
    }
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    find();
  };
  return make("section", {}, form, place);
}

// Only who is active is found by name; of others the id is known, from a report. A change of nothing tells how an account is.
async function accountsOf(calls, text) {
  const found = await calls.people(text);
  const ids = found.length ? found.map(({ id }) => id) : [text];
  const asked = ids.map((id) => calls.changeAccount(id, {}).catch((error) => {
    if (error.code !== "not_found") throw error;
  }));
  return (await Promise.all(asked)).filter(Boolean);
}

function cardOf(account, calls, say) {
  const { id, username, name, created_at: created, last_sign_in_at: last } = account;
  const form = make("form", { class: "card" },
    make("p", {}, make("strong", {}, name || username), make("small", {}, ` @${username} · ${id}`)),
    make("p", { class: "hint" }, words.accountSince(dateTime(created)), last ? ` · ${words.lastSignIn(dateTime(last))}` : ""),
    tabs("status", words.accountStatus, words.statuses, account.status), tabs("role", words.accountRole, words.accountRoles, account.role),
    make("div", { class: "verbs" }, make("button", { class: "plain small" }, words.change)));
  form.onsubmit = async (event) => {
    event.preventDefault();
    const wanted = Object.entries({ status: form.elements.status.value, role: form.elements.role.value });
    const change = Object.fromEntries(wanted.filter(([what, value]) => value !== account[what]));
    if (!Object.keys(change).length || !(await question(words.accountQuestion(name || username), words.change))) return;
    say();
    try {
      const now = cardOf(await calls.changeAccount(id, change), calls, say);
      form.replaceWith(now);
      now.querySelector("button").focus();
    } catch (error) {
      say(error);
    }
  };
  return form;
}
