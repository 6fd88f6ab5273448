"""How people are reached: sealed, for one person each, found by nobody without the key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import trio
import trio_asyncio

from protocol.ids import Millis
from server.postgres.notification_endpoints import (
    EndpointSummary,
    NotificationEndpoints,
    Rekeyed,
)
from server.postgres.pool import APP_ROLE, Database, open_database
from server.providers.endpoints import read_endpoint
from server.providers.outside_addresses import AddressReader, KakaoAccount, kept_account
from server.providers.sealing import NotOpened, SealKey, Seals

NOW = Millis(1_800_000_000_000)
OLD, NEW = SealKey("old", b"o" * 32), SealKey("new", b"n" * 32)
USER = "80351110224678912"
READER = AddressReader(discord=read_endpoint("https://discord.com/api/v10", private=False))
RECEIVER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"


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
            " SELECT n, 'user' || n, 'name' || n, '' FROM generate_series(1, 3) n"
        )
        yield database


def store(database: Database, *keys: SealKey, most: int = 10) -> NotificationEndpoints:
    ids = count(1)
    prefix = "".join(key.id for key in keys) or "old"
    return NotificationEndpoints(
        database, Seals(keys or [OLD]), new_id=lambda: f"{prefix}{next(ids)}", most=most
    )


@pytest.fixture
def endpoints(database: Database) -> NotificationEndpoints:
    return store(database)


async def rows(database: Database) -> list[Any]:
    async with database.service() as service:
        return await service.fetch("SELECT * FROM notification_endpoints ORDER BY endpoint_no")


async def numbers(database: Database) -> list[int]:
    return [row["endpoint_no"] for row in await rows(database)]


def account(number: int) -> str:
    made = KakaoAccount(
        id="123456789", access=f"access{number}", refresh=f"refresh{number}", until=NOW
    )
    return kept_account(made)


async def test_what_is_added_is_found_and_opened(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    made = await endpoints.add(1, "discord", "discord_bot", USER, "…8912", NOW)
    assert await endpoints.of_user(1) == [
        EndpointSummary(made, "discord", "discord_bot", "…8912", NOW, None)
    ]
    assert await endpoints.find("discord", "discord_bot", USER) == 1
    (number,) = await numbers(database)
    opened = await endpoints.address(number)
    assert opened is not None
    assert (opened.endpoint_no, opened.user_no, opened.platform) == (number, 1, "discord")
    assert (opened.kind, opened.address) == ("discord_bot", USER)
    assert USER not in repr(opened)


async def test_nothing_of_an_address_can_be_read_in_the_database(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    await endpoints.add(1, "discord", "discord_bot", USER, "…8912", NOW)
    (row,) = await rows(database)
    kept = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert USER.encode() not in kept and USER not in str(dict(row))
    assert row["key_id"] == "old" and len(row["lookup"]) == 32


async def test_an_address_is_found_as_its_own_kind_alone(endpoints: NotificationEndpoints) -> None:
    await endpoints.add(1, "discord", "discord_bot", USER, "", NOW)
    assert await endpoints.find("discord", "discord_bot", USER[:-1]) is None
    assert await endpoints.find("discord", "discord_webhook", USER) is None
    assert await endpoints.find("kakao", "discord_bot", USER) is None


async def test_a_row_that_was_given_to_somebody_else_does_not_open(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    await endpoints.add(1, "discord", "discord_bot", USER, "", NOW)
    (number,) = await numbers(database)
    for change in ("user_no = 2", "user_no = 1, kind = 'kakao_talk'"):
        async with database.service() as service:
            await service.execute(f"UPDATE notification_endpoints SET {change}")  # noqa: S608
        with pytest.raises(NotOpened):
            await endpoints.address(number)


async def test_a_row_opens_as_no_other_of_the_same_person_and_kind(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    for user in (USER, USER[::-1]):
        await endpoints.add(1, "discord", "discord_bot", user, "", NOW)
    async with database.service() as service:
        await service.execute(
            "UPDATE notification_endpoints e SET sealed = o.sealed FROM notification_endpoints o"
            " WHERE o.endpoint_no <> e.endpoint_no"
        )
    for number in await numbers(database):
        with pytest.raises(NotOpened):
            await endpoints.address(number)


async def test_the_same_again_is_the_same_with_what_is_new_of_it(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    first = await endpoints.add(1, "kakao", "kakao_talk", account(1), "a", NOW)
    again = await endpoints.add(1, "kakao", "kakao_talk", account(2), "b", Millis(NOW + 5))
    assert first == again
    (number,) = await numbers(database)
    opened = await endpoints.address(number)
    assert opened is not None and opened.address == account(2)
    ((_, _, _, label, created_at, _),) = await endpoints.of_user(1)
    assert (label, created_at) == ("b", NOW)
    assert await endpoints.find("kakao", "kakao_talk", "123456789") == 1


async def test_who_has_it_last_has_it_alone(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    await endpoints.add(1, "push", "web_push", "browser", "", NOW)
    await endpoints.add(2, "push", "web_push", "browser", "", Millis(NOW + 5))
    assert await endpoints.find("push", "web_push", "browser") == 2
    assert await endpoints.of_user(1) == [] and len(await endpoints.of_user(2)) == 1
    before, now = await rows(database)
    assert (before["ended_at"], before["ended_why"]) == (NOW + 5, "taken_over")
    assert (before["sealed"], before["lookup"]) == (b"", b"")  # and nothing of it is kept
    assert await endpoints.address(before["endpoint_no"]) is None
    assert await endpoints.address(now["endpoint_no"]) is not None


async def test_who_knows_less_of_an_address_than_its_owner_ends_nothing(
    endpoints: NotificationEndpoints,
) -> None:
    url, auth = "https://fcm.googleapis.com/fcm/send/abc", "BTBZMqHH6r4Tts7J_aSIgg"
    hook = f"https://discord.com/api/webhooks/{USER}/"
    owned = [READER.push(url, RECEIVER, auth), READER.discord_webhook(hook + "s" * 68)]
    guessed = [READER.push(url, RECEIVER, "A" * 22), READER.discord_webhook(hook + "x" * 68)]
    for new in owned:
        await endpoints.add(1, new.platform, new.kind, new.address, new.label, NOW)
    for new in guessed:
        await endpoints.add(2, new.platform, new.kind, new.address, new.label, NOW)
    assert [each.kind for each in await endpoints.of_user(1)] == ["web_push", "discord_webhook"]
    for new in owned:  # the same browser, with somebody else signed in; the same channel
        await endpoints.add(3, new.platform, new.kind, new.address, new.label, NOW)
    assert await endpoints.of_user(1) == [] and len(await endpoints.of_user(3)) == 2


async def test_one_browser_is_one_endpoint_however_it_is_written(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    host, path, auth = "https://fcm.googleapis.com", "/fcm/send/abc", "BTBZMqHH6r4Tts7J_aSIgg"
    written = [
        (host + path, RECEIVER, auth),
        (f"{host}{path}#x", RECEIVER, auth),
        (f"{host}{path}?", RECEIVER, auth),
        (f"https://FCM.googleapis.com{path}", RECEIVER, auth),
        (f"{host}:443{path}", RECEIVER, auth),
        (f"{host}/fcm/send/%61bc", RECEIVER, auth),
        (host + path, RECEIVER[:-1] + "5", auth),  # the last two bits are of no byte
        (host + path, RECEIVER, auth[:-1] + "h"),
        (host + path, RECEIVER + "=", auth + "=="),
    ]
    for each in written:
        for user_no in (1, 1, 2):
            new = READER.push(*each)
            await endpoints.add(user_no, new.platform, new.kind, new.address, new.label, NOW)
            assert len(await endpoints.of_user(user_no)) == 1
        assert await endpoints.of_user(1) == []
    assert sum(row["ended_at"] is None for row in await rows(database)) == 1


async def test_many_who_have_it_at_once_end_with_one(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    async with trio.open_nursery() as nursery:
        for user_no in (1, 2, 3) * 3:
            nursery.start_soon(endpoints.add, user_no, "push", "web_push", "browser", "", NOW)
    open_ones = [row for row in await rows(database) if row["ended_at"] is None]
    assert len(open_ones) == 1


async def test_of_too_many_the_one_goes_that_was_used_longest_ago(database: Database) -> None:
    endpoints = store(database, most=3)
    for number in range(3):
        await endpoints.add(1, "push", "web_push", f"b{number}", "", Millis(NOW + number))
    async with database.service() as service:
        sql = "UPDATE notification_endpoints SET used_at = $1 WHERE endpoint_id = 'old1'"
        await service.execute(sql, NOW + 100)
    await endpoints.add(1, "discord", "discord_bot", USER, "", NOW)  # of another kind
    await endpoints.add(2, "push", "web_push", "b9", "", NOW)  # another's
    await endpoints.add(1, "push", "web_push", "b3", "", Millis(NOW + 3))
    left = {each.id for each in await endpoints.of_user(1) if each.kind == "web_push"}
    assert len(left) == 3 and "old1" in left and "old2" not in left
    ended = [row["ended_why"] for row in await rows(database) if row["ended_at"] is not None]
    assert ended == ["too_many"]
    assert len(await endpoints.of_user(2)) == 1


async def test_one_ends_his_own_alone_and_once(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    made = await endpoints.add(1, "discord", "discord_bot", USER, "", NOW)
    assert not await endpoints.end(2, made, NOW)
    assert await endpoints.find("discord", "discord_bot", USER) == 1
    assert await endpoints.end(1, made, NOW)
    assert not await endpoints.end(1, made, NOW) and await endpoints.of_user(1) == []
    assert await endpoints.find("discord", "discord_bot", USER) is None
    (row,) = await rows(database)
    assert (row["ended_at"], row["ended_why"], row["sealed"]) == (NOW, "removed", b"")
    again = await endpoints.add(1, "discord", "discord_bot", USER, "", NOW)
    assert again != made and await endpoints.find("discord", "discord_bot", USER) == 1


async def test_new_secrets_take_the_place_of_old_ones_unless_it_was_ended(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    made = await endpoints.add(1, "kakao", "kakao_talk", account(1), "", NOW)
    (number,) = await numbers(database)
    opened = await endpoints.address(number)
    assert opened is not None
    await endpoints.replace(opened, account(2))
    now = await endpoints.address(number)
    assert now is not None and now.address == account(2)
    assert await endpoints.find("kakao", "kakao_talk", account(3)) == 1
    await endpoints.end(1, made, NOW)
    await endpoints.replace(opened, account(3))
    assert await endpoints.address(number) is None
    assert (await rows(database))[0]["sealed"] == b""


# ---- whose rows are seen


async def test_without_a_word_on_whom_it_is_for_nothing_is_seen(
    endpoints: NotificationEndpoints, database: Database
) -> None:
    await endpoints.add(1, "discord", "discord_bot", USER, "", NOW)
    counted = "SELECT count(*) FROM notification_endpoints"
    assert await database.fetchval(counted) == 0
    async with database.acting(2) as others:
        assert await others.fetchval(counted) == 0
        gone = "UPDATE notification_endpoints SET ended_at = 1 RETURNING endpoint_no"
        assert await others.fetch(gone) == []
    async with database.acting(1) as mine:
        assert await mine.fetchval(counted) == 1


# ---- keys that are replaced


async def test_a_key_is_replaced_while_all_goes_on(database: Database) -> None:
    before, between, after = store(database), store(database, NEW, OLD), store(database, NEW)
    for user_no in (1, 2, 3):
        await before.add(user_no, "discord", "discord_bot", f"{USER}{user_no}", "", NOW)
    first, *_ = await numbers(database)
    assert await between.find("discord", "discord_bot", f"{USER}2") == 2
    assert (await between.address(first)) == (await before.address(first))
    with pytest.raises(NotOpened):
        await after.address(first)

    assert await between.rekey() == Rekeyed(sealed=3, unopened=0)
    assert await between.rekey() == Rekeyed(sealed=0, unopened=0)
    assert {row["key_id"] for row in await rows(database)} == {"new"}
    for user_no, number in enumerate(await numbers(database), start=1):
        opened = await after.address(number)
        assert opened is not None and opened.address == f"{USER}{user_no}"
        assert await after.find("discord", "discord_bot", f"{USER}{user_no}") == user_no
    with pytest.raises(NotOpened):
        await before.address(first)


async def test_the_same_is_known_under_an_old_key_and_is_sealed_by_the_new_one(
    database: Database,
) -> None:
    before, between = store(database), store(database, NEW, OLD)
    made = await before.add(1, "discord", "discord_bot", USER, "", NOW)
    assert await between.add(1, "discord", "discord_bot", USER, "", NOW) == made
    (row,) = await rows(database)
    assert row["key_id"] == "new"
    assert await store(database, NEW).find("discord", "discord_bot", USER) == 1


async def replaced(database: Database, *, is_stale: bool) -> str:
    """The id of an account whose tokens were replaced while the key was; *is_stale*: and which is
    found by the old one still.
    """
    made = await store(database).add(1, "kakao", "kakao_talk", account(1), "", NOW)
    before, *_ = await rows(database)
    between = store(database, NEW, OLD)
    opened = await between.address(before["endpoint_no"])
    assert opened is not None
    await between.replace(opened, account(2))
    if is_stale:
        async with database.service() as service:
            sql = "UPDATE notification_endpoints SET lookup = $1"
            await service.execute(sql, before["lookup"])
    return made


async def test_with_new_secrets_it_is_found_by_the_new_key(database: Database) -> None:
    made = await replaced(database, is_stale=False)
    after = store(database, NEW)
    assert await store(database, NEW, OLD).rekey() == Rekeyed(sealed=0, unopened=0)
    assert await after.find("kakao", "kakao_talk", account(3)) == 1
    assert await after.add(1, "kakao", "kakao_talk", account(3), "", NOW) == made
    await after.add(2, "kakao", "kakao_talk", account(4), "", NOW)
    assert [row["ended_why"] for row in await rows(database)] == ["taken_over", None]


async def test_what_was_found_by_the_old_key_alone_is_found_again(database: Database) -> None:
    await replaced(database, is_stale=True)
    after = store(database, NEW)
    assert await after.find("kakao", "kakao_talk", account(3)) is None
    assert await after.rekey() == Rekeyed(sealed=1, unopened=0)
    assert await after.find("kakao", "kakao_talk", account(3)) == 1
    assert await store(database, NEW).rekey() == Rekeyed(sealed=0, unopened=0)


async def test_what_was_proven_meanwhile_is_of_who_has_proven_it(database: Database) -> None:
    await replaced(database, is_stale=True)
    after = store(database, NEW)
    await after.add(2, "kakao", "kakao_talk", account(3), "", Millis(NOW + 5))
    stale, *_ = await rows(database)
    opened = await after.address(stale["endpoint_no"])
    assert opened is not None
    await after.replace(opened, account(4))  # it is used meanwhile
    assert await after.rekey() == Rekeyed(sealed=1, unopened=0)
    before, now = await rows(database)
    assert (before["ended_why"], before["ended_at"]) == ("taken_over", NOW + 5)
    assert (before["sealed"], now["user_no"], now["ended_at"]) == (b"", 2, None)
    assert await after.find("kakao", "kakao_talk", account(5)) == 2


async def test_many_are_sealed_anew_and_those_that_no_key_opens_are_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.postgres.notification_endpoints.REKEYED_AT_ONCE", 2)
    lost = store(database, SealKey("lost", b"x" * 32))
    await lost.add(1, "push", "web_push", "lost1", "", NOW)
    before = store(database)
    for number in range(5):
        await before.add(2, "push", "web_push", f"b{number}", "", NOW)
    await lost.add(1, "push", "web_push", "lost2", "", NOW)
    ended = await before.add(3, "push", "web_push", "ended", "", NOW)
    async with database.service() as service:  # as a provider's word ends it
        sql = "UPDATE notification_endpoints SET ended_at = 1 WHERE endpoint_id = $1"
        await service.execute(sql, ended)
    assert await store(database, NEW, OLD).rekey() == Rekeyed(sealed=5, unopened=2)
    kept = {row["endpoint_id"]: row for row in await rows(database)}
    assert kept[ended]["sealed"] == kept[ended]["lookup"] == b""
    keys = [row["key_id"] for row in kept.values() if row["ended_at"] is None]
    assert sorted(keys) == ["lost"] * 2 + ["new"] * 5
