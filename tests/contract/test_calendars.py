"""When people are busy, and what their calendars are told, as PostgreSQL keeps it."""

from __future__ import annotations

import pytest
import trio
from meeting_world import (
    DAY,
    FIRST,
    HOUR,
    SECOND,
    confirmed,
    open_meeting_world,
    place,
    stands,
    time,
)
from msgspec import structs
from notification_world import NOON

from actors.meeting_ports import Changed
from actors.meeting_records import Decision, HistoryEntry
from actors.rules.meeting_states import MeetingStatus
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.calendars.reading import Busy
from server.calendars.writing import Place
from server.postgres import calendars as module
from server.postgres.calendars import CANCELLED_MS, LISTED, Calendars, uid_of

ALWAYS = (Millis(0), Millis(2**53))


@pytest.fixture
async def world(database_url):
    async with open_meeting_world(database_url) as made:
        yield made


@pytest.fixture
def calendars(world):
    return Calendars(world.database)


def busy(number, hours=1):
    start = NOON + number * DAY
    return Busy(
        starts_at=Millis(start), ends_at=Millis(start + hours * HOUR), title="", uid=f"u{number}"
    )


async def titles(calendars, user_no, start=0, end=2**53, **more):
    found = await calendars.busy(user_no, start, end, **{"limit": 100} | more)
    return [each.title for each in found]


async def test_busy_times_are_one_s_own(calendars):
    mine = await calendars.add(1, NOON, NOON + HOUR, "dentist")
    await calendars.add(2, NOON, NOON + HOUR, "other")
    assert await calendars.busy(1, *ALWAYS, limit=9) == [mine]
    assert not await calendars.remove(2, mine.busy_no)
    assert await calendars.remove(1, mine.busy_no)
    assert not await calendars.remove(1, mine.busy_no)
    assert await titles(calendars, 1) == [] and await titles(calendars, 2) == ["other"]


async def test_busy_times_are_listed_by_what_they_overlap_and_in_pages(calendars):
    for name, start, end in (("a", 0, 4), ("b", 1, 2), ("c", 1, 3), ("d", 5, 6)):
        await calendars.add(1, Millis(NOON + start * HOUR), Millis(NOON + end * HOUR), name)
    at = [Millis(NOON + hour * HOUR) for hour in range(8)]
    assert await titles(calendars, 1, at[3], at[5]) == ["a"]  # neither what ends nor begins then
    assert await titles(calendars, 1, at[2], at[6]) == ["a", "c", "d"]
    seen, after = [], module.BEGINNING
    while page := await calendars.busy(1, *ALWAYS, after=after, limit=1):
        seen += [each.title for each in page]
        after = (page[-1].starts_at, page[-1].busy_no)
    assert seen == ["a", "b", "c", "d"]


async def test_nobody_has_more_busy_times_than_he_may(calendars, monkeypatch):
    monkeypatch.setattr(module, "BUSY_MOST", 3)
    results = []

    async def add():
        try:
            await calendars.add(1, NOON, NOON + HOUR, "")
            results.append(None)
        except ProtocolError as error:
            results.append(error.code)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(add)
    assert sorted(map(str, results)) == ["None"] * 3 + [str(ErrorCode.CONFLICT)] * 2
    await calendars.add(2, NOON, NOON + HOUR, "")
    assert await calendars.replace_imported(2, [busy(number) for number in range(9)]) == 2


async def test_a_calendar_takes_the_place_of_the_one_before(calendars):
    await calendars.add(1, NOON, NOON + HOUR, "own")
    assert await calendars.replace_imported(1, [busy(1), busy(2), busy(2)]) == 3
    assert await calendars.replace_imported(2, [busy(1)]) == 1
    assert await calendars.replace_imported(1, [busy(3)]) == 1
    found = await calendars.busy(1, *ALWAYS, limit=9)
    assert [(each.source, each.starts_at) for each in found] == [
        ("own", NOON),
        ("import", NOON + 3 * DAY),
    ]
    assert await calendars.replace_imported(1, []) == 0
    assert await titles(calendars, 1) == ["own"] and len(await titles(calendars, 2)) == 1


async def test_a_feed_has_one_token_of_which_the_digest_is_kept(world, calendars):
    assert await calendars.feed_since(1) is None
    await calendars.make_feed(1, "first", at=NOON)
    await calendars.make_feed(2, "other", at=NOON)
    assert await calendars.feed_of("first") == 1 and await calendars.feed_of("other") == 2
    await calendars.make_feed(1, "second", at=Millis(NOON + 1))
    assert await calendars.feed_of("first") is None and await calendars.feed_of("second") == 1
    assert await calendars.feed_since(1) == NOON + 1
    kept = repr(await world.fetch("SELECT * FROM calendar_feeds"))
    assert "second" not in kept and "other" not in kept
    await calendars.drop_feed(1)
    assert await calendars.feed_of("second") is None and await calendars.feed_since(1) is None
    await world.owner.execute("UPDATE users SET status = 'suspended' WHERE user_no = 2")
    assert await calendars.feed_of("other") is None


