// Reporting a message to the admins of the server.

import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { words } from "./words.js";

const REASONS = ["spam", "abuse", "illegal", "other"];

/** `report({reason, note?})` is a promise. */
export function showReport({ report }) {
  const { body, say, close } = openDialog(words.report, { id: "report" });
  const reasons = REASONS.map((reason, index) => make("label", { class: "choice" },
    make("input", { type: "radio", name: "reason", value: reason, checked: index === 0 }), make("span", {}, words.reasons[reason])));
  const note = make("textarea", { name: "note", maxLength: 1000, rows: 3 });
  const send = make("button", { class: "primary" }, words.report);
  const form = make("form", { method: "dialog" },
    make("fieldset", { "aria-label": words.reportWhy, role: "radiogroup" }, ...reasons),
    make("label", {}, make("span", {}, words.reportNote), note),
    send);
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (send.ariaBusy) return;
    say();
    send.ariaBusy = "true";
    try {
      await report({ reason: form.elements.reason.value, note: note.value.trim() || undefined });
      const done = make("button", { type: "button", class: "primary", onclick: close }, words.close);
      body.replaceChildren(make("p", { role: "status" }, words.reported), done);
      done.focus();
    } catch (error) {
      say(error);
      send.ariaBusy = null;
    }
  };
  body.append(form);
}
