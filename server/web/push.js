// Notifications of the system's, while no window of the page is open: this browser's subscription, and whose it is.

const KEY = "madang.push"; // {user, id}: who is told here, and the name of that at the server
const WORKER = "/sw.js";

/** Why this browser cannot be told: `insecure`, `unable` or `denied`; empty where it can. */
export function whyNoPush() {
  if (!isSecureContext) return "insecure";
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return "unable";
  return Notification.permission === "denied" ? "denied" : "";
}

const saved = () => JSON.parse(localStorage.getItem(KEY));

/** The id at the server of what tells `user` in this browser, where there is such. */
export const pushOf = (user) => (saved()?.user === user ? saved().id : undefined);

/** Ask to be allowed to show them, and subscribe. Throws a Refusal, or an Error whose `code` is one of whyNoPush or `failed`. */
export async function turnOnPush(calls, user) {
  if ((await Notification.requestPermission()) !== "granted") throw refused("denied");
  const key = await calls.pushKey();
  const subscription = await subscribe(bytesOf(key)).catch(() => {
    throw refused("failed");
  });
  const { id } = await calls.addPush(subscription.toJSON());
  localStorage.setItem(KEY, JSON.stringify({ user, id }));
}

/** This browser is not told any more. */
export async function turnOffPush() {
  localStorage.removeItem(KEY);
  const registration = await navigator.serviceWorker?.getRegistration();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
  await registration?.unregister();
}

// A subscription to another key, of another server, stands in the way of this one.
async function subscribe(applicationServerKey) {
  await navigator.serviceWorker.register(WORKER);
  const { pushManager } = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true, applicationServerKey };
  return pushManager.subscribe(options).catch(async () => {
    await (await pushManager.getSubscription())?.unsubscribe();
    return pushManager.subscribe(options);
  });
}

function bytesOf(base64url) {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

const refused = (code) => Object.assign(new Error(code), { code });
