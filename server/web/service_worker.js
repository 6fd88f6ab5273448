// Shows what is pushed while no window does, takes it away again when it was read elsewhere, and leads to the page.

const PLACE = "/#/notifications";

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

async function takeAway(tag) {
  for (const shown of await registration.getNotifications({ tag })) shown.close();
}

async function lead() {
  const [open] = await clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!open) return clients.openWindow(PLACE);
  open.postMessage({ open: true });
  return open.focus();
}
