// What is asked over HTTP of broadcasts. Each is a promise that a Refusal may break.

const part = encodeURIComponent;
const ALL = "/broadcasts";
const of = (id, rest = "") => `${ALL}/${part(id)}${rest}`;
const paged = (path, after) => (after === undefined ? path : `${path}?${new URLSearchParams({ after })}`);

/** `http` as of RoomCalls. */
export const broadcastCalls = (http) => ({
  send: (form, key) => http("POST", ALL, form, key),
  cancel: (id) => http("DELETE", of(id)),
  show: (id) => http("GET", of(id)),
  sent: (after) => http("GET", paged(ALL, after)),
  received: (after) => http("GET", paged(`${ALL}/received`, after)),
  heard: (id) => http("PUT", of(id, "/mark_as_read")),
  reply: (id, said, key) => http("POST", of(id, "/reply"), said, key),
  groups: () => http("GET", `${ALL}/groups`).then(({ items }) => items),
  explain: (id, user) => http("GET", of(id, `/explain${user ? `?${new URLSearchParams({ user })}` : ""}`)),
  figures: () => http("GET", `/admin${ALL}/figures`),
});
