"""The router on virtual time: what is due is decided, told, and tried again where it fails."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from notifier_world import FaultyQueue, SmallQueue, VirtualClock
from world import World, open_world

from actors.notification_ports import Decide
from actors.notification_records import Decision, Outside, Placed, WaitingLeg
from actors.notification_router import NotificationRouter
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.rules.routing import HELD_MOST_MS
from protocol.ids import Millis
from protocol.notices import Notification


class Rules:
    """All go, but those that ``answers`` names by their leg."""

    def __init__(self) -> None:
        self.answers: dict[int, Decision] = {}
        self.raises: set[int] = set()
        self.asked: list[list[int]] = []

    def __call__(self, legs: Sequence[WaitingLeg], *, now: Millis) -> Sequence[Decision]:
        nos = [leg.leg_no for leg in legs]
        self.asked.append(nos)
        if self.raises.intersection(nos):
            raise ZoneInfoMissing
        return [self.answers.get(no) or Decision(leg_no=no, kind="go") for no in nos]


class ZoneInfoMissing(Exception):
    pass


class Routing:
    """A node with a router, and a user ``ann`` on two devices."""

    def __init__(self, world: World) -> None:
        self.world, self.small, self.rules = world, SmallQueue(), Rules()
        self.queue, self.clock = FaultyQueue(self.small), VirtualClock()
        self.woken: list[Outside] = []
        self.router = NotificationRouter(
            self.queue,
            self.rules,
            notices=world.node.notices,
            notifiers={"push": lambda: self.woken.append("push")},
            clock=self.clock,
            random=random.Random(5),  # noqa: S311 - of back-off
            log=world.log,
        )

    def events(self, name: str) -> int:
        return self.world.log.events.count(name)


def kept(name: str) -> Notification:
    return Notification(id=name, type="t", title="", body="", data={}, priority=1, at=0)


@asynccontextmanager
async def open_routing() -> AsyncIterator[Routing]:
    async with open_world() as world:
        world.add_people("ann", "bob")
        routing = Routing(world)
        world.nursery.start_soon(routing.router.run)
        yield routing


async def test_what_is_due_is_shown_at_once_and_what_is_not_when_it_is(autojump_clock):
    async with open_routing() as it:
        ann = await it.world.connect("ann")
        later = int((trio.current_time() + 5.3) * 1000)
        it.small.due()
        it.small.due(at=later)
        it.router.wake()
        await trio.sleep(0.01)
        assert [each.id for each in ann.of(Notification)] == ["n1"]
        await trio.sleep(5.2)
        assert len(ann.of(Notification)) == 1
        await trio.sleep(0.1)
        assert [each.id for each in ann.of(Notification)] == ["n1", "n2"]
        assert it.router.figures.decided == {("go", ""): 2} and it.router.figures.shown == 2


async def test_what_another_node_took_in_is_found_soon(autojump_clock):
    async with open_routing() as it:
        await trio.sleep(10)
        assert len(it.queue.calls) <= 11, "an idle node looks once a second"
        it.small.due()
        await trio.sleep(1.1)
        assert it.small.decided == {1: ("go", "")}


async def test_much_is_decided_in_batches_without_a_rest(autojump_clock):
    async with open_routing() as it:
        it.small.due(1_050)
        it.router.wake()
        await trio.sleep(0.01)
        assert it.small.waiting == {} and it.router.figures.shown == 1_050
        assert [len(asked) for asked in it.rules.asked] == [200] * 5 + [50]


async def test_a_clock_that_jumps_is_noticed_within_a_second(autojump_clock):
    async with open_routing() as it:
        it.clock.ahead_s = 30 * 86_400.0
        it.small.due(at=it.clock.now_ms() + 3_600_000)
        it.router.wake()
        await trio.sleep(10)
        it.clock.ahead_s -= 7 * 86_400
        await trio.sleep(10)
        assert it.small.decided == {}
        it.clock.ahead_s += 7 * 86_400 + 3_600
        await trio.sleep(1.1)
        assert it.small.decided == {1: ("go", "")}


class Held(SmallQueue):
    """What is due is in the hands of another node."""

    async def place(self, decide: Decide, *, now: Millis, most: int) -> Placed:
        await trio.lowlevel.checkpoint()
        return Placed(0, (), now, frozenset())


async def test_what_another_node_holds_is_not_asked_for_without_a_rest(autojump_clock):
    async with open_routing() as it:
        it.queue.inner, before = Held(), len(it.queue.calls)
        await trio.sleep(2)
        assert 15 <= len(it.queue.calls) - before <= 41


async def test_an_outage_is_waited_out_without_a_storm_and_told_of_twice(autojump_clock):
    async with open_routing() as it:
        ann = await it.world.connect("ann")
        await trio.sleep(3)
        it.queue.away, before = StoreUnavailable("away"), len(it.queue.calls)
        it.small.due()
        for _ in range(600):
            it.router.wake()
            await trio.sleep(0.1)
        assert 8 <= len(it.queue.calls) - before <= 60 and it.router.is_away
        assert it.events("notifications_postponed") == 1
        it.queue.away = None
        await trio.sleep(10.6)
        assert [each.id for each in ann.of(Notification)] == ["n1"]
        assert it.events("notifications_go_on") == 1 and not it.router.is_away
        it.queue.fail_next["place"] = [StoreUnavailable("again")]
        await trio.sleep(3)
        assert it.events("notifications_postponed") == 2
        assert it.events("notifications_go_on") == 2


async def test_what_was_perhaps_stored_is_shown_after_all(autojump_clock):
    async with open_routing() as it:
        ann, stream = await it.world.connect("ann"), it.world.node.feed.open(1)
        it.queue.lose_next["place"] = [OutcomeUnknown("lost")]
        it.small.due()
        it.world.notifications.add(1, kept("n1"))
        it.router.wake()
        await trio.sleep(3)
        assert [each.id for each in ann.of(Notification)] == ["n1"]
        assert it.small.decided == {1: ("go", "")}
        with pytest.raises(trio.EndOfChannel):
            await stream.receive()


async def test_an_outage_for_certain_shows_nothing_again(autojump_clock):
    async with open_routing() as it:
        ann = await it.world.connect("ann")
        it.world.notifications.add(1, kept("old"))
        it.queue.fail_next["place"] = [StoreUnavailable("away")]
        it.router.wake()
        await trio.sleep(3)
        assert ann.of(Notification) == []


async def test_what_nobody_foresaw_ends_nothing_and_makes_no_storm(autojump_clock):
    async with open_routing() as it:
        it.queue.fail_next["place"] = [ValueError("a row")] * 4
        it.small.due()
        for _ in range(300):
            it.router.wake()
            await trio.sleep(0.1)
        assert it.small.decided == {1: ("go", "")}
        assert it.events("notifications_failed") == 4


async def test_a_leg_that_cannot_be_decided_holds_up_nobody_else(autojump_clock):
    async with open_routing() as it:
        it.small.due(2, recipient_no=1)
        it.small.due(3, recipient_no=2)
        it.rules.raises = {2}
        it.router.wake()
        await trio.sleep(0.1)
        assert sorted(it.small.decided) == [3, 4, 5]
        assert it.router.figures.decided == {("go", ""): 3, ("hold", "error"): 2}
        it.rules.raises = set()
        await trio.sleep(301)
        assert sorted(it.small.decided) == [1, 2, 3, 4, 5]


async def test_a_leg_that_cannot_be_read_holds_up_nobody_else(autojump_clock):
    async with open_routing() as it:
        it.small.due(fault="Expected `bool`")
        it.small.due(2)
        it.router.wake()
        await trio.sleep(0.1)
        assert it.small.decided == {2: ("go", ""), 3: ("go", "")}
        assert it.router.figures.decided == {("go", ""): 2, ("hold", "error"): 1}
        assert it.events("notification_unreadable") == 1 and it.rules.asked == [[2, 3]]
        await trio.sleep(301)
        assert it.events("notification_unreadable") == 2


async def test_what_can_never_be_decided_expires(autojump_clock):
    async with open_routing() as it:
        [no] = it.small.due(fault="Expected `bool`", held_since=Millis(0))
        it.clock.ahead_s = HELD_MOST_MS / 1000
        it.router.wake()
        await trio.sleep(1.1)
        assert it.small.decided == {no: ("expire", "expired")}


async def test_notifiers_of_ready_platforms_are_woken_and_others_get_nothing(autojump_clock):
    async with open_routing() as it:
        it.small.due(2, platform="push", endpoints=(1,))
        it.small.due(platform="kakao", endpoints=(2,))
        it.router.wake()
        await trio.sleep(0.1)
        assert it.woken == ["push"]
        assert it.small.decided == {1: ("go", ""), 2: ("go", ""), 3: ("skip", "no_provider")}
        assert it.rules.asked == [[1, 2]]


async def test_how_late_it_is_can_be_seen(autojump_clock):
    async with open_routing() as it:
        await trio.sleep(2)
        figures = it.router.figures
        it.small.due(at=int((trio.current_time() + 1) * 1000))
        it.router.wake()
        await trio.sleep(0.1)
        assert figures.lag_s(it.clock.now_ms()) == 0
        it.queue.away = StoreUnavailable("away")
        await trio.sleep(40.9)
        assert figures.lag_s(it.clock.now_ms()) == pytest.approx(40, abs=0.1)
        it.queue.away = None
        await trio.sleep(11)
        assert figures.lag_s(it.clock.now_ms()) == 0
        assert sum(figures.waits.counts) == 1 and 40 < figures.waits.seconds < 52


async def test_the_wait_after_a_failure_grows(autojump_clock):
    async with open_routing() as it:
        await trio.sleep(1)
        before = len(it.queue.calls)
        it.queue.away = StoreUnavailable("away")
        await trio.sleep(300)
        times = [at for _, _, at in it.queue.calls[before:]]
        waits = [b - a for a, b in pairwise(times)]
        assert max(waits) <= 10.1 and max(waits[-10:]) > 4 and min(waits) >= 0.05
