"""Codes to phones: each holds for a while, for one person and phone, for so many tries, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import trio
import trio_asyncio

from protocol.ids import Millis
from server.postgres.notification_links import KEPT_MS, NotificationLinks
from server.postgres.phone_codes import TRIES, PhoneCodes, random_digits
from server.postgres.pool import APP_ROLE, Database, open_database

NOW = Millis(1_800_000_000_000)
KEY = b"k" * 32
PHONE, OTHER = "01012345678", "01087654321"
WRONG = "999999"


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
            "INSERT INTO users (user_no, user_id, username, name)"
            " SELECT n, 'user' || n, 'name' || n, '' FROM generate_series(1, 2) n"
        )
        yield database


@pytest.fixture
def codes(database: Database) -> PhoneCodes:
    numbers = count(1)
    return PhoneCodes(database, key=KEY, new_code=lambda: f"{next(numbers):06}")


async def stored(database: Database) -> list[Any]:
    async with database.service() as service:
        return await service.fetch("SELECT * FROM notification_links")


async def test_a_code_shows_once_whose_a_phone_is(codes: PhoneCodes, database: Database) -> None:
    made = await codes.make(1, PHONE, at=NOW)
    assert made == ("000001", NOW + KEPT_MS)
    assert await codes.use(1, PHONE, made.code, at=NOW)
    assert not await codes.use(1, PHONE, made.code, at=NOW)
    assert await stored(database) == []


async def test_it_is_of_one_person_and_one_phone(codes: PhoneCodes) -> None:
    made = await codes.make(1, PHONE, at=NOW)
    await codes.make(2, OTHER, at=NOW)
    assert not await codes.use(2, PHONE, made.code, at=NOW)
    assert not await codes.use(1, OTHER, made.code, at=NOW)
    assert await codes.use(1, PHONE, made.code, at=NOW)


async def test_after_so_many_tries_the_right_one_is_wrong_too(codes: PhoneCodes) -> None:
    made = await codes.make(1, PHONE, at=NOW)
    for _ in range(TRIES - 1):
        assert not await codes.use(1, PHONE, WRONG, at=NOW)
    assert await codes.use(1, PHONE, made.code, at=NOW)
    made = await codes.make(1, PHONE, at=NOW)
    for _ in range(TRIES):
        assert not await codes.use(1, PHONE, WRONG, at=NOW)
    assert not await codes.use(1, PHONE, made.code, at=NOW)
    assert await codes.use(1, PHONE, (await codes.make(1, PHONE, at=NOW)).code, at=NOW)


async def test_many_at_once_have_no_more_tries(codes: PhoneCodes, database: Database) -> None:
    await codes.make(1, PHONE, at=NOW)
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(lambda n=number: codes.use(1, PHONE, f"5{n:05}", at=NOW))
    [row] = await stored(database)
    assert row["tries"] == TRIES


async def test_of_many_who_say_it_at_once_one_is_believed(codes: PhoneCodes) -> None:
    made = await codes.make(1, PHONE, at=NOW)
    found: list[bool] = []

    async def use() -> None:
        found.append(await codes.use(1, PHONE, made.code, at=NOW))

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(use)
    assert sorted(found) == [False] * 11 + [True]


async def test_it_ends_by_itself_and_with_the_next(codes: PhoneCodes) -> None:
    first = await codes.make(1, PHONE, at=NOW)
    assert not await codes.use(1, PHONE, first.code, at=first.expires_at)
    second = await codes.make(1, PHONE, at=NOW)
    assert not await codes.use(1, PHONE, first.code, at=NOW)
    assert await codes.use(1, PHONE, second.code, at=Millis(second.expires_at - 1))


async def test_neither_code_nor_phone_is_kept(codes: PhoneCodes, database: Database) -> None:
    made = await codes.make(1, PHONE, at=NOW)
    [row] = await stored(database)
    assert made.code not in str(row) and PHONE not in str(row) and len(row["code_hash"]) == 32
    assert PHONE not in codes.name(PHONE) and codes.name(PHONE) != codes.name(OTHER)
    assert not await PhoneCodes(database, key=b"other" * 8).use(1, PHONE, made.code, at=NOW)


async def test_no_bot_takes_it(codes: PhoneCodes, database: Database) -> None:
    made = await codes.make(1, PHONE, at=NOW)
    links = NotificationLinks(database, key=KEY)
    for platform in ("kakao", "discord"):
        assert await links.use(platform, made.code, at=NOW) is None
    await links.make(1, "kakao", at=NOW)
    assert await codes.use(1, PHONE, made.code, at=NOW)
    assert [row["platform"] for row in await stored(database)] == ["kakao"]


def test_codes_are_six_digits_of_any_value() -> None:
    made = {random_digits() for _ in range(2_000)}
    assert len(made) > 1_900 and all(len(each) == 6 and each.isdigit() for each in made)
    assert {each[0] for each in made} == set("0123456789")
