"""Notifications on two nodes to whom anything may happen, on virtual time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import Any

import trio
from campaign_faults import FaultLog
from notifier_world import FaultyQueue, VirtualClock

from actors.batcher import Batcher
from actors.notices import Notices
from actors.notification_feed import NotificationFeed
from actors.notification_records import (
    Attempt,
    NewNotification,
    OutgoingNotification,
    Outside,
    Platform,
    Preferences,
)
from actors.notification_router import NotificationRouter
from actors.notifier import NotifierActor
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.rules.routing import RoutingLimits, decide
from actors.sessions import Sessions
from protocol.ids import Millis, UserId
from protocol.notices import Notification
from server.memory.journal import MemoryLog
from server.memory.notification_queue import MemoryNotificationQueue
from server.memory.notification_rows import PENDING, MemoryEndpoint
from server.memory.notifications import MemoryNotifications

ANSWERS = {
    "sent": (True, Attempt(kind="sent", provider_ref="p")),
    "refused": (False, Attempt(kind="refused", reason="provider_refused")),
    "again": (False, Attempt(kind="again", reason="provider_error")),
    "limited": (
        False,
        Attempt(kind="again", reason="limited", retry_after_ms=7_000, of_all=True),
    ),
    "taken, but unknown": (True, Attempt(kind="unknown", reason="no_answer")),
    "not taken, but unknown": (False, Attempt(kind="unknown", reason="bad_answer")),
}
"""What a provider may do: whether it takes the message, and what is heard of it."""
OUTSIDE: tuple[Outside, ...] = ("push", "discord")
ALL: tuple[Platform, ...] = ("web", *OUTSIDE)
CALLS = ("place", "begin", "record")
PEOPLE, FOLLOWED = (1, 2, 3), 1
DIGEST = RoutingLimits(digest_ms=20_000, per_hour={"push": 60})
WANTED = {
    "anything": Preferences(),
    "nothing for now": Preferences(dnd=True),
    "no reminders": Preferences(types={"calendar.reminder": False}),
}


class Listed(MemoryNotifications):
    """Counts what was ever shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: Counter[str] = Counter()

    def add(self, user_no: int, notification: Notification) -> None:
        super().add(user_no, notification)
        self.shown[notification.id] += 1

    def unread(self, user_no: int) -> set[str]:
        return set(self._unseen.get(user_no, ()))


class Store(MemoryNotificationQueue):
    """Everybody has two browsers that get pushes, and discord."""

    def __init__(self) -> None:
        log, self.listed = MemoryLog(), Listed()
        super().__init__(log, self.listed)
        for no in PEOPLE:
            log.add_user(no, UserId(f"user-{no}"))
            for platform in ("push", *OUTSIDE):
                number = len(self.endpoints) + 1
                self.endpoints[number] = MemoryEndpoint(no, platform)  # type: ignore[arg-type]


class FickleProvider:
    """Answers by what is asked for, and for which time, so that no order of calls changes it."""

    def __init__(self, store: Store) -> None:
        self.kinds: Sequence[str] = ["sent"]
        self.took_s = 0.1
        self.asked: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._store = store

    async def send(self, message: OutgoingNotification) -> Attempt:
        self.asked[message.id] += 1
        turn = message.leg_no + self.asked[message.id]
        is_taken, attempt = ANSWERS[self.kinds[turn % len(self.kinds)]]
        if message.take_back is None:
            self._judge(message)
            self.accepted[message.id] += is_taken
        elif attempt.kind == "sent":
            attempt = Attempt(kind="withdrawn")
        await trio.sleep(self.took_s)
        return attempt

    def _judge(self, message: OutgoingNotification) -> None:
        leg = self._store.legs[message.leg_no]
        if leg.state != "leased" or leg.note.seen_at is not None:
            self.wrong.append(f"{message} is sent, but {leg.state}, seen {leg.note.seen_at}")


