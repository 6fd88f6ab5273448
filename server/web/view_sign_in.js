// The gate: sign in, sign up, or take a demo account.

import { find, make } from "./dom.js";
import { ask } from "./session.js";
import { explain, words } from "./words.js";

/** Show the gate until somebody comes through; `enter({user, token}, keep)`. `reason` says why it is shown. */
export function showGate({ enter, reason = "" }) {
  const form = find("sign-in-form");
  const say = (text) => (find("sign-in-error").textContent = text);
  const submit = find("sign-in-submit");
  const isBusy = () => submit.getAttribute("aria-busy") === "true";
  const signIn = async (path, body, keep) => {
    if (isBusy()) return;
    say("");
    submit.setAttribute("aria-busy", "true");
    try {
      enter(await ask("POST", path, { body }), keep);
    } catch (error) {
      submit.removeAttribute("aria-busy");
      say(error.code === "forbidden" ? words.closes[4503] : explain(error));
    }
  };
  const changed = () => drawMode(form, form.elements.mode.value === "up");

  form.onchange = changed;
  form.onsubmit = (event) => {
    event.preventDefault();
    const { mode, username, password, name, keep } = form.elements;
    const body = { username: username.value.trim(), password: password.value };
    if (mode.value === "up") signIn("/api/v1/users", { ...body, name: name.value.trim() || undefined }, keep.checked);
    else signIn("/api/v1/auth/token", body, keep.checked);
  };
  find("starting").hidden = true;
  find("sign-in").hidden = false;
  changed();
  say(reason);
  offerDemo((account) => signIn("/api/v1/auth/token", account, false));
}

function drawMode(form, signingUp) {
  find("sign-up-name").hidden = !signingUp;
  find("sign-in-submit").textContent = signingUp ? words.signUp : words.signIn;
  form.elements.password.autocomplete = signingUp ? "new-password" : "current-password";
}

// Demo accounts exist only on a server that was started to be tried out.
async function offerDemo(take) {
  const { items = [] } = await ask("GET", "/api/v1/demo").catch(() => ({}));
  const buttons = items.map(({ username, password, name }) =>
    make("button", { type: "button", onclick: () => take({ username, password }) }, name ?? username));
  find("demo-accounts").replaceChildren(...buttons);
  find("demo").hidden = !items.length;
}
