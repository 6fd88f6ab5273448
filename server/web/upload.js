// One file on its way to the server, by tus 1.0.0: it goes on where it was when the way broke.

import { Refusal } from "./session.js";

const FILES = "/api/v1/chats/files";
const TUS = { "Tus-Resumable": "1.0.0" };
const TRIES = 4;
const WAIT = 1_000;

export class Upload {
  progress = 0; // from 0 to 1
  state = "waiting"; // waiting, under way, done, failed
  error = null;
  told = null; // what the server says of the file
  #place = ""; // where it goes on
  #request = null;

  /** `changed()` when anything of it has. */
  constructor(file, { token, links, changed }) {
    Object.assign(this, { file, token, links, changed });
  }

  /** Send what is missing; it fails after a few tries, and can be started again. */
  async start() {
    this.#become("under way");
    for (let turn = 0; this.state === "under way"; turn += 1) {
      try {
        if (!this.#place) await this.#create();
        await this.#send(await this.#offset());
        this.told = (await this.links.get(this.#place.split("/").at(-2))).file;
        return this.#become("done");
      } catch (error) {
        if (this.state !== "under way") return undefined;
        if (turn >= TRIES - 1 || (error instanceof Refusal && error.code !== "network" && error.code !== "unavailable")) return this.#become("failed", error);
        await new Promise((done) => setTimeout(done, WAIT * 2 ** turn));
      }
    }
    return undefined;
  }

  /** Give up, and have the server forget what came. */
  cancel() {
    this.#become("cancelled");
    this.#request?.abort();
    if (this.#place) this.#ask("DELETE", this.#place).catch(() => {});
  }

  #become(state, error = null) {
    Object.assign(this, { state, error });
    this.changed();
  }

  async #create() {
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(this.file.name)));
    const answer = await this.#ask("POST", FILES, { "Upload-Length": `${this.file.size}`, "Upload-Metadata": `filename ${name}` });
    this.#place = new URL(answer.getResponseHeader("Location"), location.href).pathname;
  }

  async #offset() {
    if (!this.progress) return 0;
    return Number((await this.#ask("HEAD", this.#place)).getResponseHeader("Upload-Offset"));
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

function problemOf(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return { code: request.status === 413 ? "too_large" : "unavailable" };
  }
}
