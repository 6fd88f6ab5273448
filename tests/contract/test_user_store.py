"""The store of users, where the port People says nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import structlog
import trio
import trio_asyncio

from actors.ports import StoreUnavailable
from protocol.ids import Millis, UserId
from server.ids import random_id
from server.postgres.people_rows import NewPerson, Person
from server.postgres.pool import open_database
from server.postgres.users import UserStore


@asynccontextmanager
async def open_users(url: str) -> AsyncIterator[UserStore]:
    log = structlog.get_logger()
    async with trio_asyncio.open_loop(), open_database(url, log=log) as database:
        yield UserStore(database)


async def test_of_many_at_once_one_gets_the_username(database_url: str) -> None:
    async with open_users(database_url) as users:
        made: list[Person | None] = []

        async def make(username: str) -> None:
            made.append(await users.create(NewPerson(user_id=random_id(), username=username)))

        async with trio.open_nursery() as nursery:
            for username in ("minji", "Minji", "MINJI", "mINJI"):
                nursery.start_soon(make, username)
        assert sum(person is not None for person in made) == 1


async def test_many_come_in_order_and_who_is_there_stays(database_url: str) -> None:
    async with open_users(database_url) as users:
        old = await users.create(NewPerson(user_id=random_id(), username="u7", name="old"))
        new = [NewPerson(user_id=random_id(), username=f"U{n}", is_test=True) for n in range(3000)]
        people = await users.create_many(new)
        assert [person.username.lower() for person in people] == [f"u{n}" for n in range(3000)]
        assert people[7] == old
        assert people[8].user_id == new[8].user_id
        assert people[8].is_test


async def test_nobody_is_taken_for_another_by_calling_himself_after_his_id(
    database_url: str,
) -> None:
    async with open_users(database_url) as users:
        minji = await users.create(NewPerson(user_id=random_id(), username="minji"))
        assert minji is not None
        thief = await users.create(NewPerson(user_id=random_id(), username=minji.user_id))
        assert thief is not None
        found = await users.named([minji.user_id, thief.user_id, "MINJI", "nobody"])
        assert {who: person.username for who, person in found.items()} == {
            minji.user_id: "minji",
            thief.user_id: thief.username,
            "MINJI": "minji",
        }


async def test_a_role_is_granted_by_username_in_any_case(database_url: str) -> None:
    async with open_users(database_url) as users:
        made = await users.create(NewPerson(user_id=random_id(), username="Minji"))
        assert made is not None
        assert await users.grant("minji", "admin")
        assert not await users.grant("nobody", "admin")
        person = await users.by_id(made.user_id)
        assert person is not None
        assert person.role == "admin"
        assert await users.by_id(UserId("nobody")) is None


async def test_a_password_and_what_bots_were_linked_by_change_together(database_url: str) -> None:
    async with open_users(database_url) as users:
        made = await users.create(NewPerson(user_id=random_id(), username="Minji"))
        assert made is not None
        await users._database.execute("ALTER TABLE notification_endpoints RENAME TO gone")
        with pytest.raises(StoreUnavailable):
            await users.set_password(made.user_no, "new", at=Millis(5_000))
        assert await users.by_id(made.user_id) == made
        await users._database.execute("ALTER TABLE gone RENAME TO notification_endpoints")
        assert await users.set_password(made.user_no, "new", at=Millis(5_000)) == 6
        person = await users.by_id(made.user_id)
        assert person is not None and person.password_hash == "new"


async def test_only_fields_of_the_profile_can_be_patched(database_url: str) -> None:
    async with open_users(database_url) as users:
        made = await users.create(NewPerson(user_id=random_id(), username="minji"))
        assert made is not None
        greedy = {"role": "admin", "username": "x", "password_hash": "h", "user_no": 9, "name": "M"}
        person = await users.patch(made.user_no, greedy)
        assert person is not None
        changed = {
            name for name in Person.__slots__ if getattr(person, name) != getattr(made, name)
        }
        assert changed == {"name"}


@pytest.mark.parametrize("username", ["a", "x" * 33, "\u1100\u1161\u1102", "a b", "a@b", "a\nb"])
async def test_the_database_itself_refuses_impossible_usernames(
    database_url: str, username: str
) -> None:
    async with open_users(database_url) as users:
        with pytest.raises(asyncpg.CheckViolationError):
            await users.create(NewPerson(user_id=random_id(), username=username))


async def test_searches_use_the_indexes(database_url: str) -> None:
    async with open_users(database_url) as users:
        database = users._database
        await database.execute(
            "INSERT INTO users (user_id, username, name)"
            " SELECT 'id' || n, 'user' || n, 'name' || n FROM generate_series(1, 20000) n"
        )
        await database.execute("ANALYZE users")
        plans = [
            await database.fetch(f"EXPLAIN SELECT 1 FROM users u WHERE {where}")  # noqa: S608 - constants
            for where in (
                "lower(u.username) = lower('User77')",
                "u.status = 'active' AND (lower(u.username) LIKE lower('User77%')"
                " OR lower(u.name) LIKE lower('User77%'))",
            )
        ]
        for plan in plans:
            assert "Seq Scan" not in "\n".join(row[0] for row in plan)
