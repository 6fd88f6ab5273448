// Who may do what in a room, as the protocol's table says. The server decides; this only hides what it would refuse.

const RANK = { guest: 0, member: 1, admin: 2, owner: 3 };
const LEAST = { send: "guest", react: "guest", pin: "member", show: "owner", archive: "owner", export: "owner" };
const IN_OTHERS = new Set(["send", "react", "pin", "export"]);
const STAYS_OPEN = new Set(["archive", "export"]); // in an archived room
export const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"]; // what one can react with at once
export const ROLES = ["owner", "admin", "member", "guest"];

/** Whether this person may: send, react, pin, "mention all", "delete others", restore, add, remove, "change role", describe, show, archive, export. */
export function may(action, room) {
  if (room.archived && !STAYS_OPEN.has(action)) return false;
  if (action === "send" && RANK[room.role] < RANK[room.post ?? "guest"]) return false;
  if (room.type !== "team") return IN_OTHERS.has(action);
  return RANK[room.role] >= RANK[LEAST[action] ?? "admin"];
}

const outranks = (role, other) => role === "owner" || RANK[role] > RANK[other];

/** Whether this person may end the membership of `member`, somebody else. */
export const mayRemove = (room, member) => !isSelf(room, member) && room.type === "team" && RANK[room.role] >= RANK.admin && outranks(room.role, member.role);

/** The roles that this person may give to `member`, that of now among them; none where he may not. */
export function rolesFor(room, member) {
  if (!may("change role", room) || !outranks(room.role, member.role)) return [];
  return ROLES.filter((role) => outranks(room.role, role));
}

/** Whether this person can set anything of the room. */
export const maySet = (room) => ["describe", "show", "archive"].some((action) => may(action, room));

export const mayLeave = (room) => room.type !== "direct";

const isSelf = (room, member) => member.user === room.me;
