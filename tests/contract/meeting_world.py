"""Meetings in memory and in PostgreSQL, for suites that hold both to one contract.

User 1 calls them; users 2 and 3 are invited, unless a test says otherwise. In PostgreSQL all is
done as the server does it: by a role that is bound by the policies.
"""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio
from msgspec import structs
from notification_world import NOON, new, open_app_world

from actors.meeting_keeping import Busy
from actors.meeting_ports import Changed
from actors.meeting_records import Decision, HistoryEntry, Meeting, MeetingOption, Participant
from actors.rules.meeting_states import MeetingStatus
from actors.rules.tally import Rule
from protocol.ids import Millis, RoomId, UserId
from server.memory.meetings import BusyTime, MemoryMeetings
from server.postgres.meetings import PostgresMeetings

HOUR = 3_600_000
DAY = 24 * HOUR
FIRST, SECOND = NOON + DAY, NOON + 2 * DAY
"""When the times of a meeting begin, unless a test says otherwise."""


def person(number, standing="invited", **fields):
    """As the store knows a user."""
    return Participant(
        user_no=number,
        user_id=UserId(f"user{number}"),
        name=f"User {number}",
        language="ko",
        zone="Asia/Seoul",
        standing=standing,
        **fields,
    )


def time(name, position=0, starts_at=FIRST, **fields):
    """A time that is proposed."""
    more = {"proposed_by": 1, "zone": "Asia/Seoul"} | fields
    return MeetingOption(
        id=name, kind="time", position=position, starts_at=Millis(starts_at), **more
    )


def place(option, position=0, **fields):
    """A place that is proposed."""
    more = {"proposed_by": 1, "name": f"place {option}"} | fields
    return MeetingOption(id=option, kind="place", position=position, **more)


def meeting(name="m1", people=(2, 3), options=None, **fields):
    """A new one."""
    options = [time("t1"), time("t2", 1, SECOND), place("p1")] if options is None else options
    there = [person(1, "accepted"), *(person(number) for number in people)]
    defaults = {
        "room": RoomId(f"room-{name}"),
        "title": f"Lunch {name}",
        "status": MeetingStatus.PROPOSING,
        "rule": Rule(),
        "deadline": Millis(NOON + HOUR),
        "wake_at": Millis(NOON + HOUR),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Meeting(
        meeting_no=0,
        id=name,
        initiator=1,
        zone="Asia/Seoul",
        duration_ms=HOUR,
        is_open_to_proposals=True,
        rev=0,
        sequence=0,
        decision=None,
        people={each.user_no: each for each in there},
        options={each.id: each for each in options},
        votes={},
        **(defaults | fields),
    )


def vote(number, option, said="yes"):
    """Has somebody vote."""

    def decide(found):
        draft = found.copy()
        draft.votes[number, option] = said
        draft.status = MeetingStatus.VOTING
        return Changed(draft)

    return decide


def becomes(**fields):
    """Has a meeting be so."""
    return lambda found: Changed(structs.replace(found, **fields))


def stands(number, standing):
    """Has somebody be of that standing."""

    def decide(found):
        draft = found.copy()
        draft.people[number] = structs.replace(draft.people[number], standing=standing)
        return Changed(draft)

    return decide


def confirmed(option="t1", because="confirmed", **fields):
    """Has a meeting be at one of its times."""

    def decide(found):
        start = found.options[option].starts_at
        end = Millis(start + found.duration_ms)
        more = {"by": 1, "time": option, "starts_at": start, "ends_at": end} | fields
        decision = Decision(because=because, at=NOON, **more)
        draft = structs.replace(found, status=MeetingStatus.CONFIRMED, decision=decision)
        return Changed(draft)

    return decide


def telling(name="n1", to=2, **fields):
    """Somebody is told of it, and it stands in the history."""
    entry = HistoryEntry(kind="told", by=1, at=NOON, body={"whom": to})
    note = new(name, to, 1, data={"meeting": "m1"}, **fields)
    return lambda found: Changed(found, [note], [entry])


class MemoryMeetingWorld:
    def __init__(self):
        self.store = MemoryMeetings()

    async def create(self, *args, **fields):
        return await self.store.create(Changed(meeting(*args, **fields)))

    async def busy(self, number, start, end, title="dentist"):
        self.store.busy.append(BusyTime(number, Busy(Millis(start), Millis(end), title)))

    async def taken(self, name):
        """What a meeting takes of people's time."""
        number = (await self.kept(name)).meeting_no
        return {each.user_no: each.busy for each in self.store.busy if each.meeting == number}

    async def told(self):
        return [each.id for each in self.store.notifications]

    async def history(self, name):
        return list(self.store.history(name))

    async def kept(self, name="m1"):
        return await self.store.change(name, Changed)


class PostgresMeetingWorld:
    TAKEN = """
SELECT b.user_no, b.starts_at, b.ends_at, b.title
FROM busy_times b JOIN meeting_coordination_sessions m USING (meeting_no) WHERE m.meeting_id = $1"""
    BUSY = """
INSERT INTO busy_times (user_no, starts_at, ends_at, title, source)
VALUES ($1, $2, $3, $4, 'own')"""
    PEOPLE = """
INSERT INTO users (user_no, user_id, username, name)
SELECT n, 'user' || n, 'name' || n, 'User ' || n FROM generate_series(13, $1) n"""

    def __init__(self, notifications):
        self.notifications = notifications
        self.owner, self.database = notifications.owner, notifications.database
        self.store = PostgresMeetings(self.database)

    async def create(self, *args, **fields):
        new_one = meeting(*args, **fields)
        await self.owner.execute(self.PEOPLE, max(new_one.people))
        return await self.store.create(Changed(new_one))

    async def fetch(self, sql, *args):
        return await self.notifications.fetch(sql, *args)

    async def busy(self, number, start, end, title="dentist"):
        await self.fetch(self.BUSY, number, start, end, title)

    async def taken(self, name):
        return {row[0]: Busy(*row[1:]) for row in await self.fetch(self.TAKEN, name)}

    async def told(self):
        return list(await self.notifications.kept())

    async def history(self, name):
        found = await self.store.history(1, name, limit=1000)
        return [each.entry for each in reversed(found)]

    async def kept(self, name="m1"):
        return await self.store.change(name, Changed)


@asynccontextmanager
async def open_meeting_world(url):
    """In PostgreSQL at *url*, else in memory."""
    if url is None:
        await trio.lowlevel.checkpoint()
        yield MemoryMeetingWorld()
        return
    async with open_app_world(url) as notifications:
        yield PostgresMeetingWorld(notifications)
