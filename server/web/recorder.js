// What one says, recorded: with how loud it is, how long, and a way out.

import { icon, make } from "./dom.js";
import { lengthOf } from "./sizes.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

const LONGEST = 300; // seconds
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];

/** Record into a file that `done(file)` gets; the bar stands in `place` meanwhile. */
export async function record(place, done) {
  const stream = await navigator.mediaDevices?.getUserMedia({ audio: true }).catch(() => null);
  if (!stream) return toast(words.noMicrophone);
  const type = TYPES.find((each) => MediaRecorder.isTypeSupported(each));
  const recorder = new MediaRecorder(stream, { mimeType: type });
  const context = new AudioContext();
  const ear = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(ear);
  const heard = new Uint8Array(ear.fftSize);
  const began = performance.now();
  const parts = [];
  let wanted = true;

  const level = make("meter", { min: 0, max: 1, value: 0, "aria-label": words.loudness });
  const time = make("span", { class: "time", role: "timer" }, lengthOf(0));
  const button = (picture, text, kind, act) => make("button", { type: "button", class: kind, "aria-label": text, title: text, onclick: act }, icon(picture));
  const stop = (keep) => {
    wanted = keep;
    if (recorder.state !== "inactive") recorder.stop();
  };
  const bar = make("div", { class: "recording", role: "group", "aria-label": words.recording }, button("bin", words.cancel, "icon", () => stop(false)), level, time,
    button("check", words.recorded, "icon primary", () => stop(true)));
  const listen = setInterval(() => {
    ear.getByteTimeDomainData(heard);
    level.value = Math.min(1, Math.max(...heard.map((value) => Math.abs(value - 128))) / 64);
    const seconds = (performance.now() - began) / 1000;
    time.textContent = lengthOf(seconds);
    if (seconds >= LONGEST) stop(true);
  }, 100);

  bar.onkeydown = (event) => event.key === "Escape" && stop(false);
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.onstop = () => {
    clearInterval(listen);
    for (const track of stream.getTracks()) track.stop();
    context.close();
    bar.remove();
    if (wanted) done(new File(parts, `${words.voice}.${/\/(\w+)/.exec(type)[1]}`, { type: type.split(";")[0] }));
  };
  recorder.start();
  place.prepend(bar);
  bar.querySelector("button.primary").focus();
  return undefined;
}
