"""What runs out of its time while people look at it."""

from __future__ import annotations

import pytest
from notification_world import MINUTE, NOON, open_app_world

from protocol.ids import Millis
from server.notification_expiry import NotificationExpiry


class Clock:
    """Stands until a test moves it."""

    def __init__(self) -> None:
        self.at = NOON

    def now_ms(self) -> Millis:
        return Millis(self.at)


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


async def test_who_has_not_read_it_in_its_time_is_told_that_it_is_gone_once(run, monkeypatch):
    monkeypatch.setattr(NotificationExpiry, "AT_ONCE", 2)
    clock, told = Clock(), []
    await run.send("of before", expires_at=NOON + 1)
    await run.place()
    clock.at = NOON + 2
    expiry = NotificationExpiry(run.inbox, lambda to, ids: told.append((to, *ids)), clock=clock)
    for name, to in (("b", 1), ("a", 2), ("c", 1), ("read", 1)):
        await run.send(name, to, expires_at=NOON + 9)
    await run.send("later", expires_at=NOON + 10)
    await run.send("never")
    await run.place()
    await run.inbox.read(1, ["read"], at=NOON)
    assert (await expiry.round(), told) == (2.0, [])
    clock.at = NOON + 9
    rests = [await expiry.round() for _ in range(3)]
    assert (rests, told) == ([0.0, 2.0, 2.0], [(2, "a"), (1, "b"), (1, "c")])
    clock.at = NOON + 10
    await expiry.round()
    assert told[3:] == [(1, "later")]


async def test_what_came_late_is_told_though_what_runs_out_later_was_told_before(run):
    """It was decided in time, and its commit took a second; for a minute somebody looks for it."""
    clock, told = Clock(), []
    expiry = NotificationExpiry(run.inbox, lambda _to, ids: told.extend(ids), clock=clock)
    await run.send("late", expires_at=NOON + 900)
    await run.place()
    clock.at = NOON + 1_000
    await expiry.round()
    for name, expires_at in (("early", NOON + 800), ("too early", NOON - 1)):
        await run.send(name, expires_at=expires_at)
    await run.place()
    for later in (2_000, 4_000, MINUTE + 2_000, MINUTE + 4_000):
        clock.at = NOON + later
        await expiry.round()
    assert told == ["late", "early"]


async def test_reading_all_counts_what_is_on_the_list(run):
    await run.send("over", expires_at=NOON + 1)
    await run.send("there")
    await run.place()
    assert await run.inbox.read(1, None, at=NOON + 1) == ["there"]
    assert await run.inbox.read(1, None, at=NOON + 1) == []
