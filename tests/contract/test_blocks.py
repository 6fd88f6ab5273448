"""Blocks: what both stores promise to actors, and what PostgreSQL shows of them."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from conftest import PostgresWorld

from actors.records import MemberMove
from protocol.errors import ProtocolError
from protocol.ids import Millis, UserId
from protocol.limits import BLOCKS_MOST
from server.postgres.blocks import BlockStore
from server.postgres.users import UserStore


async def put(world: Any, one: int, other: int, *, on: bool = True) -> bool:
    found: bool = await world.blocks.change(one, other, on=on, at=Millis(5))
    return found


async def test_a_block_is_between_two_until_both_have_ended_theirs(world: Any) -> None:
    assert await put(world, 1, 2, on=False) is False
    assert await put(world, 1, 2) is True
    assert await put(world, 1, 2) is True
    assert await put(world, 2, 1) is True
    assert await put(world, 1, 2, on=False) is True
    assert await put(world, 2, 1, on=False) is False


async def test_a_claim_tells_the_blocks_among_present_members(world: Any, writing: Any) -> None:
    number, room = await world.room(1, 2, 3)
    for pair in ((1, 2), (2, 1), (3, 9), (9, 1), (2, 3)):
        await put(world, *pair)
    journal = world.journal()
    claimed = (await journal.claim([room], tail=10))[room]
    assert sorted(claimed.blocks) == [(1, 2), (2, 1), (2, 3)]
    moves = [MemberMove(3, None, 1)]
    batch = writing.batch(number, claimed.epoch, [writing.said(1, sender=3)], moves=moves)
    await journal.append([batch])
    claimed = (await journal.claim([room], tail=10))[room]
    assert sorted(claimed.blocks) == [(1, 2), (2, 1)]


async def test_shared_rooms_are_those_both_are_in(world: Any) -> None:
    _, one = await world.room(1, 2)
    await world.room(1, 3)
    _, other = await world.room(2, 3, 1)
    assert sorted(await world.blocks.shared(1, 2)) == sorted([one, other])
    assert list(await world.blocks.shared(1, 9)) == []


async def test_one_user_blocks_only_so_many(postgres: PostgresWorld) -> None:
    sql = "INSERT INTO users (user_no, user_id, username) SELECT n, 'm' || n, 'm' || n"
    await postgres.database.execute(sql + " FROM generate_series(1001, $1 + 1000) n", BLOCKS_MOST)
    sql = "INSERT INTO user_blocks (blocker_no, blocked_no, at) SELECT 1, user_no, 5 FROM users"
    await postgres.database.execute(sql + " WHERE user_id LIKE 'm%'")
    with pytest.raises(ProtocolError) as refused:
        await put(postgres, 1, 2)
    assert refused.value.code == "conflict"
    assert await put(postgres, 2, 1) is True


async def test_what_a_user_starts_from_names_blocks_of_both_kinds(postgres: PostgresWorld) -> None:
    for pair in ((1, 2), (2, 1), (3, 1), (4, 5)):
        await put(postgres, *pair)
    states = await UserStore(postgres.database).states([UserId("user1"), UserId("user6")])
    assert states[UserId("user1")].blocks == {2, 3}
    assert states[UserId("user6")].blocks == frozenset()


async def test_two_who_are_apart_make_no_direct_room_and_keep_the_one_they_have(
    postgres: PostgresWorld,
) -> None:
    had, _ = await postgres.rooms.open_direct(1, 2)
    for pair in ((2, 1), (1, 3)):
        await put(postgres, *pair)
    assert await postgres.rooms.open_direct(1, 2) == (had, False)
    for one, other in ((1, 3), (3, 1)):
        with pytest.raises(ProtocolError) as refused:
            await postgres.rooms.open_direct(one, other)
        assert refused.value.code == "blocked"
    await put(postgres, 1, 3, on=False)
    assert (await postgres.rooms.open_direct(3, 1))[1]


async def test_a_room_and_a_block_at_once_come_one_after_the_other(postgres: PostgresWorld) -> None:
    outcomes: list[str] = []

    async def opened() -> None:
        try:
            await postgres.rooms.open_direct(1, 2)
            outcomes.append("room")
        except ProtocolError:
            outcomes.append("blocked")

    async def blocked() -> None:
        await put(postgres, 2, 1)
        rooms = await postgres.blocks.shared(1, 2)
        outcomes.append(f"block with {len(rooms)}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(opened)
        nursery.start_soon(blocked)
    made = len(await postgres.blocks.shared(1, 2))
    assert f"block with {made}" in outcomes
    assert ("room" in outcomes) is bool(made)


async def test_every_change_is_kept_in_the_log(postgres: PostgresWorld) -> None:
    store = BlockStore(postgres.database)
    await put(postgres, 1, 2)
    await put(postgres, 1, 2)
    await put(postgres, 3, 1)
    await put(postgres, 4, 5)
    await put(postgres, 1, 2, on=False)
    await put(postgres, 1, 2, on=False)
    entries = await store.logged(1, after=None, limit=10)
    assert [(e.user, e.other, e.on) for e in entries] == [
        ("user1", "user2", False),
        ("user3", "user1", True),
        ("user1", "user2", True),
    ]
    assert await store.logged(1, after=entries[0].number, limit=1) == entries[1:2]


async def test_ones_own_blocks_are_listed_newest_first(postgres: PostgresWorld) -> None:
    store = BlockStore(postgres.database)
    for other in (2, 3, 4):
        await put(postgres, 1, other)
    await put(postgres, 1, 2, on=False)
    await put(postgres, 1, 2)
    await put(postgres, 5, 1)
    found = await store.mine(1, after=None, limit=10)
    assert [(each.user, each.username) for each in found] == [
        ("user2", "name2"),
        ("user4", "name4"),
        ("user3", "name3"),
    ]
    assert await store.mine(1, after="user2", limit=1) == found[1:2]
    await put(postgres, 1, 4, on=False)
    assert found[2] in await store.mine(1, after="user4", limit=10)
    await put(postgres, 1, 3, on=False)
    await put(postgres, 1, 2, on=False)
    assert await store.mine(1, after="user4", limit=10) == []
    for stranger in ("user5", "nobody"):
        with pytest.raises(ProtocolError):
            await store.mine(1, after=stranger, limit=1)
    assert await store.apart(1, [9, 5]) and await store.apart(5, [1])
    assert not await store.apart(1, [9, 10]) and not await store.apart(1, [])
