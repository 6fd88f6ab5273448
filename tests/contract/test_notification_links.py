"""One-time codes for bots: each holds for a while, for one person, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import trio
import trio_asyncio

from protocol.ids import Millis
from server.postgres.notification_links import ALPHABET, KEPT_MS, NotificationLinks, random_code
from server.postgres.pool import APP_ROLE, Database, open_database

NOW = Millis(1_800_000_000_000)
KEY = b"k" * 32


class NotedLog:
    def warning(self, event: str, **fields: object) -> None:
        """Connections that come and go."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with (
        trio_asyncio.open_loop(),
        open_database(database_url, size=6, role=APP_ROLE, log=NotedLog()) as database,
    ):
        await database.execute(
            "INSERT INTO users (user_no, user_id, username, name, language) VALUES"
            " (1, 'user1', 'ann', 'Ann', 'en'), (2, 'user2', 'bob', '', 'ko')"
        )
        yield database


@pytest.fixture
def links(database: Database) -> NotificationLinks:
    numbers = count(2)
    return NotificationLinks(database, key=KEY, new_code=lambda: ALPHABET[next(numbers)] * 8)


async def stored(database: Database) -> list[Any]:
    sql = "SELECT code_hash, user_no, platform, expires_at FROM notification_links"
    async with database.service() as service:
        return await service.fetch(sql)


async def test_a_code_says_once_who_somebody_is(links: NotificationLinks) -> None:
    made = await links.make(1, "discord", at=NOW)
    assert made.expires_at == NOW + KEPT_MS == NOW + 600_000
    assert await links.use("discord", made.code, at=NOW) == 1
    assert await links.use("discord", made.code, at=NOW) is None


async def test_only_its_keyed_digest_is_kept(links: NotificationLinks, database: Database) -> None:
    made = await links.make(1, "kakao", at=NOW)
    [row] = await stored(database)
    assert made.code not in str(row) and len(row["code_hash"]) == 32
    other = NotificationLinks(database, key=b"other key" * 4)
    assert await other.use("kakao", made.code, at=NOW) is None
    assert await links.use("kakao", made.code, at=NOW) == 1


async def test_it_is_of_one_platform(links: NotificationLinks) -> None:
    made = await links.make(1, "kakao", at=NOW)
    assert await links.use("discord", made.code, at=NOW) is None
    assert await links.use("kakao", made.code, at=NOW) == 1


async def test_the_newest_of_a_user_and_platform_holds_alone(links: NotificationLinks) -> None:
    first, second = [await links.make(1, "kakao", at=NOW) for _ in range(2)]
    other, discord = await links.make(2, "kakao", at=NOW), await links.make(1, "discord", at=NOW)
    assert await links.use("kakao", first.code, at=NOW) is None
    assert await links.use("kakao", second.code, at=NOW) == 1
    assert await links.use("kakao", other.code, at=NOW) == 2
    assert await links.use("discord", discord.code, at=NOW) == 1


async def test_it_ends_by_itself_and_is_gone_with_the_next_use(
    links: NotificationLinks, database: Database
) -> None:
    made = await links.make(1, "kakao", at=NOW)
    in_time, late = Millis(made.expires_at - 1), made.expires_at
    assert await links.use("kakao", "22222222", at=in_time) is None
    assert len(await stored(database)) == 1
    assert await links.use("kakao", made.code, at=late) is None
    assert await stored(database) == []


async def test_of_many_who_use_it_at_once_one_does(links: NotificationLinks) -> None:
    made = await links.make(1, "discord", at=NOW)
    found: list[int | None] = []

    async def use() -> None:
        found.append(await links.use("discord", made.code, at=NOW))

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(use)
    assert sorted(found, key=str) == [1] + [None] * 11


async def test_of_many_that_are_made_at_once_one_holds(
    links: NotificationLinks, database: Database
) -> None:
    async def make() -> None:
        await links.make(1, "discord", at=NOW)

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(make)
    assert len(await stored(database)) == 1


async def test_who_may_not_sign_in_links_nothing(
    links: NotificationLinks, database: Database
) -> None:
    made = await links.make(1, "discord", at=NOW)
    assert await links.linked(1) == (1, "user1", "Ann", "en")
    assert await links.linked(2) == (2, "user2", "bob", "ko")
    await database.execute("UPDATE users SET status = 'suspended' WHERE user_no = 1")
    assert await links.use("discord", made.code, at=NOW) is None
    assert await links.linked(1) is None and await links.linked(9) is None
    await database.execute("UPDATE users SET status = 'active' WHERE user_no = 1")
    assert await links.use("discord", made.code, at=NOW) is None  # it was tried, and is gone


async def test_nobody_sees_another_s_codes(links: NotificationLinks, database: Database) -> None:
    await links.make(1, "discord", at=NOW)
    sql = "SELECT user_no FROM notification_links"
    assert await database.fetch(sql) == []
    async with database.acting(2) as other:
        assert await other.fetch(sql) == []
        assert await other.execute("DELETE FROM notification_links") == "DELETE 0"
    async with database.acting(1) as mine:
        assert [row["user_no"] for row in await mine.fetch(sql)] == [1]


def test_codes_are_easily_read_and_are_not_the_same() -> None:
    codes = {random_code() for _ in range(1_000)}
    assert len(codes) == 1_000
    assert all(len(code) == 8 for code in codes)
    assert set("".join(codes)) == set(ALPHABET)
    assert not set(ALPHABET) & set("01ILO")
