"""The EventLog port, in memory and in PostgreSQL."""

from __future__ import annotations

import pytest

from actors.records import (
    Count,
    CountKey,
    EventKind,
    MemberMove,
    NewEvent,
    PageQuery,
    PageResult,
    Sent,
    SentKey,
    Target,
)
from protocol.errors import ErrorCode
from protocol.events import Member


@pytest.fixture
async def told(world, writing):
    """A room of users 1 and 2 where 3 joins at 4 and leaves at 9; 6 and 7 are in thread 2."""
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=0)
    joined = NewEvent(4, 1004, EventKind.MEMBER, 1, 3)
    joined.extra = '{"user":"user3","change":"joined","role":"member","by":"user1"}'
    left = NewEvent(9, 1009, EventKind.MEMBER, 3, 5, extra='{"user":"user3","change":"left"}')
    events = [
        writing.said(1, countable=1),
        writing.said(2, 2, countable=2),
        writing.said(3, countable=3, reply_to=2, extra='{"mentions":["user2","@all"]}'),
        joined,
        writing.said(5, countable=4),
        writing.said(6, 2, countable=4, thread=2),
        writing.said(7, countable=4, thread=2),
        writing.said(8, countable=5),
        left,
        writing.said(10, countable=6),
        writing.said(11, countable=7),
    ]
    moves = [MemberMove(3, "member", 4), MemberMove(3, None, 9)]
    mentions = [(2, 3), (0, 3), (2, 8)]
    await journal.append([writing.batch(number, 1, events, moves=moves, mentions=mentions)])
    return number, room


def ask(room, user_no=1, *, after=None, before=None, limit=50, thread=None):
    return PageQuery(room, user_no, after, before, limit, thread)


def seqs(events):
    return [event.seq for event in events]


async def test_sent_finds_the_first_of_each_key_and_leaves_out_unknown_ones(world, told):
    number, _ = told
    known, other_sender, unknown = (
        SentKey(number, 2, "c2"),
        SentKey(number, 1, "c2"),
        SentKey(number, 2, "c99"),
    )
    found = await world.events.sent([unknown, known, other_sender])
    assert found == {known: Sent(2, 1002, 14)}
    assert await world.events.sent([]) == {}


async def test_targets_are_messages_with_the_root_of_their_thread(world, told):
    number, _ = told
    keys = [(number, 2), (number, 6), (number, 4), (number, 99), (number, 0), (999, 1)]
    assert await world.events.targets(keys) == {
        (number, 2): Target(2, 0),
        (number, 6): Target(2, 2),
    }


async def test_counts_tell_what_is_behind_and_before_a_cursor(world, told):
    number, _ = told
    keys = [CountKey(number, 2, read, 11) for read in (0, 3, 7, 11)]
    keys += [CountKey(number, 1, 0, 11), CountKey(number, 2, 0, 1)]
    counted = await world.events.counts(keys)
    assert [counted[key] for key in keys] == [
        Count(0, 2),
        Count(3, 1),
        Count(4, 1),
        Count(7, 0),
        Count(0, 0),  # what he said himself is no mention of him
        Count(0, 0),
    ]


async def test_former_is_true_of_everyone_who_ever_was_in(world, told):
    number, _ = told
    keys = [(number, 1), (number, 3), (number, 4), (999, 1)]
    assert await world.events.former(keys) == dict(zip(keys, (True, True, False, False)))  # noqa: B905


async def test_replay_gives_a_stretch_as_it_happened(world, told):
    _, room = told
    events = await world.events.replay(room, 2, 5, 100)
    assert seqs(events) == [3, 4, 5]
    message, joined, _ = events
    assert (message.room, message.sender, message.kind, message.body, message.at) == (
        room,
        "user1",
        "text",
        "message 3",
        1003,
    )
    assert (message.reply_to, message.mentions) == (2, ["user2", "@all"])
    assert joined == Member(
        room=room, seq=4, at=1004, user="user3", change="joined", role="member", by="user1"
    )


async def test_replay_is_bounded_by_its_limit_and_by_what_is_there(world, told):
    _, room = told
    assert seqs(await world.events.replay(room, 0, 11, 4)) == [1, 2, 3, 4]
    assert seqs(await world.events.replay(room, 9, 2**53 - 1, 100)) == [10, 11]
    assert list(await world.events.replay("nowhere", 0, 10, 10)) == []


@pytest.mark.parametrize(
    ("bounds", "expected", "more"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], False),
        ({"limit": 3}, [9, 10, 11], True),
        ({"limit": 11}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], False),
        ({"before": 4, "limit": 2}, [2, 3], True),
        ({"before": 3, "limit": 2}, [1, 2], False),
        ({"before": 1}, [], False),
        ({"before": 2**53 - 1, "limit": 1}, [11], True),
        ({"after": 0, "limit": 2}, [1, 2], True),
        ({"after": 8, "limit": 3}, [9, 10, 11], False),
        ({"after": 11}, [], False),
        ({"after": 2**53 - 1}, [], False),
        ({"thread": 2}, [6, 7], False),
        ({"thread": 2, "limit": 1}, [7], True),
        ({"thread": 2, "after": 0, "limit": 1}, [6], True),
        ({"thread": 5}, [], False),
        ({"thread": 2**53 - 1}, [], False),
    ],
)
async def test_a_page_is_ascending_between_its_bounds(world, told, bounds, expected, more):
    page = await world.events.page(ask(told[1], **bounds))
    assert (seqs(page.events), page.more, page.upto) == (expected, more, 11)


async def test_a_page_is_for_present_members_only(world, told):
    _, room = told
    assert isinstance(await world.events.page(ask(room, 2)), PageResult)
    assert await world.events.page(ask(room, 3)) is ErrorCode.NOT_MEMBER, "one who left"
    assert await world.events.page(ask(room, 4)) is ErrorCode.NOT_FOUND, "a stranger"
    assert await world.events.page(ask("nowhere")) is ErrorCode.NOT_FOUND


async def test_a_page_of_an_empty_room_is_empty(world):
    _, room = await world.room(1)
    page = await world.events.page(ask(room))
    assert (page.events, page.more, page.upto) == ([], False, 0)


async def test_a_page_ends_early_when_its_events_are_long(world, writing):
    number, room = await world.room(1)
    journal = world.journal()
    await journal.claim([room], tail=0)
    events = [writing.said(n, body="가" * 60_000) for n in range(1, 8)]
    await journal.append([writing.batch(number, 1, events)])
    newest = await world.events.page(ask(room))
    assert (seqs(newest.events), newest.more) == ([6, 7], True)
    oldest = await world.events.page(ask(room, after=1))
    assert (seqs(oldest.events), oldest.more) == ([2, 3], True)


async def test_a_replay_reads_long_events_in_small_stretches(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    events = [writing.said(n, body="가" * 60_000) for n in range(1, 8)]
    await journal.append([writing.batch(number, 1, events)])
    assert seqs(await postgres.events.replay(room, 1, 7, 100)) == [2, 3]


async def test_one_event_longer_than_a_page_is_still_given(world, writing):
    number, room = await world.room(1)
    journal = world.journal()
    await journal.claim([room], tail=0)
    events = [writing.said(n, body="\x01" * 100_000) for n in (1, 2)]
    await journal.append([writing.batch(number, 1, events)])
    page = await world.events.page(ask(room))
    assert (seqs(page.events), page.more) == ([2], True)
