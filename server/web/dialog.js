// Dialogs that are made when they are needed and gone when they are closed.

import { find, make, tool } from "./dom.js";
import { explain, words } from "./words.js";

let made = 0; // for ids that are the document's own

/**
 * Open a dialog with a heading: what it shows goes into `body`; `say(error)` tells what went wrong, `say()` takes it back.
 * `lost()` is what to ask ([text, verb] of a question) before whoever looks at it leaves it, or nothing.
 */
export function openDialog(title, { id, closed = () => {}, lost = () => {} } = {}) {
  const name = `dialog-${++made}`;
  const body = make("div", { class: "sheet" });
  const error = make("p", { class: "error", role: "alert" });
  const close = tool("close", words.close);
  const dialog = make("dialog", { id, "aria-labelledby": name },
    make("header", {}, make("h2", { id: name }, title), close), body, error);
  const leave = async () => {
    const asked = lost();
    if (!asked || (await question(...asked))) dialog.close();
  };
  close.onclick = leave;
  dialog.oncancel = (event) => {
    if (!lost()) return;
    event.preventDefault();
    leave();
  };
  dialog.onclose = () => {
    dialog.remove();
    closed();
  };
  find("chat").append(dialog);
  dialog.showModal();
  return { dialog, body, say: (why) => (error.textContent = why ? explain(why) : ""), close: () => dialog.close() };
}

/** Ask before something that is not easily taken back. A promise of whether to do it. */
export function question(text, verb) {
  return new Promise((resolve) => {
    let answer = false;
    const { body, close } = openDialog(verb, { id: "question", closed: () => resolve(answer) });
    const choose = (yes) => {
      answer = yes;
      close();
    };
    const no = make("button", { type: "button", class: "plain", onclick: () => choose(false) }, words.cancel);
    body.append(make("p", {}, text), make("div", { class: "verbs" }, no,
      make("button", { type: "button", class: "danger", onclick: () => choose(true) }, verb)));
    no.focus();
  });
}
