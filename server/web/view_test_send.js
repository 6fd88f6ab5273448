// A campaign tried out on people who are named.

import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { labelled } from "./fields.js";
import { count } from "./numbers.js";
import { keys } from "./session.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

const MOST = 20;

/** `me` is who is signed in: he is the first to try it on. */
export function testSend({ message, channel, advertising }, calls, me) {
  const { body, say, close } = openDialog(words.testIt, { id: "test-send" });
  const field = make("textarea", { name: "people", rows: 2, required: true, autocapitalize: "none", spellcheck: false, value: me.username });
  const send = make("button", { class: "primary" }, words.testIt);
  const form = make("form", {}, make("p", { class: "hint" }, words.aboutTest(MOST)), labelled(words.testTo, field), make("div", { class: "verbs" }, send));
  const keyOf = keys();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const userIds = [...new Set(field.value.normalize("NFC").split(/[\s,]+/).filter(Boolean))];
    if (send.ariaBusy || !userIds.length || userIds.length > MOST) return;
    say();
    send.ariaBusy = "true";
    const asked = { message, channel, advertising, userIds };
    try {
      const { totalUsers } = await calls.test(asked, keyOf(JSON.stringify(asked)));
      close();
      toast(words.isTried(count(totalUsers)));
    } catch (error) {
      say(error);
    } finally {
      send.ariaBusy = null;
    }
  };
  body.append(form);
  field.focus();
}
