// Sound with a button, a place that can be moved, and its length. Nothing is loaded before it is played.

import { icon, make } from "./dom.js";
import { lengthOf } from "./sizes.js";
import { toast } from "./toast.js";
import { words } from "./words.js";

let playing = null; // one at a time

/** An element that plays `file`; `links` is Links. */
export function player(file, links) {
  const sound = new Audio();
  const length = (file.duration_ms ?? 0) / 1000;
  const button = make("button", { class: "icon", type: "button", tabIndex: -1, "aria-label": words.play, title: words.play }, icon("play"));
  const place = make("input", { type: "range", min: 0, max: Math.max(1, Math.round(length * 10)), value: 0, tabIndex: -1, "aria-label": words.soundPlace });
  const time = make("span", { class: "time" }, lengthOf(length));
  sound.preload = "none";

  const draw = () => {
    const label = sound.paused ? words.play : words.pause;
    button.replaceChildren(icon(sound.paused ? "play" : "pause"));
    button.title = label;
    button.setAttribute("aria-label", label);
    place.value = Math.round(sound.currentTime * 10);
    place.setAttribute("aria-valuetext", `${lengthOf(sound.currentTime)} / ${lengthOf(length)}`);
    time.textContent = lengthOf(sound.paused && !sound.currentTime ? length : sound.currentTime);
  };
  const start = async () => {
    try {
      if (!sound.src) sound.src = (await links.get(file.id)).url;
      if (playing !== sound) playing?.pause();
      playing = sound;
      await sound.play();
    } catch {
      sound.removeAttribute("src");
      toast(words.notPlayed);
    }
  };
  button.onclick = () => (sound.paused ? start() : sound.pause());
  place.oninput = () => {
    sound.currentTime = place.value / 10;
    draw();
  };
  for (const name of ["play", "pause", "timeupdate"]) sound.addEventListener(name, draw);
  sound.addEventListener("ended", () => {
    sound.currentTime = 0;
    draw();
  });
  return make("div", { class: "sound", role: "group", "aria-label": file.name }, button, place, time);
}
