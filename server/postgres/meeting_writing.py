"""Writing what became of a meeting: what differs, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from actors.meeting_keeping import busy_of
from actors.meeting_records import HistoryEntry, Meeting
from server.postgres.pool import Transaction
from server.postgres.rooms import NewRoom, insert_rooms

ROOM_NAME: Final = 100  # characters: what a room may be called

INSERT: Final = """
INSERT INTO meeting_coordination_sessions (room_no, meeting_title, initiator_no, current_status,
    rule, time_zone, duration_ms, deadline, is_open_to_proposals, sequence, final_decision, wake_at,
    updated_at, meeting_id, rev, created_at)
SELECT r.room_no, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11::jsonb, $12, $13, $14, $15, $16
FROM chat_rooms r WHERE r.room_id = $1 RETURNING meeting_no"""

UPDATE: Final = """
UPDATE meeting_coordination_sessions SET rev = rev + 1, meeting_title = $2, initiator_no = $3,
    current_status = $4, rule = $5::jsonb, time_zone = $6, duration_ms = $7, deadline = $8,
    is_open_to_proposals = $9, sequence = $10, final_decision = $11::jsonb, wake_at = $12,
    updated_at = $13
WHERE meeting_no = $1"""

PEOPLE: Final = """
INSERT INTO meeting_participants (meeting_no, user_no, standing, reminded_at)
SELECT $1, p.* FROM unnest($2::integer[], $3::text[], $4::bigint[]) AS p
ON CONFLICT (meeting_no, user_no)
DO UPDATE SET standing = excluded.standing, reminded_at = excluded.reminded_at"""

# An option never comes to mean another one.
OPTIONS: Final = """
INSERT INTO meeting_options (meeting_no, option_id, kind, position, description, starts_at,
    time_zone, name, address, latitude, longitude, proposed_by, withdrawn_at)
SELECT $1, o.* FROM unnest($2::text[], $3::text[], $4::smallint[], $5::text[], $6::bigint[],
    $7::text[], $8::text[], $9::text[], $10::float8[], $11::float8[], $12::integer[],
    $13::bigint[]) AS o
ON CONFLICT (meeting_no, option_id) DO UPDATE SET withdrawn_at = excluded.withdrawn_at"""

VOTES: Final = """
INSERT INTO meeting_votes (option_no, user_no, meeting_no, vote)
SELECT o.option_no, v.user_no, o.meeting_no, v.vote
FROM unnest($2::integer[], $3::text[], $4::text[]) AS v (user_no, option_id, vote)
JOIN meeting_options o ON o.meeting_no = $1 AND o.option_id = v.option_id
ON CONFLICT (option_no, user_no) DO UPDATE SET vote = excluded.vote"""

VOTES_GONE: Final = """
DELETE FROM meeting_votes v
USING unnest($2::integer[], $3::text[]) AS g (user_no, option_id), meeting_options o
WHERE o.meeting_no = $1 AND o.option_id = g.option_id
    AND v.option_no = o.option_no AND v.user_no = g.user_no"""

BUSY: Final = """
INSERT INTO busy_times (meeting_no, source, user_no, starts_at, ends_at, title)
SELECT $1, 'meeting', b.* FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::text[]) AS b
ON CONFLICT (meeting_no, user_no) WHERE meeting_no IS NOT NULL
DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at, title = excluded.title"""

BUSY_GONE: Final = """
DELETE FROM busy_times WHERE meeting_no = $1 AND user_no = ANY ($2::integer[])"""

HISTORY: Final = """
INSERT INTO meeting_history (meeting_no, kind, by_no, at, body)
SELECT $1, h.kind, h.by_no, h.at, h.body::jsonb
FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::text[]) WITH ORDINALITY
    AS h (kind, by_no, at, body, place)
ORDER BY h.place"""


async def make(transaction: Transaction, new: Meeting) -> int:
    """Keep one that was not there, with its room, whose owner is its initiator; its number.

    Raises UniqueViolationError where one of them was there.
    """
    others = [each for each in new.present() if each != new.initiator]
    members = [new.initiator, *others]
    await insert_rooms(transaction, [NewRoom(new.room, new.title[:ROOM_NAME], None, members)])
    more = (new.id, new.rev, new.created_at)
    number: int = await transaction.fetchval(INSERT, new.room, *_columns(new), *more)
    nothing = msgspec.structs.replace(new, decision=None, people={}, options={}, votes={})
    await _write_parts(transaction, number, nothing, new)
    return number


async def write(transaction: Transaction, before: Meeting, after: Meeting) -> None:
    """Keep what *after* is, by those who have its row."""
    await transaction.execute(UPDATE, before.meeting_no, *_columns(after))
    await _write_parts(transaction, before.meeting_no, before, after)


async def remember(
    transaction: Transaction, meeting_no: int, history: Sequence[HistoryEntry]
) -> None:
    """Add to what happened."""
    rows = [(each.kind, each.by, each.at, _json(each.body)) for each in history]
    await _put(transaction, HISTORY, meeting_no, rows)


async def _write_parts(
    transaction: Transaction, number: int, before: Meeting, after: Meeting
) -> None:
    people = _new(before.people, after.people).values()
    rows: list[tuple[Any, ...]] = [(p.user_no, p.standing, p.reminded_at) for p in people]
    await _put(transaction, PEOPLE, number, rows)
    options = _new(before.options, after.options).values()
    await _put(transaction, OPTIONS, number, [msgspec.structs.astuple(each) for each in options])
    votes = _new(before.votes, after.votes)
    await _put(transaction, VOTES, number, [(*key, vote) for key, vote in votes.items()])
    await _put(transaction, VOTES_GONE, number, list(before.votes.keys() - after.votes.keys()))
    was_busy, is_busy = busy_of(before), busy_of(after)
    gone = list(was_busy.keys() - is_busy.keys())
    await _put(transaction, BUSY_GONE, number, [(each,) for each in gone])
    busy = _new(was_busy, is_busy)
    await _put(transaction, BUSY, number, [(key, *each) for key, each in busy.items()])


async def _put(
    transaction: Transaction, sql: str, number: int, rows: Sequence[Sequence[Any]]
) -> None:
    """Have *sql* take *rows* of a meeting, column by column."""
    if rows:
        await transaction.execute(sql, number, *zip(*rows, strict=True))


def _new(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """What of *after* is not so before."""
    return {key: each for key, each in after.items() if before.get(key) != each}


def _columns(meeting: Meeting) -> tuple[Any, ...]:
    decision = meeting.decision
    return (
        meeting.title,
        meeting.initiator,
        meeting.status.value,
        _json(meeting.rule),
        meeting.zone,
        meeting.duration_ms,
        meeting.deadline,
        meeting.is_open_to_proposals,
        meeting.sequence,
        None if decision is None else _json(decision),
        meeting.wake_at,
        meeting.updated_at,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
