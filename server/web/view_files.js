// The files of a message: pictures in a space of their own size, sound with a player, and what is only downloaded.

import { icon, make } from "./dom.js";
import { later } from "./later.js";
import { sizeOf } from "./sizes.js";
import { toast } from "./toast.js";
import { explain, words } from "./words.js";

/** Put `files` into `place`; `links` is Links, `pictures()` all that can be leafed through. */
export function fillFiles(place, files, { links, pictures }) {
  place.replaceChildren(...files.map((file) => {
    if (file.kind === "image" && file.thumbnail) return picture(file, links, pictures);
    if (file.kind === "audio") return sound(file, links);
    return download(file, links);
  }));
}

function picture(file, links, pictures) {
  const image = make("img", { alt: file.name, loading: "lazy", decoding: "async", width: file.width, height: file.height });
  const open = () => later(() => import("./view_viewer.js"), ({ showViewer }) => showViewer(file, { links, pictures: pictures() }));
  const button = make("button", { class: "picture", type: "button", title: file.name, tabIndex: -1, onclick: open }, image);
  button.style.aspectRatio = `${file.width} / ${file.height}`;
  button.style.width = `${Math.min(320, file.width, Math.round((320 * file.width) / file.height))}px`;
  const show = (fresh) => links.get(file.id, fresh).then(({ thumbnail_url: url }) => (image.src = url));
  image.onerror = () => {
    image.onerror = () => button.classList.add("broken");
    show(true).catch(() => button.classList.add("broken")); // its link was too old
  };
  show(false).catch(() => button.classList.add("broken"));
  return button;
}

function sound(file, links) {
  const place = make("div", { class: "sound" }, icon("play"));
  later(() => import("./view_player.js"), ({ player }) => place.replaceWith(player(file, links)));
  return place;
}

function download(file, links) {
  const button = make("button", { class: "file", type: "button", tabIndex: -1, "aria-label": `${words.download}: ${file.name}` }, icon("file"),
    make("span", { class: "what" }, make("strong", {}, file.name), make("small", {}, sizeOf(file.size))), icon("download"));
  button.onclick = () => saveFile(file, links);
  return button;
}

/** Have the browser save `file` under its own name. */
export async function saveFile(file, links) {
  try {
    const { url } = await links.get(file.id, true);
    make("a", { href: url, download: file.name }).click();
  } catch (error) {
    toast(explain(error));
  }
}
