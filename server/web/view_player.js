// Sound with a button, a place that can be moved, and its length. Nothing is loaded before it is played.

import { icon, make } from "./dom.js";
import { lengthOf } from "./sizes.js";
import { toast } from "./toast.js";
import { waveOf } from "./waveform.js";
import { words } from "./words.js";

const KEPT = 20;
const sounds = new Map(); // file -> the sound of it, the last one played last: a row that is drawn anew goes on with it
let playing = null; // {sound, place}: one at a time

addEventListener("hashchange", () => playing?.sound.pause()); // whoever leaves the room could not stop it any more

/** An element that plays `file`, or its own `sound`, with its `waveform` where it has one; `links` is Links, `heard()` comes whenever it begins to play. */
export function player(file, links, tabIndex, heard = () => {}) {
  const sound = file.sound ?? sounds.get(file.id) ?? Object.assign(new Audio(), { preload: "none" });
  const length = (file.duration_ms ?? 0) / 1000;
  const button = make("button", { class: "icon", type: "button", tabIndex });
  const place = make("input", { type: "range", min: 0, max: Math.max(1, Math.round(length * 10)), value: 0, tabIndex, "aria-label": words.soundPlace });
  const time = make("span", { class: "time" });
  const wave = file.waveform && waveOf(file.waveform);
  const node = make("div", { class: "sound", role: "group", "aria-label": file.name }, button, wave ? make("div", { class: "wave" }, place, wave.node) : place, time);

  const draw = () => {
    const label = sound.paused ? words.play : words.pause;
    button.replaceChildren(icon(sound.paused ? "play" : "pause"));
    button.title = label;
    button.setAttribute("aria-label", label);
    place.value = Math.round(sound.currentTime * 10);
    wave?.playedTo(length && sound.currentTime / length);
    place.setAttribute("aria-valuetext", `${lengthOf(sound.currentTime)} / ${lengthOf(length)}`);
    time.textContent = lengthOf(sound.paused && !sound.currentTime ? length : sound.currentTime);
  };
  button.onclick = () => (sound.paused ? play(sound, file, links, node.closest("#room, #thread, dialog section, dialog")).then((began) => began && heard()) : sound.pause());
  place.oninput = () => {
    keep(file, sound);
    sound.currentTime = place.value / 10;
    draw();
  };
  follow(sound, node, draw);
  draw();
  return node;
}

async function play(sound, file, links, place) {
  try {
    keep(file, sound);
    if (!sound.src) sound.src = (await links.get(file.id)).url;
    if (playing?.sound !== sound) playing?.sound.pause();
    playing = { sound, place };
    await sound.play();
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false; // paused before it began
    sound.removeAttribute?.("src");
    toast(words.notPlayed);
    return false;
  }
}

function keep({ id }, sound) {
  if (!id) return;
  sounds.delete(id);
  sounds.set(id, sound);
  if (sounds.size > KEPT) sounds.delete(sounds.keys().next().value);
}

// An element that is gone hears nothing any more; where it was can be gone, too: then nothing is left to stop the sound.
function follow(sound, node, draw) {
  const stop = new AbortController();
  const happened = ({ type }) => {
    if (!node.isConnected) stop.abort();
    else if (type === "ended") sound.currentTime = 0;
    if (playing?.sound === sound && !playing.place?.checkVisibility()) sound.pause();
    draw();
  };
  for (const name of ["play", "pause", "timeupdate", "ended"]) sound.addEventListener(name, happened, { signal: stop.signal });
}
