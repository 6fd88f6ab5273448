// A message after one more change of it. Pure.

const TAKEN = { body: undefined, mentions: undefined, edited_at: undefined }; // by a deletion

/** `message` as it is after `change`, an event with `of`; `me` is how this person is named in the room. */
export function changed(message, change, me) {
  switch (change.t) {
    case "message_updated":
      return { ...message, body: change.body, edited_at: change.at };
    case "message_deleted":
      return { ...message, ...TAKEN, deleted: true };
    case "message_restored":
      return { ...message, body: change.body, mentions: change.mentions, edited_at: change.edited_at, deleted: false };
    case "pinned":
      return { ...message, pinned: change.on };
    case "reaction":
      return { ...message, reactions: reacted(message.reactions ?? {}, change, change.sender === me) };
    default:
      return message;
  }
}

function reacted(reactions, { emoji, on }, mine) {
  const { count = 0, me = false } = reactions[emoji] ?? {};
  const next = { count: count + (on ? 1 : -1), me: mine ? on : me };
  const { [emoji]: _, ...others } = reactions;
  return next.count > 0 ? { ...reactions, [emoji]: next } : others;
}
