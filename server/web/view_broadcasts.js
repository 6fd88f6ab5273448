// Broadcasts: one to record and send, those one sent, and those one received.

import { broadcastCalls } from "./broadcast_calls.js";
import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { tabs } from "./fields.js";
import { inboxOf } from "./view_inbox.js";
import { sendingForm } from "./view_send_broadcast.js";
import { sentOf } from "./view_sent.js";
import { words } from "./words.js";

// A voice that answers goes with the dialog; what is written, and a broadcast, stay.
const isAnswered = () => document.querySelector(".answer :is(.recording, .tray li)");

/** `chat` has calls, links, token, broadcasts, store, arrive(room) and go(room). */
export function showBroadcasts(chat) {
  const { broadcasts, links } = chat;
  const calls = broadcastCalls(chat.calls.http);
  const closed = () => {
    broadcasts.view = null;
    sent.close();
  };
  const lost = () => isAnswered() && [words.answerLost, words.discardRecording];
  const { body, dialog, say, close } = openDialog(words.broadcasts, { id: "broadcasts", closed, lost });
  dialog.classList.add("wide");
  const form = (broadcasts.form ??= sendingForm({ calls, links }));
  const sent = sentOf({ calls, links, say });
  const inbox = inboxOf({ chat, calls, close });
  const sections = { received: inbox.node, send: form.node, sent: sent.node };
  const choice = tabs("view", words.broadcasts, words.broadcastViews, "", (name) => show(name));
  const show = (name) => {
    say();
    for (const [each, node] of Object.entries(sections)) node.hidden = each !== name;
    if (name === "sent") sent.show();
    if (name === "received") inbox.show();
    if (name === "send") form.show();
  };
  const choose = (name) => {
    const radio = choice.querySelector(`[value="${name}"]`);
    radio.checked = true;
    radio.focus();
    show(name);
  };
  form.done = () => dialog.open && inbox.node.hidden && choose("sent"); // who answers meanwhile goes on
  window.onbeforeunload = (event) => {
    if (broadcasts.unsent || isAnswered()) event.preventDefault();
  };
  broadcasts.view = {
    told: (frame) => {
      sent.told(frame);
      inbox.told(frame);
    },
    renewed: (page) => {
      sent.renew();
      inbox.renewed(page);
    },
  };
  body.append(choice, make("div", {}, ...Object.values(sections)));
  choose(form.isBegun || !broadcasts.unheard ? "send" : "received");
}
