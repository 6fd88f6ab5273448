"""What people want of each platform, and who is what to whom."""

from __future__ import annotations

import pytest
from notification_world import MINUTE, NOON, SECOND, hold, open_app_world

from actors.notification_records import PLATFORMS, Preferences, QuietHours
from protocol.ids import Millis
from server.postgres.relations import Relations

ALL = Preferences(
    types={"friend.request": False, "meeting.response": True},
    quiet=QuietHours("22:00", "07:00", (5, 6)),
    zone="Europe/Berlin",
    dnd=True,
    dnd_until=Millis(NOON + MINUTE),
    sound=False,
)


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


async def test_at_first_everything_is_on(run):
    found = await run.settings.of(1)
    assert found == dict.fromkeys(PLATFORMS, Preferences())
    await run.person(1, zone="America/New_York")
    assert (await run.settings.of(1))["web"] == Preferences(zone="America/New_York")


async def test_they_are_of_one_user_and_platform(run):
    await run.settings.put(1, "kakao", ALL, at=NOON)
    assert (await run.settings.of(1))["kakao"] == ALL
    assert (await run.settings.of(1))["web"] == Preferences()
    assert (await run.settings.of(2))["kakao"] == Preferences()
    await run.settings.put(1, "kakao", Preferences(), at=Millis(NOON + 5))
    assert (await run.settings.of(1))["kakao"] == Preferences()
    rows = await run.fetch("SELECT created_at, updated_at FROM notification_settings")
    assert rows == [(NOON, NOON + 5)]


async def test_they_are_stored_as_the_specification_names_them(run):
    await run.settings.put(1, "web", ALL, at=NOON)
    [(types, preferences)] = await run.fetch(
        "SELECT notification_types::text, preferences::text FROM notification_settings"
    )
    assert types == '{"friend.request": false, "meeting.response": true}'
    for name in ("quietHours", "dndMode", "dndUntil", "soundEnabled", "timeZone"):
        assert f'"{name}": ' in preferences


async def test_a_zone_that_is_not_said_is_that_of_the_profile(run):
    await run.settings.put(1, "web", Preferences(zone=""), at=NOON)
    await run.person(1, zone="Europe/Paris")
    assert (await run.settings.of(1))["web"].zone == "Europe/Paris"
    await run.send()
    found = []
    await run.place(lambda legs: found.extend(legs) or [])
    assert found[0].preferences.zone == "Europe/Paris"


async def test_what_was_held_back_is_due_now(run):
    await run.send(priority=2, platforms=("web", "push"))
    await run.place(hold(NOON + MINUTE))
    await run.settings.put(1, "web", Preferences(), at=Millis(NOON + 5))
    web, push = (await run.kept())["n1"].legs
    assert (web.due_at, web.rank_at) == (NOON + 5, NOON + 5 - 30 * SECOND)
    assert (push.due_at, web.hold_key) == (NOON + MINUTE, "quiet")


async def test_what_was_held_back_waits_on_where_nothing_else_is_wanted(run):
    await run.settings.put(1, "web", ALL, at=NOON)
    await run.send()
    await run.place(hold(NOON + MINUTE))
    await run.settings.put(1, "web", ALL, at=Millis(NOON + 5))
    assert [leg.due_at for leg in (await run.kept())["n1"].legs] == [NOON + MINUTE]
    assert await run.fetch("SELECT updated_at FROM notification_settings") == [(NOON,)]


# ---- relations


FRIENDS = """
INSERT INTO friendships (one_no, other_no, asked_by, status, created_at, updated_at)
VALUES ($1, $2, $1, $3, 1, 1)"""


async def test_who_is_what_to_whom(postgres):
    relations, database = Relations(postgres.database), postgres.database
    await postgres.room(1, 2, 3)
    await postgres.blind(1, 4)
    [left, closed] = [await postgres.room(1, 5), await postgres.room(1, 6)]
    await database.execute(
        "UPDATE chat_members SET is_active = false WHERE room_no = $1 AND user_no = 5", left[0]
    )
    await database.execute("UPDATE chat_rooms SET is_active = false WHERE room_no = $1", closed[0])
    await database.execute(FRIENDS, 1, 3, "accepted")
    await database.execute(FRIENDS, 1, 7, "asked")
    assert await relations.among(1, [1, 2, 3, 4, 5, 6, 7]) == {
        1: {"self"},
        2: {"shares_room"},
        3: {"friend", "shares_room"},
        **{number: {"stranger"} for number in (4, 5, 6, 7)},
    }
    assert await relations.between(3, 1) == {"friend", "shares_room"}
    assert await relations.among(1, []) == {}


@pytest.mark.parametrize("role", ["admin", "service"])
async def test_some_are_something_to_everybody(postgres, role):
    await postgres.database.execute("UPDATE users SET role = $1 WHERE user_no = 9", role)
    await postgres.room(9, 2)
    relations = Relations(postgres.database)
    assert await relations.between(9, 1) == {role}
    assert await relations.between(9, 2) == {role, "shares_room"}
    assert await relations.between(1, 9) == {"stranger"}
