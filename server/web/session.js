// Who is signed in, in this window or in this browser, and the HTTP requests made in his name.

const KEY = "madang.session";

/** The signed-in person of this window, else of this browser: {user, token}. */
export function savedSession() {
  const text = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
  return text ? JSON.parse(text) : null;
}

/** Whether the browser knows this person's `token` too, not this window alone. */
savedSession.isKept = (token) => JSON.parse(localStorage.getItem(KEY))?.token === token;

/** A window keeps its own person, so two windows can be two people; `keep` tells the browser too. */
export function saveSession(session, keep) {
  sessionStorage.setItem(KEY, JSON.stringify(session));
  if (keep) localStorage.setItem(KEY, JSON.stringify(session));
}

/** What this person wrote and could not send stays in the window until he signs in here again. */
export function forgetSession(token) {
  sessionStorage.removeItem(KEY);
  if (savedSession.isKept(token)) localStorage.removeItem(KEY);
}

/** An id that nothing else has. */
export const newId = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** A key that the same request has however often it is tried: `keyOf(text)` is another one for another text. */
export function keys() {
  const asked = {};
  return (text) => {
    if (text !== asked.text) Object.assign(asked, { text, key: newId() });
    return asked.key;
  };
}

/** This window's own name as a device. */
export function deviceId() {
  const device = sessionStorage.getItem("madang.device") ?? newId();
  sessionStorage.setItem("madang.device", device);
  return device;
}

/** A refusal with its stable code; `network` stands for no answer at all. `said`: why, in words for people. */
export class Refusal extends Error {
  constructor({ code, fields, retry_after_ms: retryAfter, said }) {
    super(code);
    this.code = code ?? "internal";
    this.fields = fields;
    this.retryAfter = retryAfter;
    this.said = said;
  }
}

/** One HTTP request: JSON or a form in, JSON out; a problem document, or an envelope that says no, becomes a Refusal. */
export async function ask(method, path, { token, body, key } = {}) {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  if (token) headers.Authorization = `Bearer ${token}`;
  const isForm = body instanceof FormData; // which says itself what it is, and takes longer
  if (body && !isForm) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const signal = AbortSignal.timeout(isForm ? 120_000 : 20_000);
  const answer = await fetch(path, { method, headers, body: body && !isForm ? JSON.stringify(body) : body, signal }).catch(() => {
    throw new Refusal({ code: "network" });
  });
  if (answer.status === 204) return {};
  const content = await answer.json().catch(() => undefined);
  if (!answer.ok) throw new Refusal({ ...content, ...content?.data, said: content?.message });
  if (!content) throw new Refusal({ code: "network" });
  return content;
}
