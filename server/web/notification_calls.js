// What is asked over HTTP of notifications, what one wants of them and how one is reached. Each is a promise that a Refusal may break.

const part = encodeURIComponent;

/** `http(method, path, body)` asks in this person's name, below /api/notifications. */
export const notificationCalls = (http) => ({
  list: (query) => http("GET", `?${new URLSearchParams(query)}`),
  read: (id) => http("PUT", `/${part(id)}/read`),
  readAll: () => http("PUT", "/read", {}),
  remove: (id) => http("DELETE", `/${part(id)}`),
  answer: (id, answer) => http("PUT", `/${part(id)}/answer`, { answer }),
  why: (id) => http("GET", `/${part(id)}/why`).then(({ entries }) => entries),
  settings: () => http("GET", "/settings"),
  change: (settings) => http("PUT", "/settings", settings),
  endpoints: () => http("GET", "/endpoints"),
  removeEndpoint: (id) => http("DELETE", `/endpoints/${part(id)}`),
  pushKey: () => http("GET", "/push-key").then(({ key }) => key),
  addPush: (subscription) => http("POST", "/endpoints/push", subscription),
  addWebhook: (webhookUrl) => http("POST", "/endpoints/discord", { webhookUrl }),
  addPhone: (code) => http("POST", "/endpoints/kakao", { code }),
  link: (platform) => http("POST", "/links", { platform }),
  connectKakao: () => http("GET", "/kakao/connect").then(({ url }) => url),
});
