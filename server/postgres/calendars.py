"""When people are busy, and what their calendars are told of their meetings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.calendars.reading import Busy
from server.calendars.writing import Entry, Place
from server.postgres.pool import Database, Transaction
from server.postgres.room_rows import NAME

BUSY_MOST: Final = 5_000
"""Times that one user may have said, and brought, together."""
TOLD_MOST: Final = 500
"""Meetings that a calendar is told of: the latest."""
CANCELLED_MS: Final = 30 * 86_400_000
"""How long one that was cancelled is told of, so that every calendar has taken it out."""
BEGINNING: Final = (-(2**63), 0)

# One after another of a user, so that no two add the last one.
OWNER: Final = "SELECT FROM users WHERE user_no = $1 FOR NO KEY UPDATE"

LISTED: Final = """
SELECT busy_no, starts_at, ends_at, title, source FROM busy_times
WHERE user_no = $1 AND ends_at > $2 AND starts_at < $3 AND (starts_at, busy_no) > ($4, $5)
ORDER BY starts_at, busy_no LIMIT $6"""

COUNT: Final = """
SELECT count(*) FROM busy_times WHERE user_no = $1 AND source = ANY ($2::text[])"""

ADD: Final = """
INSERT INTO busy_times (user_no, starts_at, ends_at, title, source)
VALUES ($1, $2, $3, $4, 'own') RETURNING busy_no"""

REMOVE: Final = """
DELETE FROM busy_times WHERE user_no = $1 AND busy_no = $2 AND source <> 'meeting' RETURNING true"""

DROP_IMPORTED: Final = "DELETE FROM busy_times WHERE user_no = $1 AND source = 'import'"

IMPORT: Final = """
INSERT INTO busy_times (user_no, source, starts_at, ends_at, title, uid)
SELECT $1, 'import', b.* FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[]) AS b"""

MAKE_FEED: Final = """
INSERT INTO calendar_feeds (user_no, token_hash, created_at) VALUES ($1, $2, $3)
ON CONFLICT (user_no)
DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at"""

FEED_SINCE: Final = "SELECT created_at FROM calendar_feeds WHERE user_no = $1"

DROP_FEED: Final = "DELETE FROM calendar_feeds WHERE user_no = $1"

FEED_OF: Final = """
SELECT f.user_no FROM calendar_feeds f JOIN users u USING (user_no)
WHERE f.token_hash = $1 AND u.status = 'active'"""

# What was cancelled is told of as it was when it was last confirmed; what never was is not.
ENTRIES: Final = f"""
SELECT m.meeting_id, m.meeting_title, m.current_status, m.sequence, m.updated_at, t.starts_at,
    coalesce((m.final_decision ->> 'ends_at')::bigint, t.starts_at + m.duration_ms) AS ends_at,
    t.time_zone, t.description, p.name AS place, p.address, p.latitude, p.longitude,
    (SELECT {NAME} FROM users u WHERE u.user_no = m.initiator_no) AS organizer
FROM meeting_participants mine
JOIN meeting_coordination_sessions m USING (meeting_no)
LEFT JOIN LATERAL (
    SELECT h.body FROM meeting_history h
    WHERE h.meeting_no = m.meeting_no AND h.kind = 'confirmed' AND m.current_status = 'cancelled'
    ORDER BY h.history_no DESC LIMIT 1
) was ON true
CROSS JOIN LATERAL (SELECT coalesce(was.body, m.final_decision) AS said) chosen
JOIN meeting_options t ON t.meeting_no = m.meeting_no AND t.option_id = chosen.said ->> 'time'
LEFT JOIN meeting_options p ON p.meeting_no = m.meeting_no AND p.option_id = chosen.said ->> 'place'
WHERE mine.user_no = $1 AND mine.standing IN ('invited', 'accepted')
    AND (m.current_status = 'confirmed' OR m.current_status = 'cancelled' AND m.updated_at > $2)
