// Who one is: the name that others see, and what matching goes by.

import { make } from "./dom.js";
import { labelled } from "./fields.js";
import { words } from "./words.js";

/** The form of `me`; `save(changes, button)` gets what is another now, null for what is empty. */
export function profileForm(me, save) {
  const input = (name, properties) => make("input", { name, value: me[name] ?? "", ...properties });
  const button = make("button", { class: "primary small" }, words.save);
  const form = make("form", {},
    labelled(words.displayName, input("name", { maxLength: 256, autocomplete: "nickname", required: true })),
    labelled(words.username, make("input", { readOnly: true, value: `@${me.username}` })),
    make("details", {}, make("summary", {}, words.moreAboutMe), make("p", { class: "hint" }, words.aboutProfile), make("div", { class: "pairs" },
      labelled(words.phone, input("phone", { type: "tel", maxLength: 32, autocomplete: "tel" })),
      labelled(words.birthDate, input("birth_date", { type: "date", autocomplete: "bday", max: new Date().toISOString().slice(0, 10) })),
      labelled(words.gender, select("gender", words.ownGenders, me.gender)),
      labelled(words.wishes, select("preferred_gender", words.genders, me.preferred_gender)),
      labelled(words.region, input("region", { maxLength: 64, autocomplete: "address-level1" })),
      labelled(words.timeZone, select("time_zone", zonesWith(me.time_zone), me.time_zone)))),
    make("div", { class: "verbs" }, button));
  form.onsubmit = (event) => {
    event.preventDefault();
    save(changesOf(form, me), button);
  };
  return form;
}

function select(name, choices, chosen = "") {
  return make("select", { name }, ...Object.entries(choices).map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
}

/** All time zones, and `zone`: {value: text}. */
export const zonesWith = (zone) => Object.fromEntries([...new Set([zone, "UTC", ...Intl.supportedValuesOf("timeZone")])].sort().map((name) => [name, name.replaceAll("_", " ")]));

function changesOf(form, me) {
  const given = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
  return Object.fromEntries(given.filter(([name, value]) => value !== (me[name] ?? "")).map(([name, value]) => [name, value || null]));
}
