"""Messages that change, in memory and in PostgreSQL."""

from __future__ import annotations

import random

import pytest
from msgspec import UNSET

from actors.records import (
    Batch,
    Count,
    CountKey,
    EventKind,
    MarkKey,
    NewEvent,
    PageQuery,
    Target,
    Withdrawn,
)
from protocol.events import Message, MessageDeleted, MessageUpdated, Tally

UPDATED, DELETED, RESTORED = EventKind.UPDATED, EventKind.DELETED, EventKind.RESTORED


def change(seq, kind, of, sender=1, *, countable=3, thread=None, **fields):
    return NewEvent(seq, 1000 + seq, kind, sender, countable, thread=thread, of=of, **fields)


def reaction(seq, of, emoji, sender=1, *, on=True):
    extra = f'{{"emoji":"{emoji}","on":{str(on).lower()}}}'
    return change(seq, EventKind.REACTION, of, sender, extra=extra)


def pin(seq, of, *, on=True):
    return change(seq, EventKind.PINNED, of, extra=f'{{"on":{str(on).lower()}}}')


@pytest.fixture
async def told(world, writing):
    """A room of users 1 and 2 with three messages; 2 mentions user 1."""
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=0)
    said = [writing.said(n, 2, countable=n) for n in (1, 2, 3)]
    await journal.append([writing.batch(number, 1, said, mentions=[(1, 2)])])

    async def tell(*events):
        await journal.append([writing.batch(number, 1, list(events))])

    return number, room, tell


async def page(world, room, user=1):
    found = await world.events.page(PageQuery(room, user, None, None, 200, None))
    return {event.seq: event for event in found.events}


async def test_an_untouched_message_says_only_that_it_is_there(world, told):
    message = (await page(world, told[1]))[1]
    assert (message.deleted, message.edited_at, message.pinned, message.reactions) == (
        False,
        UNSET,
        UNSET,
        UNSET,
    )


async def test_a_page_has_the_latest_body_and_no_event_that_made_it(world, told):
    _, room, tell = told
    await tell(change(4, UPDATED, 1, 2, body="once"), change(5, UPDATED, 1, 2, body="twice"))
    events = await page(world, room)
    assert list(events) == [1, 2, 3]
    assert (events[1].body, events[1].edited_at, events[1].deleted) == ("twice", 1005, False)


async def test_a_deleted_message_is_a_tombstone_in_its_place(world, told):
    _, room, tell = told
    await tell(change(4, UPDATED, 2, 2, body="no!"), change(5, DELETED, 2, 2), reaction(6, 2, "x"))
    tombstone = (await page(world, room))[2]
    assert (tombstone.deleted, tombstone.body, tombstone.edited_at) == (True, UNSET, UNSET)
    assert tombstone.mentions is UNSET and tombstone.sender == "user2"


async def test_a_restored_message_is_as_it_was_last(world, told):
    number, room, tell = told
    await tell(change(4, UPDATED, 1, 2, body="new"), change(5, DELETED, 1, 2))
    assert await world.events.withdrawn([(number, 1), (number, 2), (number, 99)]) == {
        (number, 1): Withdrawn("new", 1005, 1004, None)
    }
    await tell(change(6, RESTORED, 1, body="new", extra='{"edited_at":1004}'))
    message = (await page(world, room))[1]
    assert (message.body, message.deleted, message.edited_at) == ("new", False, 1004)
    assert await world.events.withdrawn([(number, 1)]) == {}


async def test_reactions_are_counted_once_each_and_say_whose(world, told):
    _, room, tell = told
    await tell(
        reaction(4, 1, "👍"),
        reaction(5, 1, "🎉", 2),
        reaction(6, 1, "👍", 2),
        reaction(7, 1, "👀"),
        reaction(8, 1, "👀", on=False),
    )
    mine, theirs = (await page(world, room, 1))[1], (await page(world, room, 2))[1]
    assert list(mine.reactions.items()) == [("👍", Tally(2, True)), ("🎉", Tally(1, False))]
    assert theirs.reactions == {"👍": Tally(2, True), "🎉": Tally(1, True)}


