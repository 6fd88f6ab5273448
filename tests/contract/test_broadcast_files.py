"""Recordings that broadcasts have: heard by whom they were sent to, and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_posted_files import DIGESTS, Upkeep, kept, seen

from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import UNPOSTED_KEPT_S
from server.ids import random_id
from server.postgres.files import FileStore

BROADCAST = """
INSERT INTO broadcasts (broadcast_id, user_no, file_no, waveform, recipient_count, status,
    created_at, start_at, seed)
SELECT $1, 1, f.file_no, '', 1, $3, 1, 1, 1 FROM files f WHERE f.file_id = $2
RETURNING broadcast_no"""

HEARD = """
INSERT INTO broadcast_recipients (broadcast_no, recipient_no, created_at, room_no, why, explained)
VALUES ($1, $2, 1, $3, '', '{}')"""

POSTED = "UPDATE files SET posted = true WHERE file_id = $1 AND owner_no = $2 RETURNING file_no"

STATUS = "UPDATE broadcasts SET status = $1"


async def broadcast(world: Any, file: str, status: str = "delivered", *to: int) -> None:
    """What user 1 sends, as those keep it who make broadcasts."""
    async with world.database.transaction() as transaction:
        assert await transaction.fetchval(POSTED, file, 1) is not None
        number = await transaction.fetchval(BROADCAST, random_id(), file, status)
    for each in to:
        room_no, _ = await world.room(1, each)
        await world.database.execute(HEARD, number, each, room_no)


async def hearing(world: Any, file: Any) -> list[int]:
    return [no for no in range(1, 5) if await seen(FileStore(world.database), file, no)]


async def test_a_recording_is_heard_by_whom_it_was_delivered_to(postgres: Any) -> None:
    file = await kept(FileStore(postgres.database), 1)
    await broadcast(postgres, file.id, "waiting", 2, 3)
    ways = {"waiting": [1], "delivered": [1, 2, 3], "announced": [1, 2, 3]}
    for status, people in {**ways, "cancelled": [1], "failed": [1]}.items():
        await postgres.database.execute(STATUS, status)
        assert await hearing(postgres, file) == people, status
    await postgres.database.execute(STATUS, "announced")
    await postgres.database.execute("UPDATE users SET role = 'admin' WHERE user_no = 4")
    await postgres.database.execute("UPDATE users SET status = 'suspended' WHERE user_no = 3")
    assert await hearing(postgres, file) == [1, 2]


async def test_a_block_stands_between_them_whosever_it_is(postgres: Any) -> None:
    file = await kept(FileStore(postgres.database), 1)
    await broadcast(postgres, file.id, "delivered", 2, 3)
    for blocker, blocked in ((1, 2), (2, 1)):
        await postgres.blocks.change(blocker, blocked, on=True, at=1)
        assert await hearing(postgres, file) == [1, 3]
        await postgres.blocks.change(blocker, blocked, on=False, at=2)
        assert await hearing(postgres, file) == [1, 2, 3]
    await postgres.blocks.change(2, 3, on=True, at=3)
    assert await hearing(postgres, file) == [1, 2, 3], "that is between those two"


async def test_what_one_broadcast_brings_another_does_not(postgres: Any) -> None:
    store = FileStore(postgres.database)
    one, other = await kept(store, 1), await kept(store, 1)
    await broadcast(postgres, one.id, "delivered", 2)
    await broadcast(postgres, other.id, "delivered", 3)
    assert (await hearing(postgres, one), await hearing(postgres, other)) == ([1, 2], [1, 3])


@pytest.mark.parametrize("status", ["waiting", "delivered", "announced", "cancelled", "failed"])
async def test_a_recording_stays_while_a_broadcast_has_it(
    postgres: Any, tmp_path: Path, status: str
) -> None:
    upkeep, store = Upkeep(postgres, tmp_path), FileStore(postgres.database)
    now = upkeep.clock.ms
    sent, left = await kept(store, 1, at=now), await kept(store, 1, DIGESTS[1], at=now)
    for digest in DIGESTS[:2]:
        await upkeep.keep(tmp_path, digest)
    await broadcast(postgres, sent.id, status, 2)
    with pytest.raises(ProtocolError) as caught:
        await store.remove(sent.id, 1)
    assert caught.value.code is ErrorCode.CONFLICT
    upkeep.clock.ms += UNPOSTED_KEPT_S * 1000 + 1
    await upkeep.files.round()
    assert (await upkeep.has(DIGESTS[0]), await upkeep.has(DIGESTS[1])) == (True, False)
    assert (await hearing(postgres, sent))[0] == 1 and await hearing(postgres, left) == []


async def test_a_recording_that_no_broadcast_has_any_more_goes(
    postgres: Any, tmp_path: Path
) -> None:
    upkeep, store = Upkeep(postgres, tmp_path), FileStore(postgres.database)
    file = await kept(store, 1)
    await broadcast(postgres, file.id, "delivered", 2)
    await upkeep.files.round()
    assert await hearing(postgres, file) == [1, 2]
    for table in ("broadcast_recipients", "broadcasts"):
        await postgres.database.execute(f"DELETE FROM {table}")  # noqa: S608 - one of two
    await upkeep.files.round()
    assert await hearing(postgres, file) == []
