"""Sessions as they are written down: in PostgreSQL, and for a while in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
import trio_asyncio

from protocol.ids import Millis
from server.postgres.pool import APP_ROLE, Database, open_database
from server.postgres.realtime_sessions import RealtimeSession, RealtimeSessions
from server.redis.client import RedisUnavailable, open_redis
from server.redis.realtime_sessions import PREFIX, RedisSessions

NOW = 1_800_000_000_000
KEPT: Any = {"web": 60.0, "kakao": 60.0, "discord": 0.2}


class NotedLog:
    def warning(self, event: str, **fields: object) -> None:
        """Connections that come and go."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with (
        trio_asyncio.open_loop(),
        open_database(database_url, size=4, role=APP_ROLE, log=NotedLog()) as database,
    ):
        await database.execute(
            "INSERT INTO users (user_no, user_id, username)"
            " SELECT n, 'user' || n, 'name' || n FROM generate_series(1, 9) n"
        )
        yield database


@pytest.fixture
def store(database: Database) -> RealtimeSessions:
    return RealtimeSessions(database)


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[RedisSessions]:
    async with trio_asyncio.open_loop(), open_redis(redis_url, size=2) as redis:
        yield RedisSessions(redis)


def session(
    name: str,
    user_no: int = 1,
    *,
    kind: Any = "web",
    active: int = 0,
    created: int = 0,
    **data: Any,
) -> RealtimeSession:
    """One that was active so many milliseconds after a moment, and made so many after it."""
    return RealtimeSession(name, user_no, kind, Millis(NOW + active), Millis(NOW + created), data)


async def test_what_is_written_is_listed_the_latest_first(store: RealtimeSessions) -> None:
    some = [
        session("a", active=1, codec="json"),
        session("b", active=2),
        session("c", 2, kind="kakao"),
    ]
    await store.write(some, [])
    assert await store.of(1) == [some[1], some[0]]
    assert await store.of(2) == [some[2]]
    assert await store.of(3) == []


async def test_activity_is_only_raised_and_the_beginning_stays(store: RealtimeSessions) -> None:
    await store.write([session("a", active=5, created=1)], [])
    await store.write([session("a", active=9, created=7)], [])
    await store.write([session("a", active=3, created=8)], [])
    assert await store.of(1) == [session("a", active=9, created=1)]


async def test_one_statement_begins_some_and_ends_others(store: RealtimeSessions) -> None:
    await store.write([session("a"), session("b")], [])
    await store.write([session("c")], ["a", "never"])
    assert {each.session_id for each in await store.of(1)} == {"b", "c"}
    await store.write([], ["b", "c"])
    assert await store.of(1) == []


async def test_one_that_ended_may_begin_anew_for_somebody_else(store: RealtimeSessions) -> None:
    await store.write([session("bot", kind="discord", created=1)], [])
    await store.write([session("bot", 2, kind="discord", active=5, created=5)], [])
    assert await store.of(1) == []
    assert await store.of(2) == [session("bot", 2, kind="discord", active=5, created=5)]


async def test_users_who_are_gone_do_not_keep_the_others_from_being_written(
    store: RealtimeSessions,
) -> None:
    await store.write([session("a"), session("b", 99)], [])
    assert [each.session_id for each in await store.of(1)] == ["a"]


async def test_thousands_are_one_statement(store: RealtimeSessions) -> None:
    many = [session(f"s{n}", n % 9 + 1, active=n) for n in range(5_000)]
    await store.write(many, [])
    await store.write([], [each.session_id for each in many if each.user_no > 1])
    assert len(await store.of(1)) == 200
    assert await store.of(2) == []


async def test_those_of_a_node_that_died_end_by_their_type(store: RealtimeSessions) -> None:
    await store.write(
        [session("old"), session("new", active=100), session("bot", kind="kakao")], []
    )
    before: Any = {"web": Millis(NOW + 100), "kakao": Millis(NOW)}
    assert await store.end_stale(before) == 1
    assert {each.session_id for each in await store.of(1)} == {"new", "bot"}
    assert await store.end_stale(before) == 0


