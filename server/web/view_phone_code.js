// AlimTalk to the phone of one's profile: a code is sent there, and one says it here.

import { clockTime } from "./calendar.js";
import { make } from "./dom.js";
import { labelled } from "./fields.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

/** {node, ask()}: `ask` has a code sent and `node` takes it. `during` is of the ways: what one does, where it is said that it went wrong. */
export function phoneCode({ calls, renew }, { during, error }) {
  const told = make("p", { role: "status" });
  const field = make("input", { inputMode: "numeric", autocomplete: "one-time-code", pattern: "[0-9]{6}", maxLength: 6, required: true });
  const save = make("button", { class: "plain small" }, words.sayCode);
  const node = make("form", { hidden: true }, told, make("div", { class: "beside-button" }, labelled(words.phoneCode, field), save), error);
  const ask = async () => {
    const { label, expiresAt } = await calls.addPhone();
    told.textContent = words.phoneCodeSent(label, clockTime(Date.parse(expiresAt)));
    field.value = error.textContent = "";
    node.hidden = false;
    field.focus();
  };
  node.onsubmit = (event) => {
    event.preventDefault();
    during(save, error, async () => {
      await calls.addPhone(field.value);
      node.hidden = true;
      toast(words.isLinked(words.platforms.kakao));
      await renew();
    }, words.waysWrong.phone);
  };
  return { node, ask };
}
