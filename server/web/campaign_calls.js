// What is asked over HTTP of campaigns and of the audit log. Each is a promise that a Refusal may break.

const MESSAGES = "/api/admin/messages";
const SEND = `${MESSAGES}/send`;
const of = (id, rest) => `${SEND}/${encodeURIComponent(id)}${rest}`;
const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== undefined && value !== ""));
const page = ({ items, next }) => ({ items, next: next ?? undefined });

/** `http(method, path, body, key)` asks in this person's name; `file(path)` is a promise of a Blob. */
export function campaignCalls({ http, file }) {
  const asked = (...request) => http(...request).then(({ data }) => data);
  return {
    jobs: (status, cursor) => asked("GET", `${SEND}?${query({ status, cursor })}`).then(page),
    job: (id) => asked("GET", of(id, "/status")),
    preview: (campaign) => asked("POST", `${MESSAGES}/preview`, campaign),
    send: (campaign, key) => asked("POST", SEND, campaign, key),
    test: (message, key) => asked("POST", `${MESSAGES}/test`, message, key),
    direct: (id, verb, key) => asked("POST", of(id, `/${verb}`), undefined, key),
    results: (id, status, cursor) => asked("GET", of(id, `/results?${query({ status, cursor })}`)).then(page),
    file: (id) => file(of(id, "/results.csv")),
    audit: (sought, after) => http("GET", `/api/v1/admin/audit?${query({ ...sought, after })}`),
    me: () => http("GET", "/api/v1/me"),
  };
}
