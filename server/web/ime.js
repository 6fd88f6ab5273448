// The Enter key beside an input method: a message is sent once, with its last syllable, at the first Enter.
//
// While a syllable is being composed, Enter first belongs to the input method. What follows differs:
// Chromium on macOS and Linux ends the composition and then reports a second, plain Enter; on Windows
// there is none; Safari ends it first and then reports an Enter with key code 229. Sending in the middle
// would clear the field under the input method, which then writes its last syllable once more. So an Enter
// during a composition is only noted, and what was noted is sent when the composition has ended, if it was
// of Hangul: in Japanese or Chinese the same key chooses a candidate and means nothing else.
// Whatever comes as well finds an empty field, or, where a draft came back into it, is known to be of the same press.

const HANGUL = /[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]$/u;
const BY_INPUT_METHOD = 229;
const SAME_PRESS = 100;

const isEnter = (event) => event.key === "Enter" || event.code === "Enter" || event.code === "NumpadEnter";
const isLineBreak = (event) => event.inputType === "insertLineBreak" || event.inputType === "insertParagraph";

/** Call `send()` once for each Enter that means it. Returns a function that sends as a button would. */
export function sendOnEnter(field, send) {
  let composing = false;
  let noted = null; // "enter" or "button": to be sent when the composition has ended
  let shift = false;
  let ended = { at: 0, hangul: false };

  let due = null; // what settle() has yet to send
  let answered = -SAME_PRESS; // when it did

  const settled = () => {
    if (due === null) return;
    clearTimeout(due);
    due = null;
    answered = performance.now();
    send();
  };
  const isAnswered = () => performance.now() - answered < SAME_PRESS;
  const enter = () => {
    if (due !== null) settled();
    else if (!isAnswered()) send();
  };
  const settle = () => {
    due ??= setTimeout(settled, 0);
  };

  // The next syllable may come before the timer: the message goes first, for the field holds it alone still.
  field.addEventListener("compositionstart", () => {
    settled();
    answered = -SAME_PRESS;
    composing = true;
    noted = null;
  });

  field.addEventListener("compositionend", (event) => {
    composing = false;
    ended = { at: performance.now(), hangul: HANGUL.test(event.data) };
    if (noted === "button" || (noted === "enter" && ended.hangul)) settle();
    noted = null;
  });

  field.addEventListener("keydown", (event) => {
    shift = event.shiftKey;
    if (!isEnter(event) || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) {
      if (noted === "enter") noted = null;
    } else if (composing || event.isComposing) noted = "enter";
    else if (event.keyCode === BY_INPUT_METHOD) {
      if (ended.hangul && performance.now() - ended.at < SAME_PRESS && !isAnswered()) settle();
    } else {
      event.preventDefault();
      if (!event.repeat) enter();
    }
  });

  // Keyboards on screens may report no Enter key, only the line break it would make.
  field.addEventListener("beforeinput", (event) => {
    if (!isLineBreak(event) || shift) return;
    event.preventDefault();
    if (composing) noted = "enter";
    else enter();
  });

  return () => {
    if (!composing) return send();
    noted = "button";
    field.blur();
    return field.focus();
  };
}
