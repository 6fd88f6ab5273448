// A campaign tried out on people who are named.

import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { fieldErrors } from "./field_errors.js";
import { labelled } from "./fields.js";
import { count } from "./numbers.js";
import { keys } from "./session.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

const MOST = 20;
const NOBODY = "no such user: "; // the server says whom it means after that

/** `me` is who is signed in: he is the first to try it on. `tried(job)` is told what was begun. */
export function testSend({ message, channel, advertising }, calls, me, tried) {
  const { body, say, close } = openDialog(words.testIt, { id: "test-send" });
  const field = make("textarea", { name: "people", rows: 2, required: true, autocapitalize: "none", spellcheck: false, value: me.username });
  const send = make("button", { class: "primary" }, words.testIt);
  const form = make("form", { noValidate: true }, make("p", { class: "hint" }, words.aboutTest(MOST)), labelled(words.testTo, field), make("div", { class: "verbs" }, send));
  const errors = fieldErrors({ userIds: field });
  const keyOf = keys();
  const refused = (error) => {
    const [name, why] = Object.entries(error.fields ?? {})[0] ?? [];
    if (why?.startsWith(NOBODY)) errors.tell({ userIds: words.noSuchPerson(why.slice(NOBODY.length)) });
    else if (!errors.tell({ [name]: why })) say(words.brokenRules[why] ? { said: words.brokenRules[why] } : error);
  };
  form.onsubmit = async (event) => {
    event.preventDefault();
    const userIds = [...new Set(field.value.normalize("NFC").split(/[\s,]+/).filter(Boolean))];
    if (send.ariaBusy) return;
    say();
    errors.clear();
    if (!userIds.length || userIds.length > MOST) return errors.tell({ userIds: words.notSoMany(MOST) });
    send.ariaBusy = "true";
    const asked = { message, channel, advertising, userIds };
    try {
      const made = await calls.test(asked, keyOf(JSON.stringify(asked)));
      close();
      toast(words.isTried(count(made.totalUsers)));
      tried(made);
    } catch (error) {
      refused(error);
    } finally {
      send.ariaBusy = null;
    }
  };
  body.append(form);
  field.focus();
}
