"""Blind rooms at rest: no user id, username or name of a member leaves the store."""

from __future__ import annotations

import msgspec

from actors.records import EventKind, MemberMove, NewEvent, PageQuery
from server.postgres.messages import MessageStore
from server.postgres.users import UserStore

SECRETS = [f"{kind}{number}" for kind in ("user", "name", "User ") for number in (1, 2, 3)]


def nobody_in(found):
    text = msgspec.json.encode(found).decode()
    return not any(secret in text for secret in SECRETS) and "mask" in text


async def spoken(world, writing):
    """One message of user1, an edit, a reaction of user2, and user3 gone."""
    number, room = await world.blind(1, 2, 3)
    journal = world.journal()
    claimed = (await journal.claim([room], tail=10))[room]
    says = '{"user":"mask3","change":"left"}'
    events = [
        writing.said(1),
        NewEvent(2, 5, EventKind.UPDATED, 1, 1, body="new", of=1),
        NewEvent(3, 5, EventKind.REACTION, 2, 1, of=1, extra='{"emoji":"x","on":true}'),
        NewEvent(4, 5, EventKind.PINNED, 1, 1, of=1, extra='{"on":true}'),
        NewEvent(5, 5, EventKind.MEMBER, 3, 1, extra=says),
        NewEvent(
            6, 5, EventKind.MEMBER, 1, 1, extra='{"user":"mask2","change":"revealed","by":"mask1"}'
        ),
    ]
    batch = writing.batch(number, claimed.epoch, events)
    batch.moves.append(MemberMove(3, None, 5))
    await journal.append([batch])
    return number, room


async def test_what_is_read_back_names_people_by_pseudonym(world, writing):
    _, room = await spoken(world, writing)
    page = await world.events.page(PageQuery(room, 2, None, None, 50, None))
    assert nobody_in(page.events) and page.events[0].sender == "mask1"
    assert page.events[0].reactions["x"].me is True
    replay = await world.events.replay(room, 0, 6, 100)
    assert nobody_in(replay) and [e.seq for e in replay] == [1, 2, 3, 4, 5, 6]


async def test_a_claim_knows_every_pseudonym_that_ever_was_and_who_is_revealed(world, writing):
    _, room = await spoken(world, writing)
    claimed = (await world.journal().claim([room], tail=10))[room]
    assert claimed.pseudonyms == {1: "mask1", 2: "mask2", 3: "mask3"}
    assert list(claimed.revealed) == [("mask2", "mask1")]
    assert nobody_in([stored.sender for stored in claimed.tail])
    assert claimed.summary.mode == "blind" and claimed.summary.last_message.sender == "mask1"
    _, open_room = await world.room(1, 2)
    other = (await world.journal().claim([open_room], tail=10))[open_room]
    assert (other.pseudonyms, list(other.revealed)) == ({}, [])


async def test_summaries_and_lists_name_people_by_pseudonym(postgres, writing):
    _, room = await spoken(postgres, writing)
    summary = await postgres.rooms.summary(room, 1)
    assert nobody_in(summary) and summary.me == "mask1"
    assert list(summary.cursors) == ["mask1", "mask2"]
    members = await postgres.rooms.members(room, 2)
    assert nobody_in(members)
    assert [(m.user, m.username, m.name, m.group) for m in members] == [
        ("mask1", "mask1", "mask1", "B"),
        ("mask2", "mask2", "mask2", "A"),
    ]
    messages = MessageStore(postgres.database)
    for found in (
        await messages.reactions(room, 1, 1),
        await messages.versions(room, 1, 1),
        await messages.pins(room, 1),
    ):
        assert nobody_in(found)


async def test_a_blind_room_is_none_where_a_user_goes_by_his_name(postgres, writing):
    await spoken(postgres, writing)
    _, open_room = await postgres.room(1, 2)
    states = await UserStore(postgres.database).states(["user1"])
    assert states["user1"].rooms == frozenset({open_room})
