// What stands around the conversation: the banner of the connection, the room's header, the title.

import { shortTime } from "./calendar.js";
import { find, paintAvatar } from "./dom.js";
import { words } from "./words.js";

const PATIENCE = 1_000; // a short break needs no banner
let patience = 0;

export function drawBanner(state, code) {
  clearTimeout(patience);
  const quiet = state === "open" || state === "closed";
  if (quiet) find("banner").hidden = true;
  else if (state === "refused") showBanner(words.closes[code] ?? words.closes[4500]);
  else if (!find("banner").hidden) showBanner(textOf(state));
  else patience = setTimeout(() => showBanner(textOf(state)), PATIENCE);
}

function textOf(state) {
  if (!navigator.onLine) return words.noNetwork;
  return state === "connecting" ? words.connecting : words.lost;
}

function showBanner(text) {
  find("banner-text").textContent = text;
  find("banner").hidden = false;
}

export function drawMe({ id, name, username }) {
  paintAvatar(find("my-avatar"), id, name || username);
  find("my-name").textContent = name || username;
}

export function drawTitle(unread) {
  document.title = unread ? `(${unread}) 마당 Madang` : "마당 Madang";
}

export function drawRoomHeader(room, store) {
  paintAvatar(find("room-avatar"), room.peer ?? room.id, room.name);
  find("room-name").textContent = room.name;
  find("room-about").textContent = about(room, store);
}

function about(room, store) {
  if (room.type !== "direct") return room.members.size ? words.memberCount(room.members.size) : "";
  const presence = store.presence.get(room.peer);
  if (presence?.state === "offline" && presence.last_seen) return words.lastSeen(shortTime(presence.last_seen));
  return words[presence?.state ?? "offline"];
}