async def test_marks_tell_what_is_there(world, told):
    number, _, tell = told
    await tell(
        reaction(4, 1, "x"), reaction(5, 1, "x", 2), reaction(6, 1, "x", 2, on=False), pin(7, 2)
    )
    await tell(pin(8, 3), pin(9, 3, on=False))
    keys = [
        MarkKey(number, 1, 1, "x"),
        MarkKey(number, 1, 2, "x"),
        MarkKey(number, 1, 1, "y"),
        MarkKey(number, 2),
        MarkKey(number, 3),
    ]
    found = await world.events.marks(keys)
    assert [found[key] for key in keys] == [
        True,
        False,
        False,
        True,
        False,
    ]


async def test_the_emoji_of_a_message_are_counted(world, told):
    number, _, tell = told
    await tell(reaction(4, 1, "x"), reaction(5, 1, "x", 2), reaction(6, 1, "y", 2))
    await tell(reaction(7, 1, "y", 2, on=False), reaction(8, 2, "z"), reaction(9, 2, "z", on=False))
    found = await world.events.kinds([(number, 1), (number, 2), (number, 3)])
    assert found == {(number, 1): {"x": 2}}


async def test_what_a_message_says_now_is_known(world, told):
    number, _, tell = told
    await tell(change(4, UPDATED, 1, 2, body="once"), change(5, UPDATED, 1, 2, body="twice"))
    await tell(pin(6, 1), change(7, UPDATED, 2, 2, body="else"))
    keys = [(number, seq) for seq in (1, 2, 3, 4, 99)]
    assert await world.events.bodies(keys) == {
        (number, 1): "twice",
        (number, 2): "else",
        (number, 3): "message 3",
    }


async def test_targets_know_their_author_and_whether_they_are_deleted(world, told):
    number, _, tell = told
    await tell(change(4, DELETED, 2, 2), change(5, DELETED, 3, 2), change(6, RESTORED, 3, body=""))
    keys = [(number, seq) for seq in (1, 2, 3, 4)]
    assert await world.events.targets(keys) == {
        (number, 1): Target(2, 0, False),
        (number, 2): Target(2, 0, True),
        (number, 3): Target(2, 0, False),
    }


async def test_what_is_deleted_counts_as_read_as_of_any_moment(world, told):
    number, _, tell = told
    await tell(change(4, DELETED, 2, 2), change(5, RESTORED, 2, body=""), change(6, DELETED, 2, 2))
    keys = [CountKey(number, 1, 0, upto) for upto in (3, 4, 5, 6)]
    counts = await world.events.counts([*keys, CountKey(number, 1, 2, 6)])
    assert [counts[key] for key in keys] == [Count(0, 1), Count(1, 0), Count(0, 1), Count(1, 0)]
    assert counts[CountKey(number, 1, 2, 6)] == Count(2, 0), "behind the cursor it is read anyway"


async def test_what_is_deleted_in_a_thread_never_counted(world, told, writing):
    number, _, tell = told
    await tell(writing.said(4, 2, countable=3, thread=1), change(5, DELETED, 4, 2, thread=1))
    key = CountKey(number, 1, 0, 5)
    assert await world.events.counts([key]) == {key: Count(0, 1)}


async def test_a_claim_finds_unread_without_what_is_deleted(world, told):
    _, room, tell = told
    await tell(change(4, DELETED, 2, 2))
    claimed = (await world.journal().claim([room], tail=10))[room]
    assert [(m.user_no, m.unread, m.mentions) for m in claimed.members] == [(1, 2, 0), (2, 2, 0)]


async def test_the_last_message_of_a_room_is_folded(world, told):
    _, room, tell = told
    await tell(change(4, UPDATED, 3, 2, body="last"), pin(5, 3))
    last = (await world.journal().claim([room], tail=0))[room].summary.last_message
    assert (last.seq, last.body, last.edited_at, last.pinned) == (3, "last", 1004, True)
    await tell_after_claim(world, room, change(6, DELETED, 3, 2))
    last = (await world.journal().claim([room], tail=0))[room].summary.last_message
    assert (last.seq, last.body, last.deleted) == (3, UNSET, True)


async def tell_after_claim(world, room, *events):
    journal = world.journal()
    claimed = (await journal.claim([room], tail=0))[room]
    await journal.append([Batch(claimed.room_no, claimed.epoch, list(events), [], {}, [])])


