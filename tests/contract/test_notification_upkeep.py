"""What is over is forgotten, and what nobody sends any more is ended."""

from __future__ import annotations

import pytest
from notification_world import HOUR, NOON, open_app_world

from protocol.ids import Millis
from server import notification_upkeep
from server.notification_upkeep import NotificationUpkeep

DAY = 24 * HOUR


class Clock:
    def __init__(self):
        self.at = NOON

    def now_ms(self):
        return Millis(self.at)


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


def upkeep(run, clock, *abandoned):
    how = {"abandoned": abandoned, "kept_days": 90, "clock": clock}
    return NotificationUpkeep(run.queue, run.logged, **how)


async def test_what_is_due_for_a_day_where_nothing_is_sent_is_ended(run):
    clock = Clock()
    for platform in ("push", "discord"):
        await run.endpoint(1, platform)
    await run.send(platforms=("push", "discord"))
    await run.place()
    work = upkeep(run, clock, "discord", "kakao")
    clock.at = NOON + DAY - 1
    await work.round()
    assert await run.states() == [("push", "ready", ""), ("discord", "ready", "")]
    clock.at = NOON + DAY
    assert await work.round() == 60
    assert await run.states() == [("push", "ready", ""), ("discord", "skipped", "no_provider")]
    assert (await run.log())[-1] == ("discord", "skipped", "no_provider")


async def test_what_has_ended_is_forgotten_after_the_days_that_it_is_kept(run, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(notification_upkeep, "AT_ONCE", 2)
    for number in range(3):
        await run.send(f"n{number}")
    await run.place()
    work = upkeep(run, clock)
    clock.at = NOON + 90 * DAY
    assert (await work.round(), len(await run.kept())) == (60, 3)
    clock.at += 1
    rests = [await work.round(), await work.round()]
    assert (rests, await run.kept(), await run.entries()) == ([0, 60], {}, [])
    assert len(await run.unseen()) == 3
