"""A database whose search was indexed otherwise, brought up to date."""

from __future__ import annotations

import shutil

import pytest
import trio_asyncio
from index_world import STATES, World

from server.postgres.migrate import MIGRATIONS, migrate
from server.postgres.pool import connect


@pytest.fixture
async def older(database_url, tmp_path):
    """The URL of a database of which the index is as 0021 had it."""
    for file in MIGRATIONS.glob("*.sql"):
        if file.name < "0022":
            shutil.copy(file, tmp_path)
    async with trio_asyncio.open_loop() as loop:
        connection = await connect(database_url, loop)
        sql = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
        await loop.run_aio_coroutine(connection.execute(sql))
        connection.terminate()
        await migrate(database_url, folder=tmp_path)
    return database_url


MESSAGES = """
INSERT INTO room_events (room_no, seq, kind, sender_no, countable, at, client_id, digest, body)
SELECT r.room_no, n, 1, 1, n, 1000 + n, 'c' || n, n, '말' || n
FROM chat_rooms r, generate_series(1, 200) n"""
INDEX = "SELECT index_rooms(ARRAY(SELECT room_no FROM chat_rooms), 1000)"


async def test_what_was_indexed_before_is_indexed_anew_and_found(older, writing, open_world):
    async with open_world(older) as postgres:
        room, _ = await postgres.room(1, 2)
        await postgres.database.execute(MESSAGES)
        await postgres.database.fetch(INDEX)
        world = World(postgres, writing)
        assert await world.fetch(STATES) == [(room, 200)]
        applied = await migrate(older)
        assert applied[0] == "0022_files_listed"
        assert await world.fetch(STATES) == []
        assert await world.find("말19") == [*range(199, 189, -1), 19]
        await world.settle()
        assert await world.fetch(STATES) == [(room, 200)]
        assert await world.find("말19") == [*range(199, 189, -1), 19]
