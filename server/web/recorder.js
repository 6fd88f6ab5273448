// What one says, recorded: with how loud it is, how long, and a way out.

import { icon, make } from "./dom.js";
import { lengthOf } from "./sizes.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

const LONGEST = 300; // seconds
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];

/** A promise of what was recorded as a file, or of null; the bar stands in `place` meanwhile, and `given` is what gives up. */
export async function record(place, given) {
  const stream = await navigator.mediaDevices?.getUserMedia({ audio: true }).catch(() => null);
  if (!stream) return void toast(words.noMicrophone);
  try {
    return given.aborted ? null : await listen(stream, place, given);
  } catch {
    return void toast(words.noMicrophone);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

async function listen(stream, place, given) {
  const recorder = new MediaRecorder(stream, { mimeType: TYPES.find((each) => MediaRecorder.isTypeSupported(each)) });
  const parts = [];
  let wanted = true;
  const stop = (keep) => {
    if (recorder.state === "inactive") return;
    wanted = keep;
    recorder.stop();
  };
  const { bar, loud } = barOf(stop);
  const ear = earOf(stream);
  const began = performance.now();
  const tick = setInterval(() => {
    const seconds = (performance.now() - began) / 1000;
    loud(ear.level(), seconds);
    if (seconds >= LONGEST) stop(true);
    if (!bar.checkVisibility()) stop(false); // nobody listens to whom he does not see
  }, 100);
  given.addEventListener("abort", () => stop(false));
  recorder.ondataavailable = ({ data }) => parts.push(data);
  place.prepend(bar);
  bar.querySelector("button.primary").focus();
  try {
    await new Promise((ended) => {
      recorder.onstop = ended;
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

function barOf(stop) {
  const level = make("meter", { min: 0, max: 1, value: 0, "aria-label": words.loudness });
  const time = make("span", { class: "time", role: "timer" }, lengthOf(0));
  const button = (picture, text, kind, act) => make("button", { type: "button", class: kind, "aria-label": text, title: text, onclick: act }, icon(picture));
  const bar = make("div", { class: "recording", role: "group", "aria-label": words.recording }, button("bin", words.cancel, "icon", () => stop(false)), level, time,
    button("check", words.recorded, "icon primary", () => stop(true)));
  bar.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault(); // what is around it stays open
    stop(false);
  };
  const loud = (value, seconds) => {
    level.value = value;
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
