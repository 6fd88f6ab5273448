"""The port Selection: what the process apart and the one in the server both promise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
import pytest
import trio_asyncio
from remembering_log import RememberingLog
from selection_world import DAY, NOW, World, add, apart, asking, at, in_the_server, opened

from actors.selection_records import Audience, PairFacts
from protocol.ids import Millis
from server.memory.selection import LocalSelection
from server.postgres.pool import open_database


@pytest.fixture(params=[in_the_server, apart])
async def world(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[World]:
    async with opened(database_url, request.param) as made:
        yield made


async def test_nobody_hears_it_who_may_not(world: World) -> None:
    assert await world.chosen() == []
    await world.people(2)
    await world.people(3, status="suspended")
    await world.people(4, phone=None)
    await world.people(5, 6, last_sign_in_at=None)
    await world.people(7, 8, last_sign_in_at=at(NOW - 61 * DAY))
    assert await world.chosen(blocked=[6, 8, 99]) == [2, 5, 7]
    assert await world.chosen(blocked=[6, 8], asked=1) == [2]
    reasons = [await world.why(number, blocked=[6], asked=1) for number in range(1, 8)]
    assert reasons == ["sender", "certain", "inactive", "phoneless", "away", "blocked", "away"]
    assert await world.why(99) == "not known"


async def test_it_is_told_how_it_came_about(world: World) -> None:
    await world.people(2, 3, gender="female", birth_date="1990-05-01", region="서울")
    await world.people(*range(4, 300))
    await world.set(1, preferred_gender="female", birth_date="1991-01-01", region="서울")
    pair = PairFacts(3, messages=15, days=7.5, both_wrote=True, replies=1)
    selected = await world.selection.select(asking(asked=10, pairs=[pair]))
    assert [told.user_no for told in selected.chosen[:2]] == [2, 3]
    first = selected.chosen[1]
    assert first.why == "certain" and 0 < first.lot < 1
    assert first.scores["interaction"] == pytest.approx(0.25 + 0.125 + 0.25)
    assert first.scores["preference"] == pytest.approx(1.0)
    assert [told.why for told in selected.chosen].count("fair") == 1
    assert len(selected.chosen) == 10 and len(selected.near) == 100
    totals = [told.total for told in selected.near]
    assert totals == sorted(totals, reverse=True)
    assert selected.counts == {"allowed": 298, "not_left_out": 298, "recent": 298}
    assert selected.strategy["name"] == "001" and selected.took_ms >= 0
    assert sum(score["weight"] for score in selected.strategy["scores"]) == pytest.approx(1.0)
    assert msgspec.json.decode(msgspec.json.encode(selected.strategy)) == selected.strategy
    again = await world.selection.select(asking(asked=10, pairs=[pair]))
    assert again.chosen == selected.chosen
    other = await world.selection.select(asking(asked=10, seed=2**63 - 1, pairs=[pair]))
    assert [told.user_no for told in other.chosen] != [told.user_no for told in again.chosen]


async def test_what_changes_counts_for_the_very_next_selection(world: World) -> None:
    await world.people(2, 3, last_sign_in_at=at(NOW - 40 * DAY))
    assert await world.why(2, asked=1) == "away" or await world.why(3, asked=1) == "away"
    await world.set(3, last_sign_in_at=at(NOW - DAY))
    assert await world.chosen(asked=1) == [3]
    await world.set(3, phone=None)
    assert await world.chosen() == [2]
    await world.people(4)
    assert await world.chosen() == [2, 4]
    await world.set(4, status="suspended")
    await world.set(3, phone="010-1")
    assert await world.chosen() == [2, 3]
    assert await world.part(3, "time_online") == 0
    day = NOW // DAY
    online = "INSERT INTO online_days VALUES (3, DATE '1970-01-01' + $1::integer, 54000)"
    await world.database.execute(online, day)
    assert await world.part(3, "time_online") == pytest.approx(0.5)
    await world.database.execute("DELETE FROM online_days")
    assert await world.part(3, "time_online") == 0


async def test_what_was_received_and_answered_counts_at_once(world: World) -> None:
    await world.people(2, 3)
    assert await world.part(2, "reply_rate") == 0.5
    await world.received(2)
    assert await world.part(2, "reply_rate") == 0
    await world.received(2, replied=True)  # both of them
    await world.received(2)
    assert await world.part(2, "reply_rate") == pytest.approx(2 / 3)
    assert await world.part(2, "received_lately") == 0
    await world.received(2, at_ms=NOW - DAY // 2)
    assert await world.part(2, "received_lately") == 1
    figures = await world.selection.figures()
    assert figures.people == 3 and figures.gini == pytest.approx(2 / 3)
    assert figures.rss_bytes > 10**6 and figures.rebuilt_ms >= 0


async def test_a_transaction_that_commits_late_is_not_missed(world: World) -> None:
    await world.people(2, 3, 5)
    async with world.database.transaction() as late:
        await late.execute("UPDATE users SET phone = NULL WHERE user_no = 2")
        await add(late, [4], {"phone": "12", "last_sign_in_at": at(NOW)})
        await late.execute("INSERT INTO online_days VALUES (3, '2026-11-01', 54000)")
        await world.people(6)
        assert await world.chosen() == [2, 3, 5, 6]
        await world.set(5, phone=None)
        assert await world.chosen() == [2, 3, 6]
        assert await world.part(3, "time_online") == 0
    assert await world.chosen() == [3, 4, 6], "and who came late stands before who came after him"
    assert await world.part(3, "time_online") == pytest.approx(0.5)


async def test_numbers_of_another_cluster_are_left_alone(world: World) -> None:
    await world.people(2, 3)
    assert await world.chosen() == [2, 3]
    await world.database.execute("ALTER TABLE users DISABLE TRIGGER users_note_change")
    await world.database.execute("UPDATE users SET phone = NULL, changed = '9000000000000'::xid8")
    assert await world.chosen() == [2, 3]
    await world.database.execute("ALTER TABLE users ENABLE TRIGGER users_note_change")
    await world.set(2, phone=None, is_test=True)
    await world.set(2, is_test=False)
    assert await world.chosen() == [3]


async def test_a_list_and_what_is_asked_of_people_must_all_hold(world: World) -> None:
    await world.people(2, gender="female", region="서울")
    await world.people(3, gender="male", region="서울")
    await world.people(4, gender="female", region="부산")
    await world.people(5)
    made = "INSERT INTO recipient_groups (group_id, name, created_at) VALUES ($1, $1, 0)"
    for name in ("list", "other"):
        await world.database.execute(made, name)
    numbers = await world.database.fetch("SELECT group_no FROM recipient_groups ORDER BY 1")
    one, other = (row["group_no"] for row in numbers)
    member = "INSERT INTO recipient_group_members VALUES ($1, $2)"
    for number in (1, 2, 3, 5):
        await world.database.execute(member, one, number)

    async def chosen(**asked: Any) -> list[int]:
        return await world.chosen(audience=Audience(**asked))

    assert await chosen() == [2, 3, 4, 5]
    assert await chosen(group_no=one) == [2, 3, 5]
    assert await chosen(group_no=other) == await chosen(group_no=999) == []
    assert await chosen(region="서울") == [2, 3] and await chosen(region="서") == []
    assert await chosen(gender="female") == [2, 4]
    assert await chosen(gender="") == await chosen(gender="any") == []
    assert await chosen(group_no=one, region="서울", gender="female") == [2]
    await world.set(5, region="대전", gender="other")
    assert await chosen(region="대전") == await chosen(gender="other") == [5]
    await world.database.execute(member, other, 4)
    assert await chosen(group_no=other) == [4]
    assert await world.why(5, audience=Audience(region="부산")) == "outside"


async def test_ages_change_on_birthdays(world: World) -> None:
    births = ("2008-02-29", "2008-03-01", "2007-02-28", "1900-01-01", "2050-01-01")
    for number, birth in enumerate(births, 2):
        await world.people(number, birth_date=birth)
    await world.people(7)

    async def aged(day: str, age_from: int | None, age_to: int | None) -> list[int]:
        now = Millis(int(datetime.fromisoformat(f"{day}+00:00").timestamp() * 1000))
        audience = Audience(age_from=age_from, age_to=age_to)
        return await world.chosen(audience=audience, now_ms=now)

    assert await aged("2026-02-28T23:59:59", 18, 18) == []
    assert await aged("2026-03-01T00:00:00", 18, 18) == [2, 3]
    assert await aged("2026-02-28T12:00:00", 17, 17) == [2, 3]
    assert await aged("2024-02-29T00:00:00", 16, 16) == [2]
    assert await aged("2024-02-28T23:59:59", 16, 16) == []
    assert await aged("2026-02-28T00:00:00", 19, None) == [4, 5]
    assert await aged("2026-02-27T00:00:00", 19, None) == [5]
    assert await aged("2026-02-27T00:00:00", None, 18) == [2, 3, 4, 6]
    assert await aged("2026-02-27T00:00:00", 10**6, 10**6) == []


async def test_test_accounts_hear_each_other_where_they_are_enough(world: World) -> None:
    await world.people(2, phone="+82 10-1234")
    await world.people(3, is_test=True)
    await world.people(4, phone="+82 11")
    assert await world.chosen(asked=2) != [2, 3] or await world.why(2, asked=2) != "no_test"
    await world.set(1, phone="+82101")
    assert await world.chosen(asked=2) == [2, 3]
    assert await world.why(4, asked=2) == "no_test"
    assert await world.chosen(asked=3) == [2, 3, 4]
    await world.set(2, phone="+82 11")
    assert await world.why(2, asked=1) == "no_test"


async def test_hostile_words_are_only_words(world: World) -> None:
    hostile = "'; DROP TABLE users; --\\ %s {0} \u0001"
    await world.people(2, region=hostile)
    assert await world.chosen(audience=Audience(region=hostile)) == [2]
    assert await world.chosen(audience=Audience(region="' OR ''='")) == []


async def test_many_regions_that_come_and_go_leave_nothing_behind(world: World) -> None:
    await world.people(2, 3, region="서울")
    renamed = "UPDATE users SET region = $1 || user_no WHERE user_no > 10"
    await world.people(*range(11, 2_011))
    for name in "abcdefgh":
        await world.database.execute(renamed, name)
        assert await world.chosen(audience=Audience(region=f"{name}12")) == [12]
    assert await world.chosen(audience=Audience(region="서울")) == [2, 3]
    assert await world.chosen(audience=Audience(region="a12")) == []


async def test_an_empty_prefix_makes_nobody_a_test_account(database_url: str) -> None:
    async with (
        trio_asyncio.open_loop(),
        open_database(database_url, log=RememberingLog()) as database,
    ):
        selection = LocalSelection(database_url, test_prefix="")
        world = World(database, selection)
        await world.people(1, 2, 3)
        await world.set(3, is_test=True)
        await world.set(1, is_test=True)
        assert await world.chosen(asked=1) == [3]
        selection.close()
