"""What is asked of meetings, and what the rows become."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from actors.meeting_records import (
    PRESENT,
    Clash,
    Decision,
    HistoryEntry,
    Meeting,
    MeetingOption,
    Participant,
    Standing,
)
from actors.rules.meeting_states import MeetingStatus
from actors.rules.tally import Rule
from protocol.ids import Millis, RoomId, UserId
from server.postgres.pool import Transaction
from server.postgres.room_rows import NAME

IS_PRESENT: Final = f"standing IN ({', '.join(repr(each) for each in sorted(PRESENT))})"

SESSION: Final = """
SELECT m.meeting_no, m.meeting_id, r.room_id, m.meeting_title, m.initiator_no, m.current_status,
    m.rule::text AS rule, m.time_zone, m.duration_ms, m.deadline, m.is_open_to_proposals, m.rev,
    m.sequence, m.final_decision::text AS final_decision, m.wake_at, m.created_at, m.updated_at
FROM meeting_coordination_sessions m JOIN chat_rooms r ON r.room_no = m.room_no
WHERE m.meeting_id = $1"""

HELD: Final = f"{SESSION} FOR NO KEY UPDATE OF m"

PEOPLE: Final = f"""
SELECT p.user_no, u.user_id, {NAME} AS name, u.time_zone, p.standing, p.reminded_at,
    CASE WHEN u.language LIKE 'ko%' THEN 'ko' ELSE 'en' END AS language
FROM meeting_participants p JOIN users u ON u.user_no = p.user_no
WHERE p.meeting_no = $1 ORDER BY p.user_no"""  # noqa: S608 - constants

OPTIONS: Final = """
SELECT o.option_id, o.kind, o.position, o.description, o.starts_at, o.time_zone, o.name, o.address,
    o.latitude, o.longitude, o.proposed_by, o.withdrawn_at
FROM meeting_options o WHERE o.meeting_no = $1 ORDER BY o.kind, o.position"""

VOTES: Final = """
SELECT v.user_no, o.option_id, v.vote
FROM meeting_options o JOIN meeting_votes v ON v.option_no = o.option_no
WHERE o.meeting_no = $1"""

LINE: Final = "box(point({0}, {1}), point({0}, {2}))"
BUSY_LINE: Final = LINE.format("b.user_no", "b.starts_at", "b.ends_at")
# Lines that only touch would be found, too, were they not half a millisecond shorter.
ASKED_LINE: Final = LINE.format("p.user_no", "o.starts_at + 0.5", "o.starts_at + $2 - 0.5")
LOOKED_AT_MOST: Final = 20

CLASHES: Final = f"""
SELECT p.user_no, o.option_id, c.title, c.starts_at, c.ends_at
FROM meeting_participants p
JOIN meeting_options o ON o.meeting_no = p.meeting_no
    AND o.starts_at IS NOT NULL AND o.withdrawn_at IS NULL
CROSS JOIN LATERAL (
    SELECT near.* FROM (
        SELECT b.title, b.starts_at, b.ends_at FROM busy_times b
        WHERE {BUSY_LINE} && {ASKED_LINE} AND b.meeting_no IS DISTINCT FROM p.meeting_no
        LIMIT {LOOKED_AT_MOST}
    ) near ORDER BY near.starts_at, near.ends_at, near.title LIMIT 1
) c
WHERE p.meeting_no = $1 AND p.{IS_PRESENT}
ORDER BY o.position, p.user_no"""  # noqa: S608 - constants

OF_USER: Final = f"""
SELECT m.meeting_id, r.room_id, m.meeting_title, i.user_id AS initiator, m.current_status,
    p.standing, (
        SELECT count(*) FROM meeting_participants o
        WHERE o.meeting_no = m.meeting_no AND o.{IS_PRESENT}
    ) AS present, (
        SELECT count(*) FROM meeting_options o
        WHERE o.meeting_no = m.meeting_no AND o.withdrawn_at IS NULL AND NOT EXISTS (
            SELECT FROM meeting_votes v WHERE v.option_no = o.option_no AND v.user_no = $1
        )
    ) AS unanswered, m.deadline, m.final_decision::text AS final_decision, m.rev, m.created_at,
    m.updated_at
FROM meeting_participants p
JOIN meeting_coordination_sessions m ON m.meeting_no = p.meeting_no
JOIN chat_rooms r ON r.room_no = m.room_no
JOIN users i ON i.user_no = m.initiator_no
WHERE p.user_no = $1 AND p.meeting_no < $2 AND p.standing <> 'left'
    AND ($3::text IS NULL OR m.current_status = $3)
