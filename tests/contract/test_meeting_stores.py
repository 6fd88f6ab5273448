"""The port MeetingStore: what memory and PostgreSQL both promise."""

from __future__ import annotations

import pytest
import trio
from asyncpg import DataError, UniqueViolationError
from meeting_world import (
    DAY,
    FIRST,
    HOUR,
    NOON,
    SECOND,
    PostgresMeetingWorld,
    becomes,
    confirmed,
    meeting,
    open_meeting_world,
    person,
    place,
    stands,
    telling,
    time,
    vote,
)
from msgspec import structs
from notification_world import new, open_app_world

from actors.meeting_keeping import Busy
from actors.meeting_ports import Changed
from actors.meeting_records import Clash, Considered, Decision, HistoryEntry
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.rules.meeting_states import MeetingStatus
from actors.rules.tally import Rule
from protocol.ids import Millis, RoomId, UserId

MANY = 50
LEFT_OUT = {"meeting_no": 0, "rev": 0, "clashes": ()}


@pytest.fixture
async def world(world_url):
    async with open_meeting_world(world_url) as made:
        yield made


@pytest.fixture
async def postgres(database_url):
    async with open_app_world(database_url) as notifications:
        yield PostgresMeetingWorld(notifications)


def same(one, other):
    """But for what the store counts."""
    return structs.replace(one, **LEFT_OUT) == structs.replace(other, **LEFT_OUT)


class Refused(Exception):
    """By a decision."""


# ---- what is kept


async def test_a_new_one_is_kept_as_it_was_given(world):
    made = await world.create(rule=Rule(kind="quorum", quorum=2, required=frozenset({1, 2})))
    assert made == await world.kept()
    assert same(made, meeting(rule=made.rule)), made
    assert made.meeting_no > 0
    assert made.rule.required == {1, 2}


async def test_there_is_none_of_another_id(world):
    await world.create()
    assert await world.store.change("m2", vote(1, "t1")) is None


async def test_one_of_the_same_id_is_not_made_again(world):
    made = await world.create()
    changed = await world.store.change("m1", vote(2, "t1"))
    assert await world.create(title="another") == changed
    assert changed.title == made.title


async def test_all_of_a_change_is_kept(world):
    await world.create()
    options = [
        time("t3", 2, SECOND + HOUR, description="late", zone="Europe/Berlin", proposed_by=2),
        place("p2", 1, address="Seoul", latitude=37.5, longitude=127.0),
    ]

    def decide(found):
        draft = found.copy()
        draft.title, draft.deadline, draft.wake_at = "Dinner", None, Millis(NOON + 1)
        draft.rule = Rule(kind="unanimous", tie="initiator", early=False)
        draft.is_open_to_proposals, draft.sequence = False, 3
        draft.updated_at, draft.status = Millis(NOON + 5), MeetingStatus.VOTING
        draft.people[4] = person(4)
        draft.people[2] = person(2, "declined")
        draft.people[3] = person(3, reminded_at=Millis(NOON + 2))
        draft.options |= {each.id: each for each in options}
        draft.options["t1"] = structs.replace(draft.options["t1"], withdrawn_at=Millis(NOON + 3))
        draft.votes = {(1, "t1"): "no", (3, "p2"): "maybe"}
        return Changed(draft)

    changed = await world.store.change("m1", decide)
    assert changed.rev == 1
    assert same(changed, decide(meeting()).meeting)
    assert await world.kept() == changed
    changed = await world.store.change("m1", becomes(votes={(3, "p2"): "yes", (1, "t2"): "no"}))
    assert changed.votes == {(3, "p2"): "yes", (1, "t2"): "no"}
    assert await world.kept() == changed


async def test_a_decision_is_kept_whole(world):
    await world.create()
    counts = {"yes": 2, "maybe": 0, "no": 0, "unanswered": 1, "score": 2}
    considered = [
        Considered(time="t1", place="p1", **counts),
        Considered(time="t2", place="p1", fault="below_quorum", **counts),
    ]
    more = {"place": "p1", "reason": "why not", "considered": considered, "tied": 1, "by": None}
    kept = await world.store.change("m1", confirmed(because="deadline", **more))
    found = (await world.kept()).decision
    assert found == kept.decision
    assert (found.considered, found.tied, found.starts_at) == (considered, 1, FIRST)


