// One picture over everything: leafed through with the arrows, made larger, saved.

import { broken, waiting } from "./blank.js";
import { openDialog } from "./dialog.js";
import { make, tool } from "./dom.js";
import { saveFile } from "./view_files.js";
import { words } from "./words.js";

/** Show `file`, one of `pictures` or alone; `links` is Links. */
export function showViewer(file, { links, pictures }) {
  let index = pictures.findIndex(({ id }) => id === file.id);
  if (index < 0) [index, pictures] = [0, [file]];
  const { dialog, body } = openDialog(file.name, { id: "viewer" });
  const title = dialog.querySelector("h2");
  const stage = make("div", { class: "stage" });
  const back = tool("back", words.before, () => show(index - 1));
  const on = tool("forward", words.after, () => show(index + 1));
  const count = make("span", { class: "hint" });
  body.append(stage, make("div", { class: "tools-of-viewer" }, back, count, on, tool("search", words.zoom, () => zoom()), tool("download", words.download, () => saveFile(pictures[index], links))));

  const zoom = () => stage.classList.toggle("large");
  const show = async (to) => {
    if (!pictures[to]) return;
    index = to;
    const shown = pictures[index];
    title.textContent = shown.name;
    count.textContent = `${index + 1} / ${pictures.length}`;
    back.setAttribute("aria-disabled", !pictures[index - 1]); // not disabled: it would lose the focus, and the arrows with it
    on.setAttribute("aria-disabled", !pictures[index + 1]);
    stage.classList.remove("large");
    stage.replaceChildren(waiting(1));
    try {
      const { url } = await links.get(shown.id);
      const image = make("img", { alt: shown.name, src: url, width: shown.width, height: shown.height, onclick: zoom });
      await image.decode();
      if (shown === pictures[index]) stage.replaceChildren(image);
    } catch (error) {
      if (shown === pictures[index]) stage.replaceChildren(broken({ code: error.code ?? "network" }, () => show(to)));
    }
  };
  dialog.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) show(index + step);
    else if (event.key === "+" || event.key === "-") stage.classList.toggle("large", event.key === "+");
  };
  show(index);
}
