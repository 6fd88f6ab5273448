"""What members may know of one message beside what its page says, and what is pinned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from actors.records import HIGHEST_SEQ
from actors.rules.event_frames import PAGE_BYTES, how_many_fit
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Listed
from protocol.ids import Millis, RoomId, UserId
from server.postgres.message_rows import LISTED, SIZE, listed_of
from server.postgres.message_rows import REACTIONS as TALLIES
from server.postgres.pool import Database
from server.postgres.room_rows import NAME, SENDER, named

T = TypeVar("T")


# The room $1 as its member $2 finds it: who was removed, and what was deleted, is known by the same
# snapshot as what follows. ``e`` is the message $3.
INSIDE = "m.is_active AS inside"
ROOM = "FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no AND m.user_no = $2"
MESSAGE = f"""{ROOM}
LEFT JOIN room_events e ON e.room_no = r.room_no AND e.seq = $3 AND e.kind = 1 AND m.is_active
LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq"""
OPEN = "WHERE r.room_id = $1 AND r.is_active"

REACTIONS = f"""
SELECT {INSIDE}, e.seq AS there, false AS deleted, by.at, x.emoji,
    {named("x.room_no", "x.user_no")} AS user_id, coalesce(w.anonymous_name, {NAME}) AS name
{MESSAGE}
LEFT JOIN LATERAL (
    SELECT * FROM message_reactions x WHERE x.room_no = e.room_no AND x.seq = e.seq
    ORDER BY x.by_seq LIMIT $4
) x ON true
LEFT JOIN users u ON u.user_no = x.user_no
LEFT JOIN chat_members w ON w.room_no = x.room_no AND w.user_no = x.user_no
LEFT JOIN room_events by ON by.room_no = x.room_no AND by.seq = x.by_seq
{OPEN} ORDER BY x.by_seq"""  # noqa: S608 - constants

VERSIONS = f"""
SELECT {INSIDE}, e.seq AS there, s.deleted_at IS NOT NULL AS deleted,
    v.seq, v.body, v.at, v.candidates, {named("v.room_no", "v.sender_no")} AS user_id
{MESSAGE}
LEFT JOIN LATERAL (
    SELECT v.*, count(*) OVER () AS candidates, sum(coalesce(octet_length(v.body), 0)) OVER (
        ORDER BY v.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier
    FROM (
        SELECT * FROM room_events v
        WHERE v.room_no = e.room_no AND (v.seq = e.seq OR v.of_seq = e.seq AND v.kind = 3)
            AND v.seq > $4
        ORDER BY v.seq LIMIT $5
    ) v
) v ON s.deleted_at IS NULL AND coalesce(v.earlier, 0) <= $6
{OPEN} ORDER BY v.seq"""  # noqa: S608 - constants

PINS = f"""
SELECT {INSIDE}, e.*, {SENDER} AS sender, {TALLIES}
{ROOM}
LEFT JOIN LATERAL (
    SELECT {LISTED}, count(*) OVER () AS candidates, sum({SIZE}) OVER (
        ORDER BY s.pinned_at DESC, s.seq DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier
    FROM (
        SELECT * FROM message_states s
        WHERE s.room_no = r.room_no AND s.pinned_at IS NOT NULL AND s.deleted_at IS NULL
            AND (s.pinned_at, s.seq) < ($3, $4)
        ORDER BY s.pinned_at DESC, s.seq DESC LIMIT $5
    ) s
    JOIN room_events e ON e.room_no = s.room_no AND e.seq = s.seq
) e ON m.is_active AND coalesce(e.earlier, 0) <= $6
{OPEN} ORDER BY e.pinned_at DESC, e.seq DESC"""  # noqa: S608 - constants


class Reacted(NamedTuple):
    """One reaction of one user."""

    emoji: str
    user: UserId
    name: str
    at: Millis


class Version(NamedTuple):
    """What a message said from *at* on, by the event *seq*, and who wrote that."""

    seq: int
    body: str
    at: Millis
    user: UserId


class Pin(NamedTuple):
    """A place among what is pinned, where the latest pin is first."""

    at: int
    seq: int


LATEST = Pin(2**63 - 1, HIGHEST_SEQ)


class MessageStore:
    """Reads for present members. Every method raises ProtocolError for others, as ``page`` does.

    Lists come in pages: as much as was asked for and fits PAGE_BYTES, and whether there is more.
    """

    MOST = 1000  # rows of an answer

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reactions(self, room: RoomId, user_no: int, seq: int) -> list[Reacted]:
        """Who put which emoji on the message *seq*, first come first."""
        rows = await self._database.fetch(
            REACTIONS, room, user_no, min(seq, HIGHEST_SEQ), self.MOST
        )
        found = [row for row in _message(rows) if row["emoji"] is not None]
        return [Reacted(r["emoji"], UserId(r["user_id"]), r["name"], r["at"]) for r in found]

    async def versions(
        self, room: RoomId, user_no: int, seq: int, *, after: int = 0, limit: int = MOST
    ) -> tuple[Sequence[Version], bool]:
        """What the message *seq* said above *after*, oldest first; ``gone`` when it is deleted."""
        bounds = (min(seq, HIGHEST_SEQ), min(after, HIGHEST_SEQ))
        sought = (room, user_no, *bounds, limit + 1, PAGE_BYTES)
        rows = [
            row for row in _message(await self._database.fetch(VERSIONS, *sought)) if row["seq"]
        ]
        found = [Version(r["seq"], r["body"] or "", r["at"], UserId(r["user_id"])) for r in rows]
        return _fitting(found, rows, limit)

    async def pins(
        self, room: RoomId, user_no: int, *, after: Pin = LATEST, limit: int = MOST
    ) -> tuple[Sequence[tuple[Listed, Pin]], bool]:
        """What is pinned after the place *after*, each with its own."""
        sought = (room, user_no, after.at, min(after.seq, HIGHEST_SEQ), limit + 1, PAGE_BYTES)
        rows = _inside(await self._database.fetch(PINS, *sought))
        rows = [row for row in rows if row["seq"]]
        found = [(listed_of(room, row), Pin(row["pinned_at"], row["seq"])) for row in rows]
        return _fitting(found, rows, limit)


def _inside(rows: list[Any]) -> list[Any]:
    if not rows or not rows[0]["inside"]:
        raise ProtocolError(ErrorCode.NOT_MEMBER if rows else ErrorCode.NOT_FOUND)
    return rows


def _message(rows: list[Any]) -> list[Any]:
    if _inside(rows)[0]["there"] is None:
        raise ProtocolError(ErrorCode.NOT_FOUND, "no message of this room")
    if rows[0]["deleted"]:
        raise ProtocolError(ErrorCode.GONE, "the message was deleted")
    return rows


def _fitting(found: Sequence[T], rows: list[Any], limit: int) -> tuple[Sequence[T], bool]:
    fit = how_many_fit(found[:limit])
    return found[:fit], bool(rows) and fit < rows[0]["candidates"]