async def test_nothing_is_kept_where_nothing_differs(world):
    made = await world.create()
    assert await world.store.change("m1", Changed) == made
    assert (await world.store.change("m1", becomes(updated_at=Millis(NOON + 1)))) == made
    changed = await world.store.change("m1", vote(2, "t1"))
    assert (changed.rev, await world.store.change("m1", vote(2, "t1"))) == (1, changed)
    assert (await world.store.change("m1", telling())).rev == 1
    assert await world.told() == ["n1"]


async def test_what_is_handed_out_is_nobody_elses(world):
    made = await world.create()
    made.votes[1, "t1"] = "yes"
    made.people.clear()
    kept = await world.kept()
    assert (kept.votes, len(kept.people)) == ({}, 3)


async def test_the_rev_is_not_for_the_decision_to_say(world):
    await world.create()
    assert (await world.store.change("m1", becomes(rev=7))).rev == 0
    assert (await world.store.change("m1", becomes(rev=7, title="new"))).rev == 1


async def test_what_happened_is_remembered_in_order(world):
    await world.create()
    entries = [
        HistoryEntry(kind=f"k{n}", by=n or None, at=Millis(NOON + n), body={"n": [n, None]})
        for n in range(3)
    ]
    await world.store.change("m1", lambda found: Changed(found, history=entries[:2]))
    await world.store.change("m1", lambda found: Changed(found, history=entries[2:]))
    assert await world.history("m1") == entries


async def test_an_exception_keeps_nothing(world):
    made = await world.create()

    def decide(found):
        found.copy().votes[2, "t1"] = "yes"
        raise Refused

    with pytest.raises(Refused):
        await world.store.change("m1", decide)
    assert await world.kept() == made
    assert (await world.store.change("m1", vote(2, "t1"))).rev == 1  # and nobody waits for it


# ---- at once


async def test_fifty_vote_at_once_and_no_vote_is_lost(world):
    await world.create(people=range(2, MANY + 1))
    seen = []

    async def say(number):
        seen.append((await world.store.change("m1", vote(number, "t1"))).rev)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(1, MANY + 1):
                nursery.start_soon(say, number)
    kept = await world.kept()
    assert kept.votes == {(number, "t1"): "yes" for number in range(1, MANY + 1)}
    assert (kept.rev, sorted(seen)) == (MANY, list(range(1, MANY + 1)))


async def test_two_changes_come_one_after_the_other(world):
    """Each sees all that the other did."""
    await world.create(options=[time(f"t{n}", n, FIRST + n * HOUR) for n in range(20)])

    def raised(found):
        [*_, (_, last)] = [(0, 0), *sorted((n, int(o[1:])) for n, o in found.votes)]
        return vote(1, f"t{last + 1}")(found)

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(world.store.change, "m1", raised)
    assert {option for _, option in (await world.kept()).votes} == {f"t{n}" for n in range(1, 13)}


async def test_those_who_make_the_same_one_at_once_have_one(world):
    made = []

    async def make():
        made.append(await world.create())

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(make)
    assert made == [made[0]] * 4


# ---- in time


async def test_those_are_due_whose_time_has_come_the_oldest_first(world):
    for name, after in (("a", 30), ("b", 10), ("c", 20), ("d", None), ("e", 40), ("f", 20)):
        await world.create(name, wake_at=None if after is None else Millis(NOON + after))
    store = world.store
    assert await store.due(now=Millis(NOON + 9), most=9) == []
    assert await store.due(now=Millis(NOON + 30), most=9) == ["b", "c", "f", "a"]
    assert await store.due(now=Millis(NOON + 30), most=2) == ["b", "c"]
    assert await store.next_due() == NOON + 10
    await store.change("b", becomes(wake_at=None))
    await store.change("c", becomes(wake_at=Millis(NOON + 50)))
    assert await store.due(now=Millis(NOON + 30), most=9) == ["f", "a"]
    assert await store.next_due() == NOON + 20


async def test_nothing_is_due_where_there_is_nothing(world):
    assert await world.store.due(now=Millis(NOON), most=9) == []
    assert await world.store.next_due() is None


# ---- the time that people have not


