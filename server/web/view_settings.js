// The settings of a room, as far as this person may change them.

import { openDialog, question } from "./dialog.js";
import { make } from "./dom.js";
import { labelled, tabs } from "./fields.js";
import { may, ROLES } from "./may.js";
import { words } from "./words.js";

/** `change(changes)` is a promise. */
export function showSettings(room, { change }) {
  const { body, say, close } = openDialog(words.roomSettings, { id: "settings" });
  const before = { ...room }; // what others change while the dialog is open is not undone by it
  const form = make("form", { method: "dialog" });
  if (may("describe", room)) form.append(...describing(room));
  if (may("show", room)) form.append(...showing(room));
  const apply = async (changes) => {
    say();
    try {
      if (Object.keys(changes).length) await change(changes);
      close();
    } catch (error) {
      say(error);
    }
  };
  if (form.children.length) form.append(make("button", { class: "primary" }, words.save));
  form.onsubmit = (event) => {
    event.preventDefault();
    apply(changesOf(form, before));
  };
  body.append(form);
  if (may("archive", room)) body.append(archiving(room, apply));
}

function describing(room) {
  return [
    labelled(words.roomName, make("input", { name: "name", maxLength: 100, autocomplete: "off", required: true, value: room.name })),
    labelled(words.description, make("textarea", { name: "description", maxLength: 1000, rows: 3, value: room.description ?? "" })),
  ];
}

function showing(room) {
  const fields = [tabs("visibility", words.whoFinds, words.visibility, room.visibility)];
  if (room.post !== undefined) {
    const roles = [...ROLES].reverse().map((role) => make("option", { value: role, selected: role === room.post }, words.postFrom[role]));
    fields.push(labelled(words.whoSpeaks, make("select", { name: "post" }, ...roles)));
  }
  return fields;
}

function changesOf(form, room) {
  const changes = {};
  for (const name of ["name", "description", "visibility", "post"]) {
    const value = form.elements[name]?.value.trim();
    if (value !== undefined && value !== (room[name] ?? "")) changes[name] = value;
  }
  return changes;
}

function archiving(room, apply) {
  const archive = async () => {
    if (await question(words.archiveQuestion(room.name), words.archive)) apply({ archived: true });
  };
  const act = room.archived ? () => apply({ archived: false }) : archive;
  return make("div", { class: "verbs" },
    make("button", { type: "button", class: room.archived ? "primary" : "plain", onclick: act }, room.archived ? words.unarchive : words.archive));
}
