// A message after one more change of it. Pure.

const TAKEN = { body: undefined, mentions: undefined, files: undefined, edited_at: undefined }; // by a deletion

/** `message` as it is after `change`, an event with `of`; `me` is how this person is named in the room. */
export function changed(message, change, me) {
  switch (change.t) {
    case "message_updated":
      return { ...message, body: change.body, edited_at: change.at };
    case "message_deleted":
      return { ...message, ...TAKEN, deleted: true };
    case "message_restored":
      return { ...message, ...TAKEN, ...told(change), deleted: false };
    case "pinned":
      return { ...message, pinned: change.on };
    case "reaction":
      return { ...message, ...reacted(message.reactions ?? {}, change, change.sender === me) };
    default:
      return message;
  }
}

const told = ({ body, mentions, files, edited_at }) => ({ body, mentions, files, edited_at });

// Kinds stand first come first. A page tells their order, not who came when, so who came since is kept in `came`.
// Where one of the page's leaves and others of his kind and other kinds stay, only a fresh page knows: `unsure`.
function reacted(reactions, { emoji, on, sender, seq }, mine) {
  const { count = 0, me = false, came = [] } = reactions[emoji] ?? {};
  const others = came.filter((each) => each.sender !== sender);
  const next = { count: count + (on ? 1 : -1), me: mine ? on : me, came: on ? [...others, { sender, seq }] : others };
  const kinds = Object.entries({ ...reactions, [emoji]: next }).filter(([, tally]) => tally.count > 0);
  const old = kinds.filter(([, tally]) => !since(tally));
  const unsure = !on && others.length === came.length && next.count > 0 && !since(next) && old.length > 1;
  return { reactions: Object.fromEntries(kinds.sort(([, a], [, b]) => since(a) - since(b))), ...(unsure && { unsure }) };
}

// The seq of the first of a kind; 0 for those that a page brought, which stay as they were there.
const since = ({ count, came = [] }) => (count > came.length ? 0 : came[0].seq);
