// Ascending lists, found by halving.

/** The first index whose key is not below `key`. */
export function lowerBound(list, key, keyOf = (item) => item) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(list[middle]) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

const seqOf = (event) => event.seq;

export const indexOfSeq = (events, seq) => lowerBound(events, seq, seqOf);

export function eventAt(events, seq) {
  const event = events[indexOfSeq(events, seq)];
  return event?.seq === seq ? event : undefined;
}

/** Put `event` in its place; one that is there already stays as it is. */
export function insertEvent(events, event) {
  if (!events.length || events.at(-1).seq < event.seq) return events.push(event);
  const index = indexOfSeq(events, event.seq);
  if (events[index].seq !== event.seq) events.splice(index, 0, event);
  return events.length;
}

/** Both ascending lists as one, each seq once: of two the one in `other`. */
export function mergeEvents(one, other) {
  if (!one.length || !other.length) return one.length ? one : other;
  if (one.at(-1).seq < other[0].seq) return one.concat(other);
  const bySeq = new Map([...one, ...other].map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
