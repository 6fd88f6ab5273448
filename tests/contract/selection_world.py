"""Users whom a selection is of, and the ways to change them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import trio
import trio_asyncio
from remembering_log import RememberingLog

from actors.ports import Selection, StoreUnavailable
from actors.selection_records import SelectionAsked
from protocol.ids import Millis
from server.memory.selection import LocalSelection
from server.postgres.pool import Database, open_database, quiet_loop
from server.selection.asking import SelectionProcess

NOW = Millis(1_800_000_000_000)
DAY = 86_400_000
SENDER = 1
KOREAN = "+8210"
Opened = Callable[[str], AbstractAsyncContextManager[Selection]]


class World:
    """A selection, and the users that it is of."""

    def __init__(self, database: Database, selection: Selection) -> None:
        self.database, self.selection = database, selection

    async def people(self, *numbers: int, **facts: Any) -> None:
        """Active users with a phone, who have signed in lately, unless *facts* say otherwise."""
        usual = {"phone": "+4930123456", "last_sign_in_at": at(NOW - DAY), **facts}
        await add(self.database, numbers, usual)

    async def set(self, number: int, **facts: Any) -> None:
        record = "(SELECT p FROM jsonb_populate_record(u, $2::jsonb) p)"
        columns = ", ".join(f"{name} = ({record}).{name}" for name in facts)
        sql = f"UPDATE users u SET {columns} WHERE user_no = $1"  # noqa: S608 - our own words
        await self.database.execute(sql, number, json.dumps(facts))

    async def received(
        self, number: int, *, at_ms: int = NOW - 2 * DAY, replied: bool = False
    ) -> None:
        """Have somebody receive a broadcast."""
        await self.database.execute(RECEIVED, SENDER, number, at_ms)
        if replied:
            sql = "UPDATE broadcast_recipients SET status = 'replied' WHERE recipient_no = $1"
            await self.database.execute(sql, number)

    async def chosen(self, **asked: Any) -> list[int]:
        """The numbers of those who were chosen, ascending."""
        selected = await self.selection.select(asking(**asked))
        return sorted(told.user_no for told in selected.chosen)

    async def comes_to(self, numbers: list[int]) -> None:
        """Wait until these are chosen; meanwhile it may be unavailable."""
        with trio.fail_after(20):
            while True:
                with suppress(StoreUnavailable):
                    if await self.chosen() == numbers:
                        return
                await trio.sleep(0.01)

    async def part(self, number: int, name: str, **asked: Any) -> float:
        told = await self.selection.explain(asking(**asked), number)
        assert told is not None
        return told.parts[name]

    async def why(self, number: int, **asked: Any) -> str:
        told = await self.selection.explain(asking(**asked), number)
        return told.why if told else "not known"


RECEIVED = """
WITH blob AS (
    INSERT INTO file_blobs (digest, size, claimed_at)
    VALUES (sha256(gen_random_uuid()::text::bytea), 1, 0) RETURNING digest
), file AS (
    INSERT INTO files
        (file_id, owner_no, name, media_type, kind, size, received, content, created_at)
    SELECT gen_random_uuid()::text, $1, 'a', 'audio/ogg', 'audio', 1, 1, digest, 0 FROM blob
    RETURNING file_no
), room AS (
    INSERT INTO chat_rooms (room_id, room_type) VALUES (gen_random_uuid()::text, 'matching')
    RETURNING room_no
), broadcast AS (
    INSERT INTO broadcasts
        (broadcast_id, user_no, file_no, waveform, recipient_count, created_at, start_at, seed)
    SELECT gen_random_uuid()::text, $1, file_no, '', 1, 0, 0, 0 FROM file RETURNING broadcast_no
)
INSERT INTO broadcast_recipients
    (broadcast_no, recipient_no, created_at, room_no, why, explained)
SELECT broadcast_no, $2, $3, room_no, 'drawn', '{}' FROM broadcast, room"""


def at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def asking(**fields: Any) -> SelectionAsked:
    usual = {"sender_no": SENDER, "asked": 100, "seed": 7, "now_ms": NOW}
    return SelectionAsked(**{**usual, **fields})


async def add(database: Any, numbers: Sequence[int], facts: dict[str, Any]) -> None:
    rows = [{"user_no": n, "user_id": f"user{n}", "username": f"name{n}", **facts} for n in numbers]
    names = ", ".join(rows[0])
    record = "jsonb_populate_recordset(NULL::users, $1::jsonb)"
    sql = f"INSERT INTO users ({names}) SELECT {names} FROM {record}"  # noqa: S608 - our own words
    await database.execute(sql, json.dumps(rows))


@asynccontextmanager
async def in_the_server(url: str) -> AsyncIterator[Selection]:
    selection = LocalSelection(url, test_prefix=KOREAN)
    yield selection
    selection.close()


@asynccontextmanager
async def apart(url: str) -> AsyncIterator[SelectionProcess]:
    async with trio.open_nursery() as nursery:
        selection = SelectionProcess(url, test_prefix=KOREAN, log=RememberingLog())
        nursery.start_soon(selection.run)
        yield selection
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def opened(url: str, make: Opened) -> AsyncIterator[World]:
    async with trio_asyncio.open_loop() as loop:
        quiet_loop(loop, RememberingLog())
        async with (
            open_database(url, size=4, log=RememberingLog()) as database,
            make(url) as selection,
        ):
            world = World(database, selection)
            await world.people(SENDER)
            yield world
