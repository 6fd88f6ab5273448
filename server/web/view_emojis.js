// Any emoji as a reaction: some to choose from, and a field for every other.

import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { words } from "./words.js";

const MANY = [
  "👍 👎 👏 🙌 🤝 🙏 💪 👀 ✌️ 👌 🤞 👋",
  "😀 😂 🤣 😊 😍 🥰 😘 😎 🤔 😮 😴 🥳",
  "😢 😭 😅 😱 😡 🤯 🥺 😇 🤗 🙄 😬 🤒",
  "❤️ 🧡 💛 💚 💙 💜 🖤 💔 💯 🔥 ✨ 🎉",
  "✅ ❌ ❓ ❗ ⭐ 💡 📌 ⏰ 🎂 🎁 ☕ 🍻",
  "🌸 🌿 🍀 🌙 ☀️ 🌧️ ❄️ 🐶 🐱 🐣 🍚 🍜",
].flatMap((row) => row.split(" "));
const EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u;

/** `put(emoji)` when one was chosen. */
export function showEmojis(put) {
  const { body, close } = openDialog(words.otherEmoji, { id: "emojis" });
  const take = (emoji) => {
    close();
    put(emoji);
  };
  const buttons = MANY.map((emoji, index) => make("button", { type: "button", tabIndex: index ? -1 : 0, onclick: () => take(emoji) }, emoji));
  const grid = make("div", { class: "emoji-grid", role: "group", "aria-label": words.otherEmoji }, ...buttons);
  grid.onkeydown = (event) => walk(event, buttons);
  const field = make("input", { autocomplete: "off", maxLength: 32, required: true, placeholder: words.emojiHint, "aria-label": words.emojiHint });
  const wrong = make("p", { class: "error", role: "alert" });
  const form = make("form", { class: "beside-button" }, field, make("button", { class: "primary" }, words.react));
  form.onsubmit = (event) => {
    event.preventDefault();
    const emoji = firstEmoji(field.value);
    if (emoji) take(emoji);
    else wrong.textContent = words.noEmoji;
  };
  body.append(grid, form, wrong);
  buttons[0].focus();
}

/** The first emoji of `text`, whole: a family or a flag is one. */
function firstEmoji(text) {
  const parts = new Intl.Segmenter().segment(text.trim());
  return [...parts].map(({ segment }) => segment).find((segment) => EMOJI.test(segment));
}

function walk(event, buttons) {
  const line = getComputedStyle(event.currentTarget).gridTemplateColumns.split(" ").length;
  const to = buttons[buttons.indexOf(event.target) + { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -line, ArrowDown: line }[event.key]];
  if (!to) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}
