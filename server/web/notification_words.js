// The words of notifications are added to those of the page.

import { language, words } from "./words.js";

Object.assign(words, language === "ko" ? (await import("./words_notifications_ko.js")).ko : (await import("./words_notifications_en.js")).en);
