// The words of what opens over the chat: they come with the first of it.

import { language, words } from "./words.js";

Object.assign(words, language === "ko" ? (await import("./words_more_ko.js")).ko : (await import("./words_more_en.js")).en);

export { explain, language, words } from "./words.js";