ORDER BY p.meeting_no DESC LIMIT $4"""  # noqa: S608 - constants

NUMBER: Final = "SELECT meeting_no FROM meeting_coordination_sessions WHERE meeting_id = $1"

HISTORY: Final = """
SELECT h.history_no, h.kind, h.by_no, h.at, h.body::text AS body FROM meeting_history h
WHERE h.meeting_no = $1 AND h.history_no < $2 ORDER BY h.history_no DESC LIMIT $3"""

DUE: Final = """
SELECT meeting_id FROM meeting_coordination_sessions WHERE wake_at <= $1
ORDER BY wake_at, meeting_no LIMIT $2"""

NEXT_DUE: Final = "SELECT min(wake_at) FROM meeting_coordination_sessions"

_rule = msgspec.json.Decoder(Rule).decode
_decision = msgspec.json.Decoder(Decision).decode
_body = msgspec.json.Decoder(dict[str, object]).decode


class ListedMeeting(NamedTuple):
    """One of somebody's list, who is of that ``standing`` in it and has said nothing of so many
    options; ``present``: how many people take part.
    """

    id: str
    room: RoomId
    title: str
    initiator: UserId
    status: MeetingStatus
    standing: Standing
    present: int
    unanswered: int
    deadline: Millis | None
    decision: Decision | None
    rev: int
    created_at: Millis
    updated_at: Millis


class ListedEntry(NamedTuple):
    """What happened, and its number: the later, the higher."""

    number: int
    entry: HistoryEntry


async def loaded(transaction: Transaction, row: Any) -> Meeting:
    """The whole meeting of a row of SESSION, without its clashes."""
    number = row["meeting_no"]
    people = [_person(each) for each in await transaction.fetch(PEOPLE, number)]
    options = [_option(each) for each in await transaction.fetch(OPTIONS, number)]
    votes = await transaction.fetch(VOTES, number)
    return Meeting(
        meeting_no=number,
        id=row["meeting_id"],
        room=RoomId(row["room_id"]),
        title=row["meeting_title"],
        initiator=row["initiator_no"],
        status=MeetingStatus(row["current_status"]),
        rule=_rule(row["rule"]),
        zone=row["time_zone"],
        duration_ms=row["duration_ms"],
        deadline=row["deadline"],
        is_open_to_proposals=row["is_open_to_proposals"],
        rev=row["rev"],
        sequence=row["sequence"],
        decision=_decided(row),
        people={each.user_no: each for each in people},
        options={each.id: each for each in options},
        votes={(each["user_no"], each["option_id"]): each["vote"] for each in votes},
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        wake_at=row["wake_at"],
    )


async def clashes_of(transaction: Transaction, meeting: Meeting) -> list[Clash]:
    """For each time that is proposed and each who takes part the first of what he has then."""
    rows = await transaction.fetch(CLASHES, meeting.meeting_no, meeting.duration_ms)
    return [
        Clash(
            user_no=row["user_no"],
            option=row["option_id"],
            title=row["title"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
        )
        for row in rows
    ]


def listed_of(row: Any) -> ListedMeeting:
    """A row of OF_USER."""
    status = MeetingStatus(row["current_status"])
    return ListedMeeting(*row)._replace(status=status, decision=_decided(row))


def entry_of(row: Any) -> ListedEntry:
    """A row of HISTORY."""
    number, kind, by, at, body = row
    return ListedEntry(number, HistoryEntry(kind=kind, by=by, at=at, body=_body(body)))


def _decided(row: Any) -> Decision | None:
    decision: str | None = row["final_decision"]
    return None if decision is None else _decision(decision)


def _person(row: Any) -> Participant:
    return Participant(
        user_no=row["user_no"],
        user_id=UserId(row["user_id"]),
        name=row["name"],
        language=row["language"],
        zone=row["time_zone"],
        standing=row["standing"],
        reminded_at=row["reminded_at"],
    )


def _option(row: Any) -> MeetingOption:
    return MeetingOption(
        id=row["option_id"],
        kind=row["kind"],
        position=row["position"],
        description=row["description"],
        starts_at=row["starts_at"],
        zone=row["time_zone"],
        name=row["name"],
        address=row["address"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        proposed_by=row["proposed_by"],
        withdrawn_at=row["withdrawn_at"],
    )
