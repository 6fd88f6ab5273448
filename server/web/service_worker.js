// Shows what is pushed while no window does, takes it away again when it was read elsewhere, and leads to the page.

const PLACE = "/#/notifications";
const COUNTED_MS = 1000; // a browser has looked by then

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("push", (event) => event.waitUntil(told(event.data?.json() ?? {})));
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead());
});

async function told({ gone, id, title, message, timestamp }) {
  if (gone) return takeAway(gone);
  return registration.showNotification(title, { tag: id, body: message, timestamp: Date.parse(timestamp) });
}

// A push after which nothing is shown counts against the page: Chrome then says by itself that it was "updated in the
// background". It looks when the push is done, unless a window is seen. So something is shown until then.
async function takeAway(tag) {
  const windows = await clients.matchAll({ type: "window", includeUncontrolled: true });
  if (windows.some((each) => each.visibilityState === "visible")) return closed(tag);
  if (!(await registration.getNotifications()).length) {
    const title = navigator.language.startsWith("ko") ? "다른 곳에서 읽었습니다" : "Read elsewhere";
    await registration.showNotification(title, { tag, silent: true });
  }
  setTimeout(closed, COUNTED_MS, tag);
}

async function closed(tag) {
  for (const shown of await registration.getNotifications({ tag })) shown.close();
}

async function lead() {
  const [open] = await clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!open) return clients.openWindow(PLACE);
  open.postMessage({ open: true });
  return open.focus();
}