async def test_a_decided_time_is_taken_until_it_is_no_more(world):
    await world.create()
    await world.store.change("m1", stands(3, "declined"))
    assert await world.taken("m1") == {}
    await world.store.change("m1", confirmed())
    busy = Busy(FIRST, FIRST + HOUR, "Lunch m1")
    assert await world.taken("m1") == {1: busy, 2: busy}
    await world.store.change("m1", stands(2, "left"))
    assert await world.taken("m1") == {1: busy}
    await world.store.change("m1", becomes(title="Dinner"))
    assert await world.taken("m1") == {1: busy._replace(title="Dinner")}
    await world.store.change("m1", confirmed("t2"))
    assert await world.taken("m1") == {1: Busy(SECOND, SECOND + HOUR, "Dinner")}
    await world.store.change("m1", becomes(status=MeetingStatus.VOTING, decision=None))
    assert await world.taken("m1") == {}


async def test_a_cancelled_one_takes_no_time(world):
    await world.create()
    await world.store.change("m1", confirmed())
    gone = Decision(because="cancelled", at=NOON, by=1, starts_at=FIRST, ends_at=FIRST + HOUR)
    await world.store.change("m1", becomes(status=MeetingStatus.CANCELLED, decision=gone))
    assert await world.taken("m1") == {}


async def test_a_decided_place_takes_no_time(world):
    await world.create()
    decision = Decision(because="confirmed", at=NOON, place="p1")
    await world.store.change("m1", becomes(status=MeetingStatus.CONFIRMED, decision=decision))
    assert await world.taken("m1") == {}


def clash(number, option, start, end, title="dentist"):
    return Clash(user_no=number, option=option, title=title, starts_at=start, ends_at=end)


async def test_what_overlaps_a_time_that_is_proposed_clashes(world):
    await world.create()
    minute = HOUR // 60
    await world.busy(1, FIRST - HOUR, FIRST)  # until it begins
    await world.busy(1, FIRST + HOUR, FIRST + 2 * HOUR)  # from when it ends
    await world.busy(4, FIRST, FIRST + HOUR)  # somebody else's
    assert (await world.kept()).clashes == []
    await world.busy(2, FIRST - DAY, SECOND + DAY, "journey")
    await world.busy(3, FIRST - minute, FIRST + 1)
    await world.busy(3, FIRST + HOUR - 1, FIRST + HOUR + minute, "later")
    await world.busy(1, SECOND + minute, SECOND + 2 * minute)
    kept = await world.kept()
    assert kept.clashes == [
        clash(2, "t1", FIRST - DAY, SECOND + DAY, "journey"),
        clash(3, "t1", FIRST - minute, FIRST + 1),
        clash(1, "t2", SECOND + minute, SECOND + 2 * minute),
        clash(2, "t2", FIRST - DAY, SECOND + DAY, "journey"),
    ]
    kept = await world.store.change("m1", stands(2, "declined"))
    assert [each.user_no for each in kept.clashes] == [3, 1]
    gone = {"t1": time("t1", withdrawn_at=Millis(NOON))}
    kept = await world.store.change("m1", becomes(options=kept.options | gone))
    assert [(each.user_no, each.option) for each in kept.clashes] == [(1, "t2")]


async def test_another_meeting_clashes_and_its_own_time_does_not(world):
    await world.create()
    await world.create("m2", people=(2,))
    kept = await world.store.change("m1", confirmed())
    assert kept.clashes == []
    found = (await world.kept("m2")).clashes
    end = FIRST + HOUR
    assert found == [clash(n, "t1", FIRST, end, "Lunch m1") for n in (1, 2)]


# ---- in PostgreSQL


async def test_people_are_told_in_the_same_commit(postgres):
    note = new("n0", 2, 1, data={"meeting": "m1"})
    entry = HistoryEntry(kind="made", by=1, at=NOON, body={})
    await postgres.store.create(Changed(meeting(), [note], [entry]))
    assert await postgres.told() == ["n0"]
    assert await postgres.history("m1") == [entry]
    kept = await postgres.store.change("m1", telling("n1", 3, platforms=("web", "push")))
    assert await postgres.told() == ["n0", "n1"]
    legs = (await postgres.notifications.kept())["n1"].legs
    assert [leg.platform for leg in legs] == ["web", "push"]
    assert kept.rev == 0


WRONG = new("n2", 2, 1, title="", data={"meeting": "m1"})  # which no queue takes


async def test_nobody_is_told_of_what_was_not_kept(postgres):
    await postgres.create()

    def too_long(found):
        return Changed(structs.replace(found, title="x" * 256), [new("n1", 2, 1)])

    with pytest.raises(Exception, match="meeting_title"):
        await postgres.store.change("m1", too_long)
    assert await postgres.told() == []
    assert (await postgres.kept()).rev == 0


