"""Finding messages in all rooms of somebody: one query says what there is and who may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from actors.records import HIGHEST_SEQ
from actors.rules.event_frames import PAGE_BYTES, how_many_fit
from actors.rules.searching import Terms
from protocol.events import Message
from protocol.ids import Millis, RoomId
from server.postgres.message_rows import LISTED, REACTIONS, SIZE, listed_of
from server.postgres.pool import Database
from server.postgres.room_rows import SENDER
from server.turns import Turns

FAR: Final = 2**53
"""Milliseconds that no message is as late as."""

# The cursor of a page names a room by its id; one that he never was in stands below all rooms.
SEARCH = f"""
SELECT f.is_inside, coalesce(cardinality(f.hits), 0) AS candidates,
    (f.reached).at AS reached_at, (f.reached).seq AS reached_seq, (
        SELECT r.room_id FROM chat_rooms r WHERE r.room_no = (f.reached).room_no
    ) AS reached_room, e.*, {SENDER} AS sender, {REACTIONS}
FROM search_messages(
    $2::integer, $3::text, $4::text, $5::text[], $6::text[], $7::text[], $8::bigint,
    ROW($9::bigint, $10::integer, coalesce((
        SELECT r.room_no FROM chat_rooms r
        JOIN chat_members m ON m.room_no = r.room_no AND m.user_no = $2
        WHERE r.room_id = $11::text
    ), 0))::search_place, $1::integer, ROW($13::bigint, $14::integer, $15::integer)::search_bounds
) f
LEFT JOIN LATERAL (
    SELECT {LISTED}, r.room_id, sum({SIZE}) OVER (
        ORDER BY p.at DESC, p.seq DESC, p.room_no DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier
    FROM unnest(f.hits) AS p
    JOIN room_events e ON e.room_no = p.room_no AND e.seq = p.seq
    LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
    JOIN chat_rooms r ON r.room_no = p.room_no
) e ON coalesce(e.earlier, 0) <= $12
ORDER BY e.at DESC, e.seq DESC, e.room_no DESC"""  # noqa: S608 - constants


class Place(NamedTuple):
    """A place among all messages, the later the higher."""

    at: Millis
    seq: int
    room: str


LATEST: Final = Place(Millis(FAR), HIGHEST_SEQ, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for: messages that have all *terms*, below *below*.

    Those of *room* and *sender*, as the room names him, where they are given; not before *since*.
    """

    terms: Terms
    room: RoomId | None = None
    sender: str | None = None
    since: int = 0
    below: Place = LATEST
    limit: int = 20


class Page(NamedTuple):
    """Messages, the newest first; below *following* there may be more, unless it is None."""

    messages: list[Message]
    following: Place | None


class Bounds(NamedTuple):
    """What one search does at most, but for the least that takes it further.

    *work* are steps of about 2.5 µs. It reads *fresh* messages of all that no chunk has as they are
    now, and of however many rooms the last *tail* events of each.
    """

    work: int = 20_000
    fresh: int = 4_096
    tail: int = 16


BOUNDS: Final = Bounds()


class SearchStore:
    """Searches the rooms that somebody is in at that moment.

    What people whom he blocks have said is left out, but in blind rooms, where that would tell who
    they are. A search takes a bounded time, so that a page may be short, or empty, and yet another
    follow. Few are made at once, and of one user's one after another: no other work waits for them.
    """

    AT_ONCE = 3
    WITHIN = 5.0
    TURN_WITHIN = 2.0

    def __init__(self, database: Database, *, bounds: Bounds = BOUNDS) -> None:
        self._database, self._bounds = database, bounds
        self._turns = Turns(self.AT_ONCE, within=self.TURN_WITHIN)

    async def search(self, user_no: int, sought: Sought) -> Page | None:
        """A page of what was *sought*; None for a room that he is not in.

        Raises ProtocolError ``rate_limited`` while other searches of his take long, and
        ``unavailable`` while those of others do.
        """
        async with self._turns.of(user_no):
            asked = (*_asked(user_no, sought), *self._bounds)
            rows = await self._database.fetch(SEARCH, *asked, within=self.WITHIN)
        if sought.room is not None and not rows[0]["is_inside"]:
            return None
        return _page_of(rows, sought.limit)


def _asked(user_no: int, sought: Sought) -> Sequence[object]:
    terms, below = sought.terms, sought.below
    return (
        sought.limit + 1,
        user_no,
        sought.room,
        sought.sender,
        terms.words,
        terms.likes,
        terms.patterns,
        sought.since,
        below.at,
        min(below.seq, HIGHEST_SEQ),
        below.room,
        PAGE_BYTES,
    )


def _page_of(rows: Sequence[Any], limit: int) -> Page:
    found = [listed_of(row["room_id"], row) for row in rows if row["seq"] is not None]
    messages = [each for each in found[:limit] if isinstance(each, Message)]
    messages = messages[: how_many_fit(messages)]
    first = rows[0]
    if len(messages) < first["candidates"]:
        last = messages[-1]
        return Page(messages, Place(Millis(last.at), last.seq, last.room))
    if first["reached_at"] is None:
        return Page(messages, None)
    reached = Place(first["reached_at"], first["reached_seq"], first["reached_room"] or "")
    return Page(messages, reached)
