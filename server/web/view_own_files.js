// One's own files: how much room they take, and away with those that no message has.

import { dateTime } from "./calendar.js";
import { openDialog } from "./dialog.js";
import { make, tool } from "./dom.js";
import { sizeOf } from "./sizes.js";
import { saveFile } from "./view_files.js";
import { pagedList } from "./view_pages.js";
import { words } from "./words.js";

/** `chat` has calls and links. */
export function showOwnFiles({ calls, links }) {
  const { body, dialog, say } = openDialog(words.myFiles, { id: "own-files" });
  const use = make("div", {});
  const load = async (after) => {
    const page = await calls.ownFiles(after);
    use.replaceChildren(...useOf(page));
    return page;
  };
  const remove = async (file, button) => {
    say();
    try {
      await calls.deleteFile(file.id);
      const row = button.closest("li");
      const next = row.nextElementSibling?.querySelector("button") ?? dialog.querySelector("header button");
      row.remove();
      pages.recount();
      next.focus();
      use.replaceChildren(...useOf(await calls.ownFiles()));
    } catch (error) {
      say(error);
    }
  };
  const pages = pagedList({ label: words.myFiles, load, partsOf: (file) => rowOf(file, links, remove) });
  body.append(use, pages.node);
}

function useOf({ used, quota }) {
  const text = words.filesUsed(sizeOf(used), quota && sizeOf(quota));
  return [make("p", { class: "hint" }, text), quota ? make("meter", { max: quota, value: used, "aria-label": text }) : ""];
}

function rowOf(file, links, remove) {
  const { name, size, at, posted } = file;
  const about = [sizeOf(size), dateTime(at), posted && words.isPosted].filter(Boolean).join(" · ");
  return [make("span", { class: "what" }, make("strong", {}, name), make("small", {}, about)), tool("download", words.download, () => saveFile(file, links), name),
    posted ? "" : tool("bin", words.deleteMessage, ({ currentTarget }) => remove(file, currentTarget), name)];
}