async def test_nothing_is_kept_of_what_people_cannot_be_told(postgres):
    await postgres.create()

    def decide(found):
        return vote(2, "t1")(found)._replace(
            notifications=[new("n1", 3, 1), WRONG],
            history=[HistoryEntry(kind="vote", by=2, at=NOON, body={})],
        )

    with pytest.raises(Exception, match="notification_queue_title"):
        await postgres.store.change("m1", decide)
    kept = await postgres.kept()
    assert (kept.votes, kept.rev, await postgres.told()) == ({}, 0, [])
    assert await postgres.history("m1") == []
    with pytest.raises(Exception, match="notification_queue_title"):
        await postgres.store.create(Changed(meeting("m2"), [WRONG]))
    assert await postgres.store.change("m2", Changed) is None
    rooms = await postgres.fetch("SELECT room_id FROM chat_rooms ORDER BY 1")
    assert rooms == [("room-m1",)]


async def test_a_meeting_has_a_room_of_its_own(postgres):
    await postgres.create(title="가" * 200)
    rows = await postgres.fetch(
        "SELECT r.room_id, r.room_name, r.room_type, m.user_no, m.role"
        " FROM chat_rooms r JOIN chat_members m USING (room_no) ORDER BY m.user_no"
    )
    assert [row[3:] for row in rows] == [(1, "owner"), (2, "member"), (3, "member")]
    assert {row[:3] for row in rows} == {("room-m1", "가" * 100, "team")}


async def test_the_id_or_the_room_of_another_is_not_taken(postgres):
    await postgres.create()
    with pytest.raises(UniqueViolationError):
        await postgres.store.create(Changed(meeting("m2", room=RoomId("room-m1"))))
    theirs = structs.replace(meeting(), initiator=2, room=RoomId("another"))
    with pytest.raises(UniqueViolationError):
        await postgres.store.create(Changed(theirs))
    assert [row[0] for row in await postgres.fetch("SELECT room_id FROM chat_rooms")] == ["room-m1"]


async def test_people_are_as_they_call_themselves_now(postgres):
    await postgres.create()
    await postgres.owner.execute(
        "UPDATE users SET name = '', language = 'en-GB', time_zone = 'Europe/Berlin'"
        " WHERE user_no = 2"
    )
    found = (await postgres.kept()).people[2]
    assert (found.name, found.language, found.zone) == ("name2", "en", "Europe/Berlin")


async def test_a_change_waits_for_the_one_under_way_and_sees_it(postgres):
    """Of another node, that holds the row with what it has not committed yet."""
    await postgres.create()
    begin = "SELECT FROM meeting_coordination_sessions FOR NO KEY UPDATE"
    sql = "UPDATE meeting_coordination_sessions SET meeting_title = 'theirs', rev = rev + 1"
    seen = []

    def decide(found):
        seen.append(found.title)
        return vote(2, "t1")(found)

    async with trio.open_nursery() as nursery, postgres.database.service() as other:
        await other.execute(begin)
        nursery.start_soon(postgres.store.change, "m1", decide)
        await trio.sleep(0.3)
        assert seen == []
        await other.execute(sql)
    assert (seen, (await postgres.kept()).rev) == (["theirs"], 2)


async def test_who_waits_too_long_is_told_that_nothing_was_kept(postgres):
    await postgres.create()
    async with postgres.database.service() as other:
        await other.execute("SELECT FROM meeting_coordination_sessions FOR UPDATE")
        impatient = type(postgres.store)(postgres.database, within=0.3)
        with pytest.raises(StoreUnavailable) as raised:
            await impatient.change("m1", vote(2, "t1"))
        assert not isinstance(raised.value, OutcomeUnknown)
    assert (await postgres.kept()).votes == {}


async def test_what_no_meeting_can_be_is_refused(postgres):
    await postgres.create()
    wrong = [
        becomes(status=MeetingStatus.CONFIRMED),  # of what?
        becomes(options={"t9": time("t9", 0)}),  # the place of another
        becomes(options={"p9": place("p9", 9, latitude=91.0, longitude=0.0)}),
        becomes(options={"p9": place("p9", 9, name="")}),
        becomes(votes={(4, "t1"): "yes"}),  # who takes no part
        becomes(duration_ms=0),
    ]
    for decide in wrong:
        with pytest.raises(Exception, match="violates"):
            await postgres.store.change("m1", decide)
    with pytest.raises((DataError, StoreUnavailable)):
        await postgres.store.change("m1", becomes(title="\x00"))
    assert (await postgres.kept()).rev == 0


