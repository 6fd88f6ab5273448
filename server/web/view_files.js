// The files of a message: pictures in a space of their own size, sound with a player, and what is only downloaded.

import { icon, make } from "./dom.js";
import { later } from "./later.js";
import { sizeOf } from "./sizes.js";
import { toast } from "./toast.js";
import { explain, words } from "./words.js";

/** Put `files` into `place`; `links` is Links, `pictures()` all that can be leafed through, where they are among them; `tabIndex` of what is pressed: in a log its keys let them in. */
export function fillFiles(place, files, { links, pictures, tabIndex = -1 }) {
  const beside = ({ id }) => {
    const all = pictures();
    return all.some((each) => each.id === id) ? all : files.filter(({ kind }) => kind === "image");
  };
  place.replaceChildren(...files.map((file) => {
    if (file.kind === "image" && file.thumbnail) return picture(file, links, beside, tabIndex);
    if (file.kind === "audio") return sound(file, links, tabIndex);
    return download(file, links, tabIndex);
  }));
}

function picture(file, links, beside, tabIndex) {
  const image = make("img", { alt: file.name, loading: "lazy", decoding: "async", width: file.width, height: file.height });
  const button = make("button", { class: "picture", type: "button", title: file.name, tabIndex }, image, icon("again"));
  const fail = () => {
    button.classList.add("broken");
    button.title = `${words.tryAgain}: ${file.name}`;
  };
  const show = (fresh) => links.get(file.id, fresh).then(({ thumbnail_url: url }) => (image.src = url)).catch(fail);
  const begin = (fresh) => {
    button.classList.remove("broken");
    button.title = file.name;
    image.onerror = () => {
      image.onerror = fail;
      show(true); // its link was too old
    };
    return show(fresh);
  };
  button.onclick = () => {
    if (button.classList.contains("broken")) begin(true);
    else later(() => import("./view_viewer.js"), ({ showViewer }) => showViewer(file, { links, pictures: beside(file) }));
  };
  button.style.aspectRatio = `${file.width} / ${file.height}`;
  button.style.width = `${Math.min(320, file.width, Math.round((320 * file.width) / file.height))}px`;
  begin(false);
  return button;
}

function sound(file, links, tabIndex) {
  const place = make("div", { class: "sound" }, icon("play"));
  later(() => import("./view_player.js"), ({ player }) => place.replaceWith(player(file, links, tabIndex)));
  return place;
}

function download(file, links, tabIndex) {
  const button = make("button", { class: "file", type: "button", tabIndex, "aria-label": `${words.download}: ${file.name}` }, icon("file"),
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