class PlayNode:
    """One of the nodes: it is started again whenever it ends. Somebody follows it by a stream."""

    def __init__(self, play: NotificationPlay, seed: int) -> None:
        self.clock = VirtualClock(86_400.0)
        self.seen: set[str] = set()
        self._play, self._seed = play, seed
        self._scope = trio.CancelScope()
        self._make()

    def _make(self) -> None:
        play = self._play
        around: Any = {
            "clock": self.clock,
            "random": random.Random(self._seed),  # noqa: S311 - of back-off
            "log": play.log,
        }
        self.feed = NotificationFeed()
        self.notifiers = {
            platform: NotifierActor(
                platform,
                play.queue,
                play.provider,
                next_turn=lambda: self.router.wake(),  # noqa: PLW0108 - which is made below
                new_lease=lambda: next(play.leases),
                at_once=4,
                **around,
            )
            for platform in OUTSIDE
        }
        self.router = NotificationRouter(
            play.queue,
            partial(decide, online=lambda _: False, limits=DIGEST),
            notices=self._notices(),
            notifiers={name: each.wake for name, each in self.notifiers.items()},
            **around,
        )

    def _notices(self) -> Notices:
        log = self._play.log
        nobody: Any = Batcher(lambda _: {}, turn_ended=lambda: None, log=log)  # type: ignore[arg-type,return-value]
        return Notices(
            Sessions(most_per_user=1),
            feed=self.feed,
            unseen=nobody,
            seen=nobody,
            turn_ended=lambda: None,
            log=log,
        )

    async def run(self) -> None:
        while True:
            with trio.CancelScope() as self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.router.run)
                    nursery.start_soon(self._follow)
                    for each in self.notifiers.values():
                        nursery.start_soon(each.run)
            await trio.sleep(self._play.down_s)
            self._make()  # whatever was drained while it was down was of before

    async def _follow(self) -> None:
        """As a client of server-sent events does: what it missed, then what comes, and again."""
        while True:
            async with self.feed.open(FOLLOWED) as stream:
                self.seen |= self._play.store.listed.unread(FOLLOWED)
                async for told in stream:
                    if isinstance(told, Notification):
                        self.seen.add(told.id)
            await trio.sleep(1)

    async def drain(self) -> None:
        """It stops in good order, and is started again."""
        async with trio.open_nursery() as nursery:
            for each in self.notifiers.values():
                nursery.start_soon(each.drain)
        self._scope.cancel()

    def kill(self) -> None:
        self._scope.cancel()


