// The socket: hello and resume, requests by rid, and coming back when it breaks.

import { Refusal } from "./session.js";

const OPEN_WITHIN = 10_000;
const ANSWER_WITHIN = 15_000;
const PONG_WITHIN = 5_000;
const LONGEST_WAIT = 30_000;

/** How long before attempt `n` (from 0): full jitter under an exponential ceiling. */
export function backoff(n, random = Math.random) {
  return 200 + random() * Math.min(LONGEST_WAIT, 500 * 2 ** n);
}

/** Whether a close code allows the same token to come back. */
export const mayReturn = (code) => code < 4500 || code > 4999;

export class Wire {
  #socket = null;
  #attempts = 0;
  #timer = 0;
  #watch = 0;
  #rid = 0;
  #waiting = new Map();
  #heard = 0;
  #notBefore = 0;
  #pingEvery = 25_000;
  #longest = 65_536; // bytes
  #return = () => this.#comeBack();
  #network = () => this.#networkChanged();

  /** `resume()` gives room -> last seq; `onFrame` and `onState` hear everything, in order. */
  constructor({ token, device, resume, onFrame, onState }) {
    Object.assign(this, { token, device, resume, onFrame, onState, state: "closed", offline: false });
  }

  start() {
    for (const name of ["offline", "online"]) addEventListener(name, this.#network);
    for (const name of ["online", "pageshow"]) addEventListener(name, this.#return);
    document.addEventListener("visibilitychange", this.#return);
    this.#connect();
  }

  stop() {
    for (const name of ["offline", "online"]) removeEventListener(name, this.#network);
    for (const name of ["online", "pageshow"]) removeEventListener(name, this.#return);
    document.removeEventListener("visibilitychange", this.#return);
    this.#leave();
    this.#become("closed");
  }

  /** Connect at once, whatever the waiting time. */
  now() {
    if (this.state === "waiting" || this.state === "refused") this.#connect();
  }

  /** Whether the server takes a frame of this size. */
  fits(frame) {
    return new TextEncoder().encode(JSON.stringify(frame)).length <= this.#longest;
  }

  /** Send without waiting for an answer. False: not connected, nothing was sent. */
  tell(frame) {
    if (this.state !== "open") return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Send and wait for the reply. Throws a Refusal; `network` when the connection broke. */
  ask(frame, within = ANSWER_WITHIN) {
    const rid = ++this.#rid;
    return new Promise((resolve, reject) => {
      if (!this.tell({ ...frame, rid })) return reject(new Refusal({ code: "network" }));
      const timer = setTimeout(() => this.#broken(), within);
      this.#waiting.set(rid, { resolve, reject, timer });
    });
  }

  /** The connection is as good as dead: drop it and come back. */
  suspect() {
    if (this.state === "open") this.#broken();
  }

  #connect() {
    this.#leave();
    this.#become("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`, "madang.v1.json");
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#broken(), OPEN_WITHIN);
    socket.onopen = () => socket.send(JSON.stringify(this.#hello()));
    socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => this.#broken(event.code, event.reason);
  }

  #hello() {
    return { t: "hello", token: this.token, device: this.device, resume: this.resume() };
  }

  #hear(frame) {
    this.#heard = Date.now();
    if (frame.t === "welcome") this.#welcomed(frame);
    if (frame.t === "pong") this.#setOffline(false);
    if (frame.t === "goodbye") this.#notBefore = Date.now() + (frame.reconnect_after_ms ?? 0);
    const waiting = frame.rid !== undefined && this.#waiting.get(frame.rid);
    if (waiting) {
      this.#waiting.delete(frame.rid);
      clearTimeout(waiting.timer);
      if (frame.t === "error") waiting.reject(new Refusal(frame));
      else waiting.resolve(frame);
    }
    this.onFrame(frame);
  }

  #welcomed(frame) {
    clearTimeout(this.#timer);
    this.#attempts = 0;
    this.#notBefore = 0;
    this.#pingEvery = frame.ping_ms;
    this.#longest = frame.max_frame;
    this.offline = false;
    this.#watch = setInterval(() => this.#check(this.#pingEvery), this.#pingEvery / 2);
    this.#become("open");
  }

  // Browsers do not show us the server's pings, so a silent connection is asked.
  #check(quiet) {
    if (Date.now() - this.#heard >= quiet) this.ask({ t: "ping" }, PONG_WITHIN).catch(() => {});
  }

  // Without a network a server on this very machine still answers.
  #networkChanged() {
    this.#setOffline(!navigator.onLine);
    if (this.offline && this.state === "open") this.#check(0);
  }

  #setOffline(offline) {
    if (offline === this.offline) return;
    this.offline = offline;
    this.onState(this.state);
  }

  #comeBack() {
    if (document.visibilityState === "hidden") return;
    if (this.state === "waiting" && Date.now() >= this.#notBefore) this.now();
    else if (this.state === "open") this.#check(0);
  }

  #broken(code = 1006, reason = "") {
    if (!mayReturn(code)) {
      this.#leave();
      return this.#become("refused", code, reason);
    }
    this.#leave();
    const wait = Math.max(backoff(this.#attempts++), this.#notBefore - Date.now());
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#become("waiting", code);
  }

  #leave() {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Refusal({ code: "network" }));
    }
    this.#waiting.clear();
  }

  #become(state, code, reason) {
    this.state = state;
    this.onState(state, code, reason);
  }
}