# ---- what people see


async def test_those_who_take_part_see_it_and_nobody_else_does(postgres):
    made = await postgres.create()
    for number in (1, 2, 3):
        assert await postgres.store.get(number, "m1") == made
    assert await postgres.store.get(4, "m1") is None
    assert await postgres.store.get(1, "m2") is None
    await postgres.store.change("m1", stands(2, "declined"))
    await postgres.store.change("m1", stands(3, "left"))
    assert (await postgres.store.get(2, "m1")).rev == 2
    assert await postgres.store.get(3, "m1") is None
    assert await postgres.store.history(3, "m1", limit=9) is None


async def test_what_others_have_at_a_time_is_theirs(postgres):
    await postgres.create()
    await postgres.busy(1, FIRST, FIRST + 1, "doctor")
    await postgres.busy(2, FIRST, FIRST + 1, "interview")
    for number, titles in ((1, ["doctor", ""]), (2, ["", "interview"]), (3, ["", ""])):
        found = await postgres.store.get(number, "m1")
        assert [each.title for each in found.clashes] == titles


async def test_ones_own_are_listed_the_newest_first(postgres):
    for number in range(5):
        await postgres.create(f"m{number}", people=(2,) if number % 2 else (2, 3))
    store = postgres.store
    assert [each.id for each in await store.of_user(3, limit=9)] == ["m4", "m2", "m0"]
    assert [each.id for each in await store.of_user(2, limit=2)] == ["m4", "m3"]
    assert [each.id for each in await store.of_user(2, limit=2, before="m3")] == ["m2", "m1"]
    assert await store.of_user(4, limit=9) == []
    for other in ("m1", "nothing"):
        with pytest.raises(Exception, match="before"):
            await store.of_user(3, limit=9, before=other)
    await store.change("m2", confirmed())
    await store.change("m4", stands(3, "left"))
    decided = await store.of_user(2, limit=9, status=MeetingStatus.CONFIRMED)
    assert [each.id for each in decided] == ["m2"]
    assert decided[0].decision.starts_at == FIRST
    assert [each.id for each in await store.of_user(3, limit=9)] == ["m2", "m0"]


async def test_a_list_says_how_each_stands(postgres):
    await postgres.create()
    await postgres.store.change("m1", vote(2, "t1"))
    gone = {"p1": place("p1", withdrawn_at=Millis(NOON))}
    await postgres.store.change(
        "m1", lambda found: Changed(structs.replace(found, options=found.options | gone))
    )
    await postgres.store.change("m1", stands(3, "declined"))
    [mine] = await postgres.store.of_user(2, limit=9)
    assert mine.initiator == UserId("user1")
    assert (mine.room, mine.title, mine.status) == ("room-m1", "Lunch m1", MeetingStatus.VOTING)
    assert (mine.standing, mine.present, mine.unanswered) == ("invited", 2, 1)
    assert (mine.deadline, mine.decision, mine.rev) == (NOON + HOUR, None, 3)


async def test_history_is_read_page_by_page(postgres):
    await postgres.create()
    entries = [HistoryEntry(kind=f"k{n}", by=None, at=NOON, body={}) for n in range(5)]
    await postgres.store.change("m1", lambda found: Changed(found, history=entries))
    first = await postgres.store.history(2, "m1", limit=3)
    rest = await postgres.store.history(2, "m1", limit=3, before=first[-1].number)
    assert [each.entry.kind for each in (*first, *rest)] == ["k4", "k3", "k2", "k1", "k0"]


async def test_what_is_seen_is_of_one_commit(postgres):
    """However many change it meanwhile: as many votes as revs."""
    await postgres.create(options=[time(f"t{n}", n) for n in range(30)])
    is_over = trio.Event()

    async def change():
        for n in range(30):
            await postgres.store.change("m1", vote(1, f"t{n}"))
        is_over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change)
        looks = 0
        while not is_over.is_set():
            found = await postgres.store.get(2, "m1")
            assert len(found.votes) == found.rev
            looks += 1
    assert looks > 5