ORDER BY t.starts_at DESC, m.meeting_no DESC LIMIT $3"""  # noqa: S608 - constants


class BusyTime(NamedTuple):
    """A time that somebody has not; ``source``: own, import or meeting."""

    busy_no: int
    starts_at: Millis
    ends_at: Millis
    title: str
    source: str


class Calendars:
    """Each user's own. Every method may raise StoreUnavailable; those that change something
    OutcomeUnknown, too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def busy(
        self,
        user_no: int,
        start: Millis,
        end: Millis,
        *,
        after: tuple[int, int] = BEGINNING,
        limit: int,
    ) -> Sequence[BusyTime]:
        """Those that overlap the time from *start* to *end*, by when they start, and those *after*
        (``starts_at``, ``busy_no``) of another page's last one.
        """
        async with self._database.acting(user_no) as mine:
            rows = await mine.fetch(LISTED, user_no, start, end, *after, limit)
        return [BusyTime(*row) for row in rows]

    async def add(self, user_no: int, start: Millis, end: Millis, title: str) -> BusyTime:
        """A new one. Raises ProtocolError: ``conflict`` where there are too many."""
        async with self._database.acting(user_no) as mine:
            await mine.execute(OWNER, user_no)
            if await _count(mine, user_no, "own", "import") >= BUSY_MOST:
                raise ProtocolError(ErrorCode.CONFLICT, f"at most {BUSY_MOST} times")
            number = await mine.fetchval(ADD, user_no, start, end, title)
        return BusyTime(number, start, end, title, "own")

    async def remove(self, user_no: int, busy_no: int) -> bool:
        """Whether it was there, and no meeting's."""
        async with self._database.acting(user_no) as mine:
            return await mine.fetchval(REMOVE, user_no, busy_no) is not None

    async def replace_imported(self, user_no: int, items: Sequence[Busy]) -> int:
        """Have these in the place of all that were brought before, of them as many of the first as
        there is room for; how many these are.
        """
        async with self._database.acting(user_no) as mine:
            await mine.execute(OWNER, user_no)
            await mine.execute(DROP_IMPORTED, user_no)
            room = max(BUSY_MOST - await _count(mine, user_no, "own"), 0)
            kept = [(each.starts_at, each.ends_at, each.title, each.uid) for each in items[:room]]
            if kept:
                await mine.execute(IMPORT, user_no, *zip(*kept, strict=True))
        return len(kept)

    async def make_feed(self, user_no: int, token: str, *, at: Millis) -> None:
        """Have *token* name the user's calendar, and no other any more."""
        async with self._database.acting(user_no) as mine:
            await mine.execute(MAKE_FEED, user_no, _digest(token), at)

    async def feed_since(self, user_no: int) -> Millis | None:
        """When the token was made that holds; None: there is none."""
        async with self._database.acting(user_no) as mine:
            found: int | None = await mine.fetchval(FEED_SINCE, user_no)
        return None if found is None else Millis(found)

    async def drop_feed(self, user_no: int) -> None:
        """Have no token any more."""
        async with self._database.acting(user_no) as mine:
            await mine.execute(DROP_FEED, user_no)

    async def feed_of(self, token: str) -> int | None:
        """Whose calendar *token* names, while his account may be used."""
        async with self._database.service() as service:
            found: int | None = await service.fetchval(FEED_OF, _digest(token))
        return found

    async def entries(self, user_no: int, *, now: Millis) -> Sequence[Entry]:
        """The user's meetings that have a time: what is confirmed, and was cancelled lately."""
        async with self._database.acting(user_no) as mine:
            rows = await mine.fetch(ENTRIES, user_no, now - CANCELLED_MS, TOLD_MOST)
        return [_entry(row) for row in rows]


async def _count(mine: Transaction, user_no: int, *sources: str) -> int:
    return int(await mine.fetchval(COUNT, user_no, list(sources)))


def _digest(token: str) -> bytes:
    """Of 256 random bits nobody finds what this is of, and no time tells who looks for it."""
    return hashlib.sha256(token.encode()).digest()


def _entry(row: Any) -> Entry:
    place = row["place"] and Place(
        name=row["place"],
        address=row["address"],
        latitude=row["latitude"],
        longitude=row["longitude"],
    )
    return Entry(
        uid=uid_of(row["meeting_id"]),
        sequence=row["sequence"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        zone=row["time_zone"],
        title=row["meeting_title"],
        stamped_at=row["updated_at"],
        status="CONFIRMED" if row["current_status"] == "confirmed" else "CANCELLED",
        place=place,
        description=row["description"],
        organizer=row["organizer"],
    )


def uid_of(meeting: str) -> str:
    """By what calendars know a meeting, by its id.

    >>> uid_of("abc")
    'abc@meetings.madang'
    """
    return f"{meeting}@meetings.madang"
