// The page: through the gate into the chat.

import { Chat } from "./chat.js";
import { question } from "./dialog.js";
import { fillIcons, find } from "./dom.js";
import { ask, forgetSession, saveSession, savedSession } from "./session.js";
import { fillWords, words } from "./words.js";

const REASON = "madang.reason";

// A fresh document holds nothing of the person who left.
function leave(session, reason = "") {
  window.onbeforeunload = null; // there is nothing to ask any more
  forgetSession(session.token);
  sessionStorage.setItem(REASON, reason);
  history.replaceState(null, "", location.pathname);
  location.reload();
}

function enter(session) {
  find("starting").hidden = true;
  find("sign-in").hidden = true;
  find("chat").hidden = false;
  const signOut = async () => {
    if (chat.unsent && !(await question(words.signOutUnsent(chat.unsent), words.signOut))) return;
    chat.stop();
    await chat.notifications?.leave();
    await ask("POST", "/api/v1/auth/logout", { token: session.token }).catch(() => {});
    sessionStorage.clear();
    leave(session);
  };
  const chat = new Chat(session, { leave: (reason) => leave(session, reason), signOut });
  chat.start();
}

fillWords(document);
fillIcons(document);
const session = savedSession();
if (session) {
  enter(session);
} else {
  const reason = sessionStorage.getItem(REASON) ?? "";
  sessionStorage.removeItem(REASON);
  const through = (answer, keep) => {
    saveSession(answer, keep);
    enter(answer);
  };
  const { showGate } = await import("./view_sign_in.js");
  showGate({ reason, enter: through });
}
