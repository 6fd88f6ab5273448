"""A row that cannot be read, whoever has written it, keeps none of the others from being told."""

from __future__ import annotations

import pytest
from notification_world import HOUR, MINUTE, NOON, go, new, open_app_world

from actors.notification_records import Decision, Preferences

PREFERENCES = "UPDATE notification_settings SET preferences = $1::text::jsonb WHERE user_no = 2"
TYPES = "UPDATE notification_settings SET notification_types = $1::text::jsonb WHERE user_no = 2"
DATA = "UPDATE notification_queue SET data = $1::text::jsonb WHERE notification_id = 'bad'"
FAULTS = [
    (PREFERENCES, '{"quietHours": 7}'),
    (PREFERENCES, "[]"),
    (TYPES, '{"meeting.invitation": "perhaps"}'),
    (DATA, "[1, 2]"),
]


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


def careful(legs):
    """As the router does."""
    how = {"kind": "hold", "reason": "error", "until": NOON + MINUTE}
    faulty = [Decision(leg_no=leg.leg_no, **how) for leg in legs if leg.fault]
    return [*faulty, *go([leg for leg in legs if not leg.fault])]


@pytest.mark.parametrize(("sql", "value"), FAULTS)
async def test_it_is_held_back_alone_until_it_can_be_read(run, sql, value):
    await run.want(2, "web", Preferences())
    await run.queue.enqueue([new("one"), new("bad", 2), new("two")])
    await run.fetch(sql, value)
    placed = await run.place(careful)
    assert [each.notification.id for each in placed.shown] == ["one", "two"]
    assert await run.states("bad") == [("web", "waiting", "error")]
    await run.fetch(sql, "{}")
    assert [each.notification.id for each in (await run.place(careful, now=NOON + HOUR)).shown] == [
        "bad"
    ]


async def test_what_cannot_be_sent_fails_alone_and_the_next_has_its_turn(run):
    await run.endpoint(1)
    how = {"platforms": ("push", "web"), "routing": "fallback", "unread_after_ms": HOUR}
    await run.queue.enqueue([new(name, **how) for name in ("one", "bad", "two")])
    await run.place()
    await run.fetch(DATA, "[1, 2]")
    assert [leg.notification_id for leg in (await run.begin()).legs] == ["one", "two"]
    assert await run.states("bad") == [("push", "failed", "error"), ("web", "waiting", "")]
    assert (await run.log("bad"))[-1] == ("push", "failed", "error")


async def test_what_cannot_be_read_is_taken_back_all_the_same(run):
    await run.endpoint(1)
    await run.send("bad", platforms=("push",))
    await run.place()
    await run.sent()
    await run.read("bad")
    await run.fetch(DATA, "[1, 2]")
    [leg] = (await run.begin()).legs
    assert (leg.take_back, leg.data) == ("p1", {})
