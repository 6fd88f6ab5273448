// The keys that lead somewhere.

import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { words } from "./words.js";

const KEYS = [
  ["goTo", "Ctrl", "K"], ["search", "/"], ["nextRoom", "Alt", "↑ ↓"], ["toMessages", "Shift", "Tab"], ["alongMessages", "↑ ↓"], ["menuOfMessage", "Enter"],
  ["replyToMessage", "R"], ["threadOfMessage", "T"], ["reactToMessage", "1–6"], ["editLast", "↑"], ["newLine", "Shift", "Enter"], ["mention", "@"], ["back", "Esc"], ["shortcuts", "?"],
];

export function showShortcuts() {
  const { body } = openDialog(words.shortcuts, { id: "shortcuts" });
  const line = ([what, ...keys]) => [make("dt", {}, ...keys.map((key) => make("kbd", {}, key))), make("dd", {}, words.keys[what])];
  body.append(make("dl", { class: "keys" }, ...KEYS.flatMap(line)));
}
