// What is asked over HTTP of rooms, what is in them, and whom one blocks. Each is a promise that a Refusal may break.

const part = encodeURIComponent;

export class RoomCalls {
  /** `http(method, path, body, key)` asks in this person's name. */
  constructor(http) {
    this.http = http;
    const rooms = "/chats/rooms";
    const of = (room, rest = "") => `${rooms}/${part(room.id)}${rest}`;
    const message = (room, seq, rest = "") => of(room, `/messages/${seq}${rest}`);

    this.me = () => http("GET", "/me");
    this.changeMe = (changes) => http("PATCH", "/me", changes);
    this.changePassword = (now, next) => http("PUT", "/me/password", { current_password: now, new_password: next });
    this.people = (text) => http("GET", `/users?q=${part(text)}`).then((found) => found.items);
    this.create = (room, key) => http("POST", rooms, room, key);
    this.publicRooms = (text, after) => http("GET", `${rooms}/public?${new URLSearchParams({ ...(text && { q: text }), ...(after && { after }) })}`);
    this.join = (id) => http("POST", `${rooms}/${part(id)}/join`);
    this.change = (room, changes) => http("PATCH", of(room), changes);
    this.mute = (room, until) => http("PUT", of(room, "/mute"), until ? { until } : {});
    this.unmute = (room) => http("DELETE", of(room, "/mute"));

    this.presence = (room) => http("GET", of(room, "/presence"));
    this.add = (room, user) => http("POST", of(room, "/members"), { user });
    this.remove = (room, user) => http("DELETE", of(room, `/members/${part(user)}`));
    this.giveRole = (room, user, role) => http("PATCH", of(room, `/members/${part(user)}`), { role });

    this.reveal = (room, name) => http("PUT", of(room, `/reveals/${part(name)}`));
    this.unreveal = (room, name) => http("DELETE", of(room, `/reveals/${part(name)}`));

    this.search = (query, next) => http("GET", `/chats/search?${new URLSearchParams({ ...query, ...(next && { after: next }) })}`);
    this.ownFiles = (next) => http("GET", `/chats/files${after(next)}`);
    this.deleteFile = (file) => http("DELETE", `/chats/files/${part(file)}`);
    this.changeAccount = (user, change) => http("PATCH", `/admin/users/${part(user)}`, change);
    this.link = (file) => http("GET", `/chats/files/${part(file)}/link`);

    const after = (next) => (next === undefined ? "" : `?${new URLSearchParams({ after: next })}`);
    this.pins = (room, next) => http("GET", of(room, `/pins${after(next)}`));
    this.versions = (room, seq, next) => http("GET", message(room, seq, `/versions${after(next)}`));
    this.reactions = (room, seq) => http("GET", message(room, seq, "/reactions"));
    this.readers = (room, seq) => http("GET", message(room, seq, "/readers"));
    this.threads = (room, before) => http("GET", of(room, `/threads${before === undefined ? "" : `?before=${before}`}`));
    this.report = (room, seq, report) => http("POST", message(room, seq, "/report"), report);
    this.reports = (status, next) => http("GET", `/admin/reports?${new URLSearchParams({ status, ...(next && { after: next }) })}`);
    this.changeReport = (id, change) => http("PATCH", `/admin/reports/${part(id)}`, change);
    this.blockLog = (user, next) => http("GET", `/admin/blocks?${new URLSearchParams({ user, ...(next && { after: next }) })}`);
    this.revealOrders = () => http("GET", "/admin/reveals");
    this.orderReveal = (room, order) => http("POST", `/admin/rooms/${part(room)}/reveals`, order);
    this.approveReveal = (id) => http("POST", `/admin/reveals/${part(id)}/approve`);
    this.blocks = (next) => http("GET", `/blocks${after(next)}`);
    this.block = (user) => http("PUT", `/blocks/${part(user)}`);
    this.unblock = (user) => http("DELETE", `/blocks/${part(user)}`);
    this.restore = (room, seq) => http("POST", message(room, seq, "/restore"));
  }
}
