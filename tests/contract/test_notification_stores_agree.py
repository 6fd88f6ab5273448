"""Whatever is asked of notifications, in any order, by nodes that were lost and by clocks that are
wrong: PostgreSQL does what the queue in memory does; nothing is sent twice, everything ends, and
what is told of the whole is what its legs say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import pytest
import trio
from conftest import MemoryWorld
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from notification_rules import Queues
from notification_world import (
    AGAIN,
    MINUTE,
    SENT,
    MemoryNotificationWorld,
    PostgresNotificationWorld,
    open_app_world,
)

from actors.notification_records import LegResult
from protocol.ids import Millis
from server.memory.notification_queue import MemoryNotificationQueue
from server.memory.notification_rows import MemoryLeg, MemoryNote

TABLES = (
    "notification_queue, notification_deliveries, notification_log, notification_windows,"
    " notification_settings, notification_endpoints, notifications, user_blocks"
)


async def cleaned(world: PostgresNotificationWorld) -> PostgresNotificationWorld:
    """As it was before the first notification."""
    await world.owner.execute(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
    await world.owner.execute("UPDATE users SET status = 'active' WHERE status <> 'active'")
    return world


@pytest.mark.timeout(600)  # what is wrong takes long to be told in few steps
async def test_postgresql_keeps_every_promise_in_any_order(database_url: str) -> None:
    async with open_app_world(database_url) as postgres:

        def machine() -> Queues:
            trio.from_thread.run(cleaned, postgres)
            return Queues(MemoryNotificationWorld(MemoryWorld()), postgres)

        some = settings(max_examples=20, stateful_step_count=30)
        run = partial(run_state_machine_as_test, machine, settings=some)
        await trio.to_thread.run_sync(run)


@pytest.mark.timeout(600)
async def test_the_queue_in_memory_keeps_to_its_own_rules() -> None:
    """More often than two can be compared."""
    some = settings(max_examples=150, stateful_step_count=40)
    run = partial(
        run_state_machine_as_test,
        lambda: Queues(MemoryNotificationWorld(MemoryWorld())),
        settings=some,
    )
    await trio.to_thread.run_sync(run)


class SendsAgainForTheLost(MemoryNotificationQueue):
    """Has what a lost node had begun with sent once more."""

    def _end_those_over(self, platform: Any, now: Millis, most: int) -> None:
        for leg in self.legs.values():
            if leg.state == "leased" and leg.leased_until <= now:
                leg.state = "ready"
        super()._end_those_over(platform, now, most)


class HearsAnybody(MemoryNotificationQueue):
    """Takes a result of an attempt that is over for that of the one under way."""

    def _is_mine(self, result: LegResult) -> bool:
        return self.legs[result.leg.leg_no].state == "leased"


class HearsTwice(MemoryNotificationQueue):
    """Takes a result though the leg has one."""

    def _is_mine(self, result: LegResult) -> bool:
        return result.leg.take_back is None


class LeavesWhatIsReady(MemoryNotificationQueue):
    """Cancels only what waits, when something is read."""

    def stop(self, notes: Sequence[MemoryNote], *args: Any, **options: Any) -> None:
        ready = [leg for note in notes for leg in note.legs if leg.state == "ready"]
        for leg in ready:
            leg.state = "leased"
        super().stop(notes, *args, **options)
        for leg in ready:
            leg.state = "ready"


class HasAllTurnsAtOnce(MemoryNotificationQueue):
    """Lets the next of a fallback go while the one before is under way."""

    def settle(self, notes: Any, at: Millis, **options: Any) -> Collection[Any]:
        known = list(notes)
        for leg in [leg for note in known for leg in note.legs]:
            if leg.state == "backup":
                leg.state = "waiting"
        return super().settle(known, at, **options)


class ShowsAgain(MemoryNotificationQueue):
    """Forgets that it has shown something."""

    def _show(self, leg: MemoryLeg, now: Millis) -> Any:
        shown = super()._show(leg, now)
        leg.state, leg.due_at = "waiting", now + 3 * MINUTE
        return shown


class ForgetsTheWhole(MemoryNotificationQueue):
    """Does not say what has become of the whole."""

    def recorded(self, results: Sequence[LegResult], at: Millis) -> Collection[Any]:
        statuses = {note: note.status for note in self.notes.values()}
        told = super().recorded(results, at)
        for note, status in statuses.items():
            note.status = status
        return told


class TakesBackTooEarly(MemoryNotificationQueue):
    """Takes back what was read, though it tells of what was not."""

    def can_be_taken_back(self, leg: MemoryLeg) -> bool:
        return leg.note.seen_at is not None and leg.provider_ref is not None


class TakesNothingBack(MemoryNotificationQueue):
    """Leaves what was read where it was sent."""

    def can_be_taken_back(self, leg: MemoryLeg) -> bool:
        return False


NOTE = {
    "to": 1,
    "platforms": ("push",),
    "routing": "all",
    "unread_after_ms": MINUTE,
    "priority": 1,
    "later": 0,
    "lasts": None,
    "dedupe_key": None,
    "collapse_key": None,
}


def ready(queues: Queues, **fields: Any) -> None:
    queues.reach(to=1, platform="push")
    queues.send(some=[NOTE | fields])
    queues.place(kinds=["go"], wrong=0, most=9)


def begin(queues: Queues, wrong: int = 0) -> None:
    queues.begin(platform="push", wrong=wrong, lasts=MINUTE, most=9)


def is_lost(queues: Queues) -> None:
    ready(queues)
    begin(queues)
    begin(queues, wrong=2 * MINUTE)


def hears_late(queues: Queues) -> None:
    ready(queues)
    begin(queues)
    queues.record(last=1, wrong=0, outcomes=[(AGAIN, 0)])
    begin(queues)
    queues.record_late(which=0, wrong=0, outcomes=[(SENT, None)])


def hears_twice(queues: Queues) -> None:
    ready(queues)
    begin(queues)
    queues.record(last=1, wrong=0, outcomes=[(SENT, None)])


def reads(queues: Queues) -> None:
    ready(queues)
    queues.read(user_no=1, some=[0])


def reads_of_a_digest(queues: Queues, *, is_all: bool = False) -> None:
    queues.reach(to=1, platform="push")
    queues.send(some=[NOTE, NOTE])
    queues.place(kinds=["go", "merge"], wrong=0, most=9)
    begin(queues)
    queues.record(last=1, wrong=0, outcomes=[(SENT, None)])
    queues.read(user_no=1, some=[0])
    if is_all:
        queues.read(user_no=1, some=[1])


def falls_back(queues: Queues) -> None:
    ready(queues, platforms=("push", "web"), routing="fallback")


def shows(queues: Queues) -> None:
    ready(queues, platforms=("web",))
    queues.time_passes(by=3 * MINUTE)
    queues.place(kinds=["go"], wrong=0, most=9)


@pytest.mark.parametrize(
    ("wrong", "script"),
    [
        (SendsAgainForTheLost, is_lost),
        (HearsAnybody, hears_late),
        (HearsTwice, hears_twice),
        (LeavesWhatIsReady, reads),
        (TakesBackTooEarly, reads_of_a_digest),
        (TakesNothingBack, partial(reads_of_a_digest, is_all=True)),
        (HasAllTurnsAtOnce, falls_back),
        (ShowsAgain, shows),
        (ForgetsTheWhole, hears_twice),
    ],
)
@pytest.mark.parametrize("is_alone", [True, False])
async def test_the_checks_find_a_queue_that(
    wrong: type[MemoryNotificationQueue], script: Any, is_alone: bool
) -> None:
    """In calls that a right one answers as is right: by itself, or beside that one."""
    right = MemoryNotificationQueue

    def play(*queues: type[MemoryNotificationQueue]) -> None:
        machine = Queues(*(MemoryNotificationWorld(MemoryWorld(), queue) for queue in queues))
        script(machine)
        machine.teardown()

    await trio.to_thread.run_sync(play, right, right)
    with pytest.raises(AssertionError):
        await trio.to_thread.run_sync(play, *([wrong] if is_alone else [right, wrong]))
