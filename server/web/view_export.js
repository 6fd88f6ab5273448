// Everything that was said in a room, as a file.

import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { Refusal } from "./session.js";
import { words } from "./words.js";

const LAST_LINE = 200; // bytes, at most
const MEGABYTE = 1_000_000;

/** The file is made while the dialog is open; closing it gives up. */
export function showExport(room, { token }) {
  const stop = new AbortController();
  const { body, say, close } = openDialog(words.exportRoom, { id: "export", closed: () => stop.abort() });
  const told = make("p", { role: "status" });
  const save = make("button", { type: "button", class: "primary" }, words.exportStart);
  save.onclick = async () => {
    if (save.ariaBusy) return;
    say();
    save.ariaBusy = "true";
    try {
      const content = await fetchAll(room, token, stop.signal, (bytes) => (told.textContent = words.exported((bytes / MEGABYTE).toFixed(1))));
      download(content, `${room.name.replaceAll(/[\\/:*?"<>|]/g, "_")}.ndjson`);
      close();
    } catch (error) {
      if (!stop.signal.aborted) say(error instanceof Refusal ? error : { code: "network" });
    } finally {
      save.ariaBusy = null;
    }
  };
  body.append(make("p", {}, words.aboutExport), told, make("div", { class: "verbs" }, save));
}

async function fetchAll(room, token, signal, progress) {
  const answer = await fetch(`/api/v1/chats/rooms/${encodeURIComponent(room.id)}/export`, { headers: { Authorization: `Bearer ${token}` }, signal });
  if (!answer.ok) throw new Refusal(await answer.json().catch(() => ({})));
  const parts = [];
  let bytes = 0;
  for await (const part of chunks(answer.body.getReader())) {
    parts.push(part);
    progress((bytes += part.length));
  }
  const content = new Blob(parts, { type: "application/x-ndjson" });
  const end = (await content.slice(-LAST_LINE).text()).trimEnd().split("\n").at(-1);
  if (!end.startsWith('{"t":"end"')) throw new Refusal({ code: "unavailable" }); // it is not whole
  return content;
}

async function* chunks(reader) {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function download(content, name) {
  const link = make("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
