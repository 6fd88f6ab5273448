// What one says, recorded: with how loud it is, how long, and a way out.

import { icon, make } from "./dom.js";
import { lengthOf } from "./sizes.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

const BOUNDS = { shortest: 0, longest: 300 }; // seconds
const UNSEEN = 1; // a window that is hidden is told of the time once a second
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];

/**
 * A promise of what was recorded as a file, or of null; the bar stands in `place` meanwhile. When that is not to be seen any more
 * it ends, and what is long enough is kept; `given` is what gives up. With `shown` the time counts down from that many seconds;
 * `done` is what the button says that ends it.
 */
export async function record(place, options = {}) {
  const { given } = options;
  const stream = await navigator.mediaDevices?.getUserMedia({ audio: true }).catch(() => null);
  if (!stream) return void toast(words.noMicrophone);
  try {
    return given?.aborted ? null : await listen(stream, place, { ...BOUNDS, done: words.recorded, ...options });
  } catch {
    return void toast(words.noMicrophone);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

async function listen(stream, place, { given, shortest, longest, shown, done }) {
  const recorder = new MediaRecorder(stream, { mimeType: TYPES.find((each) => MediaRecorder.isTypeSupported(each)) });
  const parts = [];
  let wanted = true;
  let began = Infinity;
  const seconds = () => Math.max(0, (performance.now() - began) / 1000);
  const stop = (keep) => {
    if (recorder.state === "inactive" || (keep && seconds() < shortest)) return;
    wanted = keep;
    recorder.stop();
  };
  const { bar, loud } = barOf(stop, done);
  const ear = earOf(stream);
  const tick = setInterval(() => {
    const now = seconds();
    loud(ear.level(), shown ? Math.ceil(Math.max(0, shown - now)) : now, now >= shortest);
    if (now >= longest - (document.hidden ? UNSEEN : 0)) stop(true);
    if (!bar.checkVisibility()) stop(now >= shortest); // nobody listens to whom he does not see
  }, 100);
  given?.addEventListener("abort", () => stop(false));
  recorder.ondataavailable = ({ data }) => parts.push(data);
  loud(0, shown ?? 0, !shortest);
  place.prepend(bar);
  bar.querySelector("button.primary").focus();
  try {
    await new Promise((ended) => {
      recorder.onstop = ended;
      recorder.onstart = () => (began = performance.now());
      recorder.start();
    });
  } finally {
    clearInterval(tick);
    ear.close();
    bar.remove();
  }
  const [type] = recorder.mimeType.split(";");
  return wanted ? new File(parts, `${words.voice}.${type.split("/")[1]}`, { type }) : null;
}

function barOf(stop, done) {
  const level = make("meter", { min: 0, max: 1, value: 0, "aria-label": words.loudness });
  const time = make("span", { class: "time", role: "timer" }, lengthOf(0));
  const button = (picture, text, kind, act) => make("button", { type: "button", class: kind, "aria-label": text, title: text, onclick: act }, icon(picture));
  const end = button("check", done, "icon primary", () => stop(true));
  const bar = make("div", { class: "recording", role: "group", "aria-label": words.recording }, button("bin", words.cancel, "icon", () => stop(false)), level, time, end);
  bar.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault(); // what is around it stays open
    stop(false);
  };
  const loud = (value, seconds, mayEnd) => {
    level.value = value;
    end.setAttribute("aria-disabled", `${!mayEnd}`);
    time.textContent = lengthOf(seconds);
  };
  return { bar, loud };
}

function earOf(stream) {
  const context = new AudioContext();
  const ear = context.createAnalyser();
  const heard = new Uint8Array(ear.fftSize);
  context.createMediaStreamSource(stream).connect(ear);
  const level = () => {
    ear.getByteTimeDomainData(heard);
    return Math.min(1, Math.max(...heard.map((value) => Math.abs(value - 128))) / 64);
  };
  return { level, close: () => context.close() };
}
