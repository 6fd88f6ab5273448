// What stands around the conversation: the banner of the connection, the room's header, the title.

import { shortTime } from "./calendar.js";
import { face, find, make, markOf, paintFace } from "./dom.js";
import { may } from "./may.js";
import { words } from "./words.js";

const PATIENCE = 1_500; // a shorter break needs no banner
const connection = { state: "closed", code: 0, offline: false, timer: 0, isLong: false };

/** The state of the socket; the browser's word that there is no network is passed on at once. */
export function drawBanner(state, { code = connection.code, offline }) {
  Object.assign(connection, { state, code, offline });
  if (state === "waiting" || state === "connecting") connection.timer ||= setTimeout(breakIsLong, PATIENCE);
  else calm();
  redrawBanner();
}

function breakIsLong() {
  connection.isLong = true;
  redrawBanner();
}

function calm() {
  clearTimeout(connection.timer);
  Object.assign(connection, { timer: 0, isLong: false });
}

function redrawBanner() {
  const text = bannerText();
  find("banner").hidden = !text;
  find("banner-now").hidden = connection.state === "open";
  if (text) find("banner-text").textContent = text;
}

function bannerText() {
  const { state, code, offline, isLong } = connection;
  if (state === "closed") return "";
  if (state === "refused") return words.closes[code] ?? words.closes[4500];
  if (offline || (isLong && !navigator.onLine)) return words.noNetwork;
  if (!isLong) return "";
  return state === "connecting" ? words.connecting : words.lost;
}

export function drawTitle(unread) {
  document.title = unread ? `(${unread}) 마당 Madang` : "마당 Madang";
}

export function drawRoomHeader(room, store) {
  const blind = room.mode === "blind";
  if (blind) paintFace(find("room-avatar"), room, "");
  else paintFace(find("room-avatar"), room, room.peer ?? room.id, room.name);
  drawVeil(room, blind);
  find("room-name").textContent = room.name;
  find("room-about").textContent = about(room, store);
  const marks = [room.broadcast && ["waves", words.fromBroadcast], blind && ["mask", words.blindMode], room.archived && ["archive", words.isArchived], room.visibility === "public" && ["globe", words.isPublic], room.muted && ["muted", words.isMuted]].filter(Boolean);
  const place = find("room-marks");
  if (place.dataset.mark === `${marks}`) return;
  place.dataset.mark = `${marks}`;
  place.replaceChildren(...marks.map((mark) => markOf(...mark)));
}

// What one must know in a blind room: that nobody knows anybody, and who one is there.
function drawVeil(room, blind) {
  document.body.classList.toggle("in-blind", blind);
  const veil = find("veil");
  veil.hidden = !blind;
  if (!blind || veil.dataset.me === `${room.id} ${room.me}`) return;
  veil.dataset.me = `${room.id} ${room.me}`;
  veil.replaceChildren(face(room, room.me), make("span", {}, words.veil), make("strong", {}, words.veilMe(room.me)));
}

/** Where no room is open: `text`, and where one could go into the room `id`, the `verb` of that. On a phone that stands in the place of the list. */
export function drawNothing(room, { id, text, verb }, { enter, back }) {
  document.body.classList.toggle("in-room", Boolean(room || id));
  const place = find("nothing-open");
  place.hidden = Boolean(room);
  if (place.dataset.mark === `${text} ${id}`) return;
  place.dataset.mark = `${text} ${id}`;
  const button = (name, act, word) => make("button", { type: "button", class: name, onclick: act }, word);
  const verbs = make("div", { class: "verbs" }, button("plain", back, words.back), button("primary", () => enter(id), verb));
  find("nothing-said").replaceChildren(make("p", {}, text), ...(verb ? [verbs] : []));
}

/** Why nothing can be written in the room; empty where it can. */
export function closedBecause(room, blocks) {
  if (room.peer && blocks?.has(room.peer)) return words.blockedHere;
  if (room.archived) return words.archivedHere;
  return may("send", room) ? "" : words.postOnly(words.postFrom[room.post]);
}

function about(room, store) {
  if (room.type !== "direct") return [room.members.size && words.memberCount(room.members.size), room.description].filter(Boolean).join(" · ");
  const presence = store.presence.get(room.peer);
  if (presence?.state === "offline" && presence.last_seen) return words.lastSeen(shortTime(presence.last_seen));
  return words[presence?.state ?? "offline"];
}