async def test_a_replay_is_the_log_without_bodies_deleted_since(world, told):
    _, room, tell = told
    await tell(
        change(4, UPDATED, 1, 2, body="secret"),
        change(5, DELETED, 1, 2),
        change(6, UPDATED, 2, 2, body="kept"),
    )
    events = await world.events.replay(room, 0, 6, 100)
    first, second, _, edit, deletion, other = events
    assert isinstance(first, Message) and isinstance(edit, MessageUpdated)
    assert (first.body, edit.body, second.body, other.body) == ("", "", "message 2", "kept")
    assert isinstance(deletion, MessageDeleted) and deletion.of == 1
    tail = (await world.journal().claim([room], tail=10))[room].tail
    assert [stored.event.body for stored in tail] == [
        "",
        "message 2",
        "message 3",
        "",
        None,
        "kept",
    ]


async def test_a_refused_batch_changes_no_message(world, told, writing):
    number, room, _ = told
    journal = world.journal()
    await journal.claim([room], tail=0)
    taken = writing.batch(number, 2, [change(3, DELETED, 1, 2)])
    stale = writing.batch(number, 1, [change(4, DELETED, 1, 2)])
    await journal.append([taken])
    await journal.append([stale])
    assert (await page(world, room))[1].deleted is False


@pytest.mark.parametrize("seed", range(5))
async def test_any_history_folds_as_its_events_say(world, told, seed):  # noqa: C901, PLR0915 - one model of every kind
    """Against a plain reading of the same history."""
    number, room, tell = told
    chance, bodies, dead, put, pinned, events = random.Random(seed), {}, set(), {}, set(), []  # noqa: S311
    for seq in range(4, 60):
        of, who = chance.randint(1, 3), chance.randint(1, 2)
        match chance.choice(["edit", "delete", "restore", "react", "pin"]):
            case "edit" if of not in dead:  # else the room refuses it
                bodies[of] = f"v{seq}", 1000 + seq
                events.append(change(seq, UPDATED, of, 2, body=f"v{seq}"))
            case "delete":
                dead.add(of)
                events.append(change(seq, DELETED, of, 2))
            case "restore":
                dead.discard(of)
                body, at = bodies.get(of, (f"message {of}", None))
                extra = f'{{"edited_at":{at}}}' if at else None
                events.append(change(seq, RESTORED, of, body=body, extra=extra))
            case "react":
                emoji, on = chance.choice("ab"), chance.random() < 0.6
                put.setdefault((of, emoji), set())
                (put[of, emoji].add if on else put[of, emoji].discard)(who)
                events.append(reaction(seq, of, emoji, who, on=on))
            case "pin":
                on = chance.random() < 0.5
                (pinned.add if on else pinned.discard)(of)
                events.append(pin(seq, of, on=on))
            case _:
                events.append(reaction(seq, of, "c", who, on=False))
    for start in range(0, len(events), 7):
        await tell(*events[start : start + 7])
    for seq, message in (await page(world, room)).items():
        assert message.deleted is (seq in dead)
        body, at = bodies.get(seq, (f"message {seq}", UNSET))
        assert (message.body, message.edited_at) == ((UNSET, UNSET) if seq in dead else (body, at))
        assert message.pinned == (True if seq in pinned else UNSET)
        tallies = {e: Tally(len(w), 1 in w) for (s, e), w in put.items() if s == seq and w}
        assert (message.reactions or {}) == tallies or (message.reactions is UNSET and not tallies)
    key = CountKey(number, 1, 0, 59)
    assert (await world.events.counts([key]))[key] == Count(len(dead), int(2 not in dead))


async def test_what_is_said_of_a_room_changes_with_its_event(world, told):
    _, room, tell = told
    extra = '{"name":"뜰","visibility":"public"}'
    await tell(NewEvent(4, 1004, EventKind.ROOM_CHANGED, 1, 3, extra=extra))
    await tell(NewEvent(5, 1005, EventKind.ROOM_CHANGED, 1, 3, extra='{"archived":true}'))
    events = await page(world, room)
    assert list(events) == [1, 2, 3, 4, 5]
    assert (events[4].by, events[4].name, events[4].archived) == ("user1", "뜰", UNSET)
    summary = (await world.journal().claim([room], tail=0))[room].summary
    assert (summary.name, summary.visibility, summary.archived) == ("뜰", "public", True)