async def test_those_that_ended_are_forgotten_some_at_a_time(
    store: RealtimeSessions, database: Database
) -> None:
    await store.write([session("a"), session("b", active=1), session("c", active=2)], [])
    await store.write([], ["a", "b"])
    assert await store.forget(Millis(NOW + 9), most=1) == 1
    async with database.service() as service:
        left = await service.fetch("SELECT session_id FROM realtime_sessions ORDER BY 1")
    assert [row["session_id"] for row in left] == ["b", "c"]
    assert await store.forget(Millis(NOW + 9), most=9) == 1
    assert await store.forget(Millis(NOW + 9), most=9) == 0


async def test_one_s_own_are_ended_alone(store: RealtimeSessions) -> None:
    await store.write([session("a"), session("b", 2)], [])
    assert not await store.end(1, "b")
    assert not await store.end(1, "never")
    assert await store.end(1, "a")
    assert not await store.end(1, "a")
    assert [each.session_id for each in await store.of(2)] == ["b"]


async def test_nobody_sees_another_s_though_the_question_names_nobody(
    store: RealtimeSessions, database: Database
) -> None:
    await store.write([session("a"), session("b", 2)], [])
    sql = "SELECT session_id FROM realtime_sessions"
    assert await database.fetch(sql) == []
    async with database.acting(1) as mine:
        assert [row["session_id"] for row in await mine.fetch(sql)] == ["a"]
        assert await mine.execute("UPDATE realtime_sessions SET is_active = false") == "UPDATE 1"
        assert await mine.execute("DELETE FROM realtime_sessions") == "DELETE 1"
    assert [each.session_id for each in await store.of(2)] == ["b"]


# ---- Redis


async def test_what_is_cached_is_found_until_it_ends(cache: RedisSessions) -> None:
    some = [session("a", codec="json"), session("b", kind="kakao"), session("c", 2)]
    await cache.put(some, kept_s=KEPT)
    assert sorted(await cache.of(1)) == some[:2]
    await cache.put([session("a", active=7)], kept_s=KEPT)
    await cache.end([(1, "b"), (2, "never"), (3, "c")])
    assert await cache.of(1) == [session("a", active=7)]
    assert await cache.of(2) == [some[2]]
    assert await cache.of(4) == []


async def test_each_ends_for_itself_and_leaves_nothing(
    cache: RedisSessions, redis_url: str
) -> None:
    await cache.put([session("a"), session("short", kind="discord")], kept_s=KEPT)
    await cache.put([session("alone", 2, kind="discord")], kept_s=KEPT)
    assert len(await cache.of(1)) == 2
    await trio.sleep(0.3)
    assert await cache.of(1) == [session("a")]
    await cache.put([session("b")], kept_s=KEPT)
    async with open_redis(redis_url) as redis:
        fields = await redis.call(lambda each: each.hkeys(f"{PREFIX}1"))  # type: ignore[arg-type]
        assert sorted(fields) == [b"a", b"b"]
        assert await redis.call(lambda each: each.exists(f"{PREFIX}2")) == 0


async def test_very_many_are_cached(cache: RedisSessions) -> None:
    many = [session(f"s{n}", n % 7 + 1) for n in range(1_201)]
    await cache.put(many, kept_s=KEPT)
    found = [each for user_no in range(1, 8) for each in await cache.of(user_no)]
    assert sorted(found) == sorted(many)
    await cache.end([(each.user_no, each.session_id) for each in many])
    assert await cache.of(1) == []


async def test_without_redis_it_says_so() -> None:
    async with trio_asyncio.open_loop(), open_redis("redis://127.0.0.1:1/0") as redis:
        cache = RedisSessions(redis)
        with trio.fail_after(2):
            for asked in (cache.put([session("a")], kept_s=KEPT), cache.of(1)):
                with pytest.raises(RedisUnavailable):
                    await asked