class NotificationPlay:
    """What may be done to notifications, by the names of the rules. Nodes are told by number."""

    def __init__(self, nursery: trio.Nursery, store: Store) -> None:
        self._nursery, self.store = nursery, store
        self.queue, self.provider = FaultyQueue(store), FickleProvider(store)
        self.log, self.leases, self._ids = FaultLog(), count(1), count(1)
        self.down_s = 0.0
        self.nodes = [PlayNode(self, seed) for seed in (1, 2)]

    # ---- what people do

    async def send(self, *, number: int, later: int, ttl: int | None, **fields: Any) -> None:
        now = self.nodes[0].clock.now_ms()
        at = Millis(now + 1000 * later)
        given = {"unread_after_ms": 30_000, "dedupe_key": None, "created_at": now, **fields}
        await self.store.enqueue(
            [
                NewNotification(
                    id=f"n-{next(self._ids)}",
                    recipient_no=PEOPLE[turn % len(PEOPLE)],
                    sender_no=None,
                    title="t",
                    message="m",
                    data={},
                    scheduled_at=at,
                    expires_at=None if ttl is None else Millis(at + 1000 * ttl),
                    **given,
                )
                for turn in range(number)
            ]
        )
        self.nodes[0].router.wake()

    async def reads(self, *, user: int) -> None:
        """Somebody has seen all that is listed."""
        ids = tuple(sorted(self.store.listed.unread(user)))
        await self.store.listed.seen([(user, ids)], at=self.nodes[0].clock.now_ms())

    async def wants(self, *, user: int, platform: Platform, what: str) -> None:
        now = self.nodes[0].clock.now_ms()
        self.store.want(user, platform, WANTED[what], at=now)

    # ---- what happens to nodes

    async def kill(self, *, node: int, down_s: float) -> None:
        self.down_s = down_s
        self.nodes[node].kill()

    async def drain(self, *, node: int) -> None:
        await self.nodes[node].drain()

    async def clock_jumps(self, *, node: int, by_s: float) -> None:
        self.nodes[node].clock.ahead_s += by_s

    async def another_takes(self, *, ahead_s: float) -> None:
        """A third node, which is never heard of again, and whose clock may be wrong."""
        now = Millis(self.nodes[0].clock.now_ms() + int(ahead_s * 1000))
        lease, until = next(self.leases), Millis(now + 120_000)
        await self.store.begin("push", now=now, until=until, most=2, lease=lease)

    # ---- what happens to others

    async def store_away(self, *, for_s: float) -> None:
        self._nursery.start_soon(self._away, for_s)

    async def _away(self, for_s: float) -> None:
        self.queue.away = StoreUnavailable("away")
        await trio.sleep(for_s)
        self.queue.away = None

    async def store_slow(self, *, call: str, by_s: float, for_s: float) -> None:
        self._nursery.start_soon(self._slow, call, by_s, for_s)

    async def _slow(self, call: str, by_s: float, for_s: float) -> None:
        self.queue.slow[call] = by_s
        await trio.sleep(for_s)
        self.queue.slow.pop(call, None)

    async def store_fails(self, *, call: str, times: int, is_done: bool) -> None:
        """The next calls: before anything is done, or with only the answer lost."""
        if is_done:
            self.queue.lose_next[call] = [OutcomeUnknown(call)] * times
        else:
            self.queue.fail_next[call] = [StoreUnavailable(call)] * times

    async def provider_answers(self, *, kinds: Sequence[str], took_s: float) -> None:
        self.provider.kinds, self.provider.took_s = kinds, took_s

    # ---- what must hold

    def check(self) -> None:
        """At any time."""
        provider, store = self.provider, self.store
        assert not provider.wrong, provider.wrong
        assert max(provider.accepted.values(), default=0) <= 1, provider.accepted
        assert max(store.listed.shown.values(), default=0) <= 1, store.listed.shown
        for leg in store.legs.values():
            is_sent = leg.platform != "web" and leg.state in ("sent", "withdraw", "withdrawn")
            message = f"{leg.note.new.id}-{leg.endpoint_no}"
            assert provider.accepted[message] or not is_sent, f"{message} was not"
        assert not self.log.faults, self.log.faults

    async def end(self) -> None:
        """Nothing fails any more: all comes to its end, and what is listed was told by one node."""
        queue = self.queue
        queue.away, queue.fail_next, queue.lose_next, queue.slow = None, {}, {}, {}
        self.provider.kinds, self.provider.took_s, self.down_s = ["sent"], 0.1, 0.0
        await trio.sleep(NotifierActor.SEND_S + 5)  # whatever is under way is heard of
        for node in self.nodes:
            node.clock.ahead_s = 86_400 + 3_600
        for user in PEOPLE:
            for platform in ALL:
                await self.wants(user=user, platform=platform, what="anything")
        with trio.move_on_after(2_000):
            while self._left():
                await trio.sleep(5)
                self.check()
        await trio.sleep(5)
        self.check()
        assert not self._left(), self._left()
        assert not [each for each in self.store.notes.values() if each.status == "pending"]
        told = self.nodes[0].seen | self.nodes[1].seen
        assert self.store.listed.unread(FOLLOWED) <= told

    def _left(self) -> list[object]:
        return [leg for leg in self.store.legs.values() if leg.state in PENDING | {"withdraw"}]


@asynccontextmanager
async def open_play(store: Store) -> AsyncIterator[NotificationPlay]:
    async with trio.open_nursery() as nursery:
        play = NotificationPlay(nursery, store)
        for node in play.nodes:
            nursery.start_soon(node.run)
        yield play
        nursery.cancel_scope.cancel()
