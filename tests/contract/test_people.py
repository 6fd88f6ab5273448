"""The port People: what memory and PostgreSQL both promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest
import structlog
import trio_asyncio

from actors.ports import Claims, People, Standing
from protocol.ids import Millis, UserId
from server.memory.people import MemoryPeople
from server.postgres.people_rows import NewPerson
from server.postgres.pool import Database, open_database
from server.postgres.users import UserStore

MINJI = UserId("0000000000000001")
JUNHO = UserId("0000000000000002")
NOBODY = UserId("zzzzzzzzzzzzzzzz")


class World(Protocol):
    """One adapter with Minji and Junho in it, and the ways to change them."""

    @property
    def people(self) -> People: ...

    async def revoke(self, claims: Claims) -> None: ...
    async def renew(self, user: UserId, at: Millis) -> None: ...
    async def suspend(self, user: UserId) -> None: ...
    async def befriend(self, one_no: int, other_no: int, *, on: bool) -> None: ...
    async def online(self, user_no: int) -> dict[int, int]: ...


class InMemory:
    def __init__(self) -> None:
        self.people = MemoryPeople(
            rooms_of=lambda _: frozenset(), blocks_of=lambda _: frozenset(), summaries=_no_rooms
        )
        self.known = {user: self.people.add(user, user[-1]) for user in (MINJI, JUNHO)}

    async def revoke(self, claims: Claims) -> None:
        self.known[claims.user].revoked.add(claims.jti)

    async def renew(self, user: UserId, at: Millis) -> None:
        self.known[user].tokens_after = at // 1000 + 1

    async def suspend(self, user: UserId) -> None:
        self.known[user].status = "suspended"

    async def befriend(self, one_no: int, other_no: int, *, on: bool) -> None:
        self.people.befriend(one_no, other_no, on=on)

    async def online(self, user_no: int) -> dict[int, int]:
        return next(each.online for each in self.known.values() if each.user_no == user_no)


class InPostgres:
    def __init__(self, users: UserStore, database: Database) -> None:
        self.people: Any = users
        self._database = database

    async def revoke(self, claims: Claims) -> None:
        await self.people.revoke(claims)

    async def renew(self, user: UserId, at: Millis) -> None:
        person = await self.people.by_id(user)
        assert await self.people.set_password(person.user_no, "hash", at=at) == at // 1000 + 1

    async def suspend(self, user: UserId) -> None:
        by = (await self.people.by_id(user)).user_no
        await self.people.set_status_role(
            user, status="suspended", role=None, by_no=by, at=Millis(0)
        )

    async def befriend(self, one_no: int, other_no: int, *, on: bool) -> None:
        """In two steps, as people do it."""
        one, other = sorted((one_no, other_no))
        sql = (
            "INSERT INTO friendships VALUES ($1, $2, $1, 'asked', 1, 1)",
            "UPDATE friendships SET status = 'accepted' WHERE one_no = $1 AND other_no = $2",
        )
        end = ("DELETE FROM friendships WHERE one_no = $1 AND other_no = $2",)
        for statement in sql if on else end:
            friends = {state.friends for state in (await self.people.states([MINJI])).values()}
            assert friends == {frozenset() if on else frozenset({other_no})}
            await self._database.execute(statement, one, other)

    async def online(self, user_no: int) -> dict[int, int]:
        sql = "SELECT day - DATE '1970-01-01' AS day, seconds FROM online_days WHERE user_no = $1"
        rows = await self._database.fetch(sql, user_no)
        total = "SELECT coalesce(sum(seconds), 0) FROM online_totals WHERE user_no = $1"
        assert await self._database.fetchval(total, user_no) == sum(r["seconds"] for r in rows)
        return {row["day"]: row["seconds"] for row in rows}


async def _no_rooms(users: object) -> dict[Any, Any]:
    return {}


@pytest.fixture(params=["memory", "postgres"])
def open_world(request: pytest.FixtureRequest) -> Callable[[], Any]:
    if request.param == "memory":
        return _memory
    url = request.getfixturevalue("database_url")
    return lambda: _postgres(url)


@asynccontextmanager
async def _memory() -> AsyncIterator[World]:
    yield InMemory()


@asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[World]:
    log = structlog.get_logger()
    async with trio_asyncio.open_loop(), open_database(url, log=log) as database:
        users = UserStore(database)
        await users.create_many(
            [NewPerson(user_id=user, username=f"u{user}", name=user[-1]) for user in (MINJI, JUNHO)]
        )
        yield InPostgres(users, database)


def claims(user: UserId, *, jti: str = "j1", issued_at: int = 100) -> Claims:
    return Claims(user, jti, issued_at, 2**33)


async def test_everyone_in_good_standing_is_told_apart_by_token(open_world: Any) -> None:
    async with open_world() as world:
        found = await world.people.standings([claims(MINJI), claims(JUNHO, jti="j2")])
        numbers = {jti: standing.user_no for jti, standing in found.items()}
        assert found["j1"] == Standing(numbers["j1"], "1", "user", "active", revoked=False)
        assert found["j2"] == Standing(numbers["j2"], "2", "user", "active", revoked=False)
        assert numbers["j1"] != numbers["j2"]


async def test_a_token_of_nobody_is_left_out(open_world: Any) -> None:
    async with open_world() as world:
        found = await world.people.standings([claims(NOBODY), claims(MINJI, jti="j2")])
        assert list(found) == ["j2"]
        assert await world.people.standings([]) == {}


async def test_a_revoked_token_leaves_the_others_of_its_user_alone(open_world: Any) -> None:
    async with open_world() as world:
        await world.revoke(claims(MINJI, jti="lost"))
        await world.revoke(claims(MINJI, jti="lost"))
        found = await world.people.standings([claims(MINJI, jti="lost"), claims(MINJI, jti="kept")])
        assert {jti: standing.revoked for jti, standing in found.items()} == {
            "lost": True,
            "kept": False,
        }


async def test_tokens_issued_up_to_a_renewal_are_revoked_and_later_ones_hold(
    open_world: Any,
) -> None:
    async with open_world() as world:
        await world.renew(MINJI, Millis(100_500))
        found = await world.people.standings(
            [
                claims(MINJI, jti="before", issued_at=99),
                claims(MINJI, jti="same second", issued_at=100),
                claims(MINJI, jti="after", issued_at=101),
                claims(JUNHO, jti="other", issued_at=1),
            ]
        )
        assert {jti for jti, standing in found.items() if standing.revoked} == {
            "before",
            "same second",
        }


async def test_a_suspended_user_is_told_as_such(open_world: Any) -> None:
    async with open_world() as world:
        await world.suspend(MINJI)
        found = await world.people.standings([claims(MINJI)])
        assert found["j1"].status == "suspended"


async def test_a_choice_of_presence_is_kept(open_world: Any) -> None:
    async with open_world() as world:
        before = await world.people.states([MINJI, NOBODY])
        assert list(before) == [MINJI]
        assert (before[MINJI].choice, before[MINJI].last_seen) == ("online", None)
        await world.people.choose(before[MINJI].user_no, "invisible")
        assert (await world.people.states([MINJI]))[MINJI].choice == "invisible"


async def test_last_seen_only_ever_rises(open_world: Any) -> None:
    async with open_world() as world:
        states = await world.people.states([MINJI, JUNHO])
        minji, junho = states[MINJI].user_no, states[JUNHO].user_no
        await world.people.seen({minji: Millis(1_700_000_000_123), junho: Millis(5)})
        await world.people.seen({minji: Millis(1_600_000_000_000), junho: Millis(6)})
        await world.people.seen({})
        states = await world.people.states([MINJI, JUNHO])
        assert [states[user].last_seen for user in (MINJI, JUNHO)] == [1_700_000_000_123, 6]


async def test_time_online_adds_up_for_each_day_and_is_no_longer_than_one(open_world: Any) -> None:
    async with open_world() as world:
        states = await world.people.states([MINJI, JUNHO])
        minji, junho = states[MINJI].user_no, states[JUNHO].user_no
        await world.people.were_online({(junho, 20_000): 86_399, (minji, 20_000): 50})
        await world.people.were_online({(junho, 20_000): 45, (minji, 20_001): 10, (99, 20_001): 1})
        await world.people.were_online({})
        assert await world.online(minji) == {20_000: 50, 20_001: 10}
        assert await world.online(junho) == {20_000: 86_400}


async def test_friends_are_those_who_agreed_until_they_are_none(open_world: Any) -> None:
    async with open_world() as world:
        numbers = {
            user: state.user_no
            for user, state in (await world.people.states([MINJI, JUNHO])).items()
        }

        async def friends() -> list[frozenset[int]]:
            states = await world.people.states([MINJI, JUNHO])
            return [states[user].friends for user in (MINJI, JUNHO)]

        assert await friends() == [frozenset(), frozenset()]
        await world.befriend(numbers[MINJI], numbers[JUNHO], on=True)
        assert await friends() == [{numbers[JUNHO]}, {numbers[MINJI]}]
        await world.befriend(numbers[MINJI], numbers[JUNHO], on=False)
        assert await friends() == [frozenset(), frozenset()]
