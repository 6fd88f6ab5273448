// One file on its way to the server, by tus 1.0.0: it goes on where it was when the way broke.

import { Refusal } from "./session.js";

const FILES = "/api/v1/chats/files";
const TUS = { "Tus-Resumable": "1.0.0" };
const TRIES = 4; // in a row that brought nothing
const ASKED = 60; // times that the server says when to come again
const WAIT = 1_000;
const AGAIN = new Set(["network", "unavailable", "conflict"]); // conflict: the server still has what was dropped on the way
const CODES = { 404: "not_found", 409: "conflict", 413: "too_large", 429: "rate_limited" };

export class Upload {
  progress = 0; // from 0 to 1
  state = "waiting"; // waiting, under way, done, failed, cancelled
  error = null;
  told = null; // what the server says of the file
  #place = ""; // where it goes on
  #request = null;

  /** `file` is a File, or what the server told of one that is there; `changed()` when anything of it has. */
  constructor(file, { token, links, changed }) {
    Object.assign(this, { file, token, links, changed });
    if (!file.id) return;
    Object.assign(this, { told: file, state: "done" });
    this.#place = `${FILES}/${file.id}/upload`;
  }

  /** Send what is missing; it fails after a few tries, and can be started again. */
  async start() {
    this.#become("under way");
    let [tries, asked, before] = [0, 0, 0];
    while (this.state === "under way") {
      try {
        return await this.#go();
      } catch (error) {
        if (this.state !== "under way") return undefined;
        tries = this.progress > before ? 1 : tries + 1;
        before = this.progress;
        const later = error.retryAfter && ++asked < ASKED;
        if (later) tries -= 1;
        else if (tries >= TRIES || !AGAIN.has(error.code)) return this.#become("failed", error);
        await new Promise((done) => setTimeout(done, later ? error.retryAfter : WAIT * 2 ** (tries - 1)));
      }
    }
    return undefined;
  }

  /** Give up, and have the server forget what came, or the file. */
  cancel() {
    const file = this.#place.replace(/\/upload$/, "");
    const whole = this.state === "done";
    this.#become("cancelled");
    this.#request?.abort();
    if (!file) return;
    const forget = () => this.#ask("DELETE", file);
    (whole ? forget() : this.#ask("DELETE", this.#place).catch(forget)).catch(() => {}); // in the end the server does it by itself
  }

  /** Wait for its turn again. */
  rest() {
    this.#become("waiting");
  }

  async #go() {
    const offset = this.#place ? await this.#offset() : await this.#create();
    await this.#send(offset);
    this.told = (await this.links.get(this.#place.split("/").at(-2))).file;
    this.#become("done");
  }

  #become(state, error = null) {
    Object.assign(this, { state, error });
    this.changed();
  }

  async #create() {
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(this.file.name)));
    const answer = await this.#ask("POST", FILES, { "Upload-Length": `${this.file.size}`, "Upload-Metadata": `filename ${name}` });
    this.#place = new URL(answer.getResponseHeader("Location"), location.href).pathname;
    return 0;
  }

  async #offset() {
    try {
      return Number((await this.#ask("HEAD", this.#place)).getResponseHeader("Upload-Offset"));
    } catch (error) {
      if (error.code !== "not_found") throw error;
      this.progress = 0; // the server has forgotten it
      return this.#create();
    }
  }

  #send(offset) {
    const { size } = this.file;
    if (offset === size && size) return undefined;
    const told = ({ loaded }) => {
      this.progress = Math.max(this.progress, (offset + loaded) / Math.max(1, size));
      this.changed();
    };
    return this.#ask("PATCH", this.#place, { "Upload-Offset": `${offset}`, "Content-Type": "application/offset+octet-stream" }, this.file.slice(offset), told);
  }

  #ask(method, path, headers = {}, body = null, told = () => {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#request = request;
      request.open(method, path);
      for (const [name, value] of Object.entries({ ...TUS, ...headers, Authorization: `Bearer ${this.token}` })) request.setRequestHeader(name, value);
      request.upload.onprogress = told;
      request.onerror = request.onabort = () => reject(new Refusal({ code: "network" }));
      request.onload = () => (request.status < 300 ? resolve(request) : reject(new Refusal(problemOf(request))));
      request.send(body);
    });
  }
}

// An answer to HEAD has no body.
function problemOf(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return { code: CODES[request.status] ?? "unavailable", retry_after_ms: 1000 * request.getResponseHeader("Retry-After") };
  }
}