def at_place(option):
    """Confirmed there, as the actor says it: the history tells which options."""

    def decide(found):
        changed = confirmed("t1", place=option)(found)
        after = structs.replace(changed.meeting, sequence=1)
        body = {"time": "t1", "place": option, "because": "confirmed"}
        entry = HistoryEntry(kind="confirmed", by=1, at=NOON, body=body)
        return Changed(after, (), [entry])

    return decide


def cancelled(found):
    decision = Decision(because="cancelled", at=Millis(NOON + 9), by=1)
    after = structs.replace(
        found,
        status=MeetingStatus.CANCELLED,
        decision=decision,
        sequence=found.sequence + 1,
        updated_at=Millis(NOON + 9),
    )
    return Changed(after)


async def test_a_calendar_is_told_of_what_is_confirmed_and_was(world, calendars):
    there = place("p1", name="마당", address="종로", latitude=37.5, longitude=127.0)
    options = [time("t1", description="늦게"), time("t2", 1, SECOND), there]
    for name in ("m1", "m2", "open"):
        await world.create(name, options=options)
    assert await calendars.entries(2, now=NOON) == []
    for name in ("m1", "m2"):
        await world.store.change(name, at_place("p1"))
    found = {each.uid: each for each in await calendars.entries(2, now=NOON)}
    assert set(found) == {uid_of("m1"), uid_of("m2")}
    told = found[uid_of("m1")]
    assert (told.starts_at, told.ends_at, told.zone) == (FIRST, FIRST + HOUR, "Asia/Seoul")
    assert (told.title, told.description, told.organizer) == ("Lunch m1", "늦게", "User 1")
    assert told.place == Place(name="마당", address="종로", latitude=37.5, longitude=127.0)
    assert (told.status, told.sequence) == ("CONFIRMED", 1)
    await world.store.change("m1", cancelled)
    after = {each.uid: each for each in await calendars.entries(2, now=NOON)}[told.uid]
    assert (after.status, after.sequence) == ("CANCELLED", 2)
    assert (after.starts_at, after.place) == (told.starts_at, told.place)
    later = Millis(NOON + 9 + CANCELLED_MS)
    assert [each.uid for each in await calendars.entries(2, now=later)] == [uid_of("m2")]


async def test_a_calendar_is_told_of_nothing_that_is_not_its_own(world, calendars):
    await world.create("m1", people=(2,))
    await world.create("never", people=(2,))
    await world.store.change("m1", at_place("p1"))
    await world.store.change("never", cancelled)  # was in no calendar
    assert (
        len(await calendars.entries(1, now=NOON)) == len(await calendars.entries(2, now=NOON)) == 1
    )
    assert await calendars.entries(3, now=NOON) == []
    await world.store.change("m1", stands(2, "declined"))
    assert await calendars.entries(2, now=NOON) == []


async def test_what_is_opened_again_is_told_of_no_more(world, calendars):
    await world.create("m1")
    await world.store.change("m1", at_place("p1"))

    def opened(found):
        return Changed(structs.replace(found, status=MeetingStatus.VOTING, decision=None))

    await world.store.change("m1", opened)
    assert await calendars.entries(2, now=NOON) == []


async def test_a_meeting_that_is_a_place_alone_is_in_no_calendar(world, calendars):
    await world.create("m1")

    def there(found):
        decision = Decision(because="confirmed", at=NOON, by=1, place="p1")
        return Changed(structs.replace(found, status=MeetingStatus.CONFIRMED, decision=decision))

    await world.store.change("m1", there)
    assert await calendars.entries(2, now=NOON) == []


async def test_what_a_meeting_takes_is_listed_and_stays(world, calendars):
    await world.create("m1")
    await world.store.change("m1", confirmed())
    [found] = await calendars.busy(2, *ALWAYS, limit=9)
    assert (found.source, found.starts_at) == ("meeting", FIRST)
    assert not await calendars.remove(2, found.busy_no)
    await calendars.replace_imported(2, [])
    assert len(await calendars.busy(2, *ALWAYS, limit=9)) == 1


async def test_a_page_is_found_by_an_index(world):
    await world.owner.execute(
        "INSERT INTO busy_times (user_no, starts_at, ends_at, source)"
        " SELECT 1 + n % 12, n * 1000, n * 1000 + 500, 'own' FROM generate_series(1, 20000) n"
    )
    await world.owner.execute("ANALYZE busy_times")
    async with world.database.acting(1) as mine:
        rows = await mine.fetch(f"EXPLAIN {LISTED}", 1, 10_000_000, 10_100_000, 0, 0, 100)
    plan = "\n".join(row[0] for row in rows)
    assert "Index Scan" in plan and "Seq Scan" not in plan, plan
