"""Specification 003, section 5.2: with the application's checks taken away, a row of two people is
there for these two alone, and neither of them agrees for the other.
"""

from __future__ import annotations

import pytest
from conftest import NotedLog, postgres_world

from actors.ports import StoreUnavailable
from server.postgres.pool import APP_ROLE, open_database

FILL = """
INSERT INTO friendships (one_no, other_no, asked_by, status, created_at, updated_at)
VALUES (1, 2, 1, 'asked', 1, 1), (2, 3, 3, 'accepted', 1, 1), (3, 4, 3, 'asked', 1, 1)"""
ALL = "SELECT one_no, other_no FROM friendships ORDER BY 1, 2"
AGREE = "UPDATE friendships SET status = 'accepted'"
ASK = "INSERT INTO friendships VALUES ({}, {}, {}, '{}', 1, 1)"


@pytest.fixture
async def owner(database_url):
    async with postgres_world(database_url) as world:
        await world.database.execute(FILL)
        yield world.database


@pytest.fixture
async def database(owner):
    """As the server opens it."""
    async with open_database(owner.url, size=1, role=APP_ROLE, log=NotedLog()) as opened:
        yield opened


async def pairs(transaction):
    return [tuple(row) for row in await transaction.fetch(ALL)]


async def test_a_row_is_there_for_its_two_people(database, owner):
    assert await pairs(database) == []
    for number, seen in (
        (1, [(1, 2)]),
        (2, [(1, 2), (2, 3)]),
        (3, [(2, 3), (3, 4)]),
        (5, []),
    ):
        async with database.acting(number) as own:
            assert await pairs(own) == seen
    async with database.service() as service:
        assert len(await pairs(service)) == 3


async def test_whoever_owns_the_table_is_bound_as_well(database, owner):
    await owner.execute(f"ALTER TABLE friendships OWNER TO {APP_ROLE}")
    assert await pairs(database) == []
    async with database.acting(1) as own:
        assert await pairs(own) == [(1, 2)]


async def test_only_who_was_asked_agrees(database, owner):
    for number, most in ((5, 0), (3, 0), (1, 0), (2, 1)):
        async with database.acting(number) as own:
            assert await own.execute(AGREE) == f"UPDATE {most}"
    accepted = "SELECT one_no, other_no FROM friendships WHERE status = 'accepted' ORDER BY 1"
    assert [tuple(row) for row in await owner.fetch(accepted)] == [(1, 2), (2, 3)]


@pytest.mark.parametrize(
    "change", ["status = 'accepted', asked_by = 2", "status = 'asked'", "one_no = 4, other_no = 5"]
)
async def test_who_was_asked_does_nothing_but_agree(database, change):
    with pytest.raises(StoreUnavailable, match="row-level security"):
        async with database.acting(2) as own:
            await own.execute(f"UPDATE friendships SET {change} WHERE status = 'asked'")  # noqa: S608


@pytest.mark.parametrize(
    "row", [(5, 6, 6, "asked"), (5, 6, 5, "accepted"), (6, 7, 6, "asked"), (6, 7, 7, "accepted")]
)
async def test_nobody_asks_for_another_or_is_a_friend_by_asking(database, row):
    with pytest.raises(StoreUnavailable, match="row-level security"):
        async with database.acting(5) as own:
            await own.execute(ASK.format(*row))


async def test_one_asks_for_oneself_and_ends_what_is_ones_own(database, owner):
    async with database.acting(5) as own:
        await own.execute(ASK.format(5, 6, 5, "asked"))
    async with database.acting(6) as own:
        assert await own.execute("DELETE FROM friendships") == "DELETE 1"
    assert await pairs(owner) == [(1, 2), (2, 3), (3, 4)]
