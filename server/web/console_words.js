// The words of the console are added to those of the page.

import { language, words } from "./words.js";

Object.assign(words, language === "ko" ? (await import("./words_console_ko.js")).ko : (await import("./words_console_en.js")).en);
words.cancel = words.keepIt; // what is cancelled here is a sending
