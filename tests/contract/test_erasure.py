"""What deleted messages said is erased when its time is over, and nothing else is."""

from __future__ import annotations

from actors.records import EventKind, NewEvent, Sent, SentKey
from protocol.ids import Millis
from protocol.limits import READ_LOG_S, RESTORE_WITHIN_S
from server.postgres.erasure import Erasure
from server.postgres.users import UserStore

DELETED_AT = 1005


class StoppedClock:
    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> Millis:
        return Millis(self._now_ms)


def change(seq, kind, of, **fields):
    return NewEvent(seq, 1000 + seq, kind, 1, 2, of=of, **fields)


async def erase(postgres, *, late_ms):
    clock = StoppedClock(DELETED_AT + RESTORE_WITHIN_S * 1000 + late_ms)
    return await Erasure(postgres.database, clock=clock, log=None).erase_due()


async def test_only_what_is_due_is_erased_and_it_is_nowhere_any_more(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    events = [
        writing.said(1, body="secret", extra='{"mentions":["user1"]}'),
        writing.said(2, body="kept"),
        change(3, EventKind.UPDATED, 1, body="secret too"),
        change(4, EventKind.UPDATED, 2, body="kept too"),
        change(5, EventKind.DELETED, 1),
    ]
    await journal.append([writing.batch(number, 1, events)])
    assert await erase(postgres, late_ms=0) == 0
    assert list(await postgres.events.withdrawn([(number, 1)])) == [(number, 1)]
    assert await erase(postgres, late_ms=1) == 1
    assert await erase(postgres, late_ms=1) == 0
    assert await postgres.events.withdrawn([(number, 1)]) == {}
    asked = ("SELECT * FROM room_events", "SELECT * FROM message_states")
    rows = [await postgres.database.fetch(sql) for sql in asked]
    text = repr([dict(row) for found in rows for row in found])
    assert "secret" not in text and "user1" not in text and text.count("kept") == 3
    key = SentKey(number, 1, "c1")
    assert await postgres.events.sent([key]) == {key: Sent(1, 1001, 7)}, "a resend is known still"


async def test_what_was_restored_in_time_is_kept(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    events = [
        writing.said(1, body="back"),
        change(2, EventKind.DELETED, 1),
        change(3, EventKind.RESTORED, 1, body="back"),
    ]
    await journal.append([writing.batch(number, 1, events)])
    assert await erase(postgres, late_ms=10**9) == 0


async def test_who_read_when_is_forgotten_after_a_while(postgres, writing):
    number, room = await postgres.room(1, 2)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    batch = writing.batch(number, 1, [writing.said(1), writing.said(2)], cursors={2: 2})
    batch.reads.extend([(2, 1, 5000), (2, 2, 6000), (2, 2, 7000)])
    await journal.append([batch])
    clock = StoppedClock(6000 + READ_LOG_S * 1000)
    erasure = Erasure(postgres.database, clock=clock, log=None)
    assert [await erasure.forget_due() for _ in range(2)] == [1, 0]
    left = await postgres.database.fetch("SELECT user_no, seq, at FROM read_log")
    assert [tuple(row) for row in left] == [(2, 2, 6000)]


async def test_how_long_people_were_online_is_forgotten_after_a_while(postgres):
    day, database = 20_000, postgres.database
    users = UserStore(database)
    await users.were_online({(2, day): 60, (1, day): 50, (1, day + 1): 7})
    for days, left in ((29, {1: 57, 2: 60}), (30, {1: 7, 2: 0}), (30, {1: 7, 2: 0})):
        clock = StoppedClock((day + days) * 86_400_000 + 5)
        erased = await Erasure(database, clock=clock, log=None).forget_due()
        totals = await database.fetch("SELECT user_no, seconds FROM online_totals")
        assert dict(map(tuple, totals)) == left
    assert erased == 0
    kept = await database.fetch("SELECT user_no, seconds FROM online_days")
    assert [tuple(row) for row in kept] == [(1, 7)]
