"""Campaigns on virtual time: a ledger in memory, a provider that does what it is told."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
from msgspec import structs
from remembering_log import RememberingLog

from actors.campaign import CampaignActor
from actors.campaign_channels import CampaignSurroundings
from actors.campaign_gate import LocalRate
from actors.campaign_numbers import CampaignNumbers
from actors.campaign_records import Arrived, Begun, Counts, Delivered, Job, Page, Result
from actors.message_records import Outcome, OutgoingMessage
from actors.rules.age_groups import AgeGroup
from actors.rules.campaign_states import SETTLED, TERMINAL, JobStatus
from protocol.ids import Millis, UserId
from protocol.notices import Progress
from server.memory.campaigns import KnownRecipient, MemoryCampaigns, MemoryJob
from server.memory.journal import MemoryLog

SERVICE = 10**6


class VirtualClock:
    def now_ms(self) -> Millis:
        return Millis(int(trio.current_time() * 1000))


@dataclass(slots=True, kw_only=True)
class KeptJob(MemoryJob):
    """With all that was told of it on the way."""

    is_ramped: bool = False
    reason: str = ""
    told: list[Counts] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def statuses(self) -> dict[str, int]:
        return dict(Counter(row.status.value for row in self.ledger.values()))

    def is_settled(self) -> bool:
        return all(row.status in SETTLED for row in self.ledger.values())


class Ledger(MemoryCampaigns):
    """``fail_next`` are raised by the next calls of a method instead, ``lose_next`` after them,
    ``away`` by all; ``slow`` is what each takes, in seconds.
    """

    def __init__(self) -> None:
        log = MemoryLog()
        log.add_user(SERVICE, UserId("madang"))
        super().__init__(log, service_no=SERVICE)
        self.calls: list[tuple[str, int, float]] = []  # method, recipients, when
        self.under_way: Counter[str] = Counter()
        self.most_under_way: Counter[str] = Counter()
        self.fail_next: dict[str, list[Exception]] = {}
        self.lose_next: dict[str, list[Exception]] = {}
        self.slow: dict[str, float] = {}
        self.away: Exception | None = None

    def make(self, people: int, *, first: int = 1, estimate: int | None = None, **job: Any) -> Any:
        """A job for users from *first* on, who are made for it."""
        audience = list(range(first, first + people))
        for no in audience:
            self.people.setdefault(no, KnownRecipient(phone=f"010{no}"))
            self._log.add_user(no, UserId(f"user-{no}"))
        number = len(self.jobs) + 1
        told = Counts(people if estimate is None else estimate, 0, 0, 0, 0)
        given = {"channel": "in_app", "audience": audience, "counts": told} | job
        self.jobs[number] = made = KeptJob(
            job_no=number, job_id=f"job-{number}", message="hi", group=AgeGroup.TEENS, **given
        )
        return made

    def leave_out(self, *user_nos: int) -> None:
        """They block the service, and have no phone."""
        for no in user_nos:
            self._log.blocks[no, SERVICE] = None
            self.people[no].phone = None

    def put_to_bed(self, *user_nos: int) -> None:
        """It is night where they are until 3,600 s, and they get no advertising then."""
        for no in user_nos:
            self.people[no].zone = "Asia/Bangkok"

    def named(self, name: str) -> list[int]:
        return [count for called, count, _ in self.calls if called == name]

    @asynccontextmanager
    async def _call(self, name: str, count: int = 0) -> AsyncIterator[None]:
        self.calls.append((name, count, trio.current_time()))
        self.under_way[name] += 1
        self.most_under_way[name] = max(self.most_under_way[name], self.under_way[name])
        try:
            await trio.sleep(self.slow.get(name, 0.0))
        finally:
            self.under_way[name] -= 1
        if self.away is not None:
            raise self.away
        if self.fail_next.get(name):
            raise self.fail_next[name].pop(0)
        yield
        if self.lose_next.get(name):
            raise self.lose_next[name].pop(0)

    async def lease(self, *, now: Millis, until: Millis, most: int) -> Sequence[Job]:
        async with self._call("lease"):
            found = await super().lease(now=now, until=until, most=most)
        for each in found:
            self.jobs[each.job_no].states.append(each.status.value)
        return [structs.replace(each, is_ramped=self.jobs[each.job_no].is_ramped) for each in found]

    async def renew(self, job: Job, *, until: Millis) -> None:
        async with self._call("renew"):
            await super().renew(job, until=until)

    async def let_go(self, job: Job) -> None:
        async with self._call("let_go"):
            await super().renew(job, until=Millis(0))

    async def move(self, job: Job, to: JobStatus, *, at: Millis, reason: str = "") -> JobStatus:
        async with self._call("move"):
            moved = await super().move(job, to, at=at, reason=reason)
            kept = self.jobs[job.job_no]
            kept.reason = reason
            kept.states.append(moved.value)
            if moved in TERMINAL:
                kept.told.append(kept.counts)
            return moved

    async def read(self, job: Job, *, most: int, at: Millis) -> Page:
        async with self._call("read", most):
            return await super().read(job, most=most, at=at)

    async def waiting(self, job: Job, *, after: int, now: Millis, most: int) -> Sequence[int]:
        async with self._call("waiting"):
            return await super().waiting(job, after=after, now=now, most=most)

    async def next_due(self, job: Job) -> Millis | None:
        async with self._call("next_due"):
            return await super().next_due(job)

    async def deliver(
        self, job: Job, user_nos: Sequence[int], *, watching: Collection[int], at: Millis
    ) -> Delivered:
        async with self._call("deliver", len(user_nos)):
            return await super().deliver(job, user_nos, watching=watching, at=at)

    async def begin(self, job: Job, user_nos: Sequence[int], *, at: Millis, until: Millis) -> Begun:
        async with self._call("begin", len(user_nos)):
            return await super().begin(job, user_nos, at=at, until=until)

    async def record(self, job: Job, results: Sequence[Result], *, at: Millis) -> None:
        async with self._call("record", len(results)):
            await super().record(job, results, at=at)

    async def add(self, job: Job, counts: Counts) -> None:
        async with self._call("add"):
            await super().add(job, counts)
            self.jobs[job.job_no].told.append(counts)


class Provider:
    """Takes every message, unless ``answers`` says otherwise of its recipient (by number)."""

    def __init__(self) -> None:
        self.answers: Callable[[int, int], Outcome | None] = lambda _no, _attempt: None
        self.sent: list[tuple[float, int]] = []
        self.accepted: Counter[int] = Counter()
        self.attempts: Counter[int] = Counter()
        self.took_s = 0.0
        self.at_once = self.most_at_once = 0

    async def send(self, message: OutgoingMessage) -> Outcome:
        no = int(message.to.removeprefix("010"))
        self.attempts[no] += 1
        self.sent.append((trio.current_time(), no))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        answer = self.answers(no, self.attempts[no]) or Outcome(kind="sent", provider_id=f"p{no}")
        if answer.kind in {"sent", "unknown"}:
            self.accepted[no] += 1
        try:
            await trio.sleep(self.took_s)
        finally:
            self.at_once -= 1
        return answer


class Audience:
    """Who is connected, by number, and what they were shown."""

    def __init__(self) -> None:
        self.here: set[int] = set()
        self.shown: list[Arrived] = []

    def watching(self, user_nos: Sequence[int]) -> Collection[int]:
        return self.here.intersection(user_nos)

    def arrived(self, arrived: Sequence[Arrived]) -> None:
        self.shown.extend(arrived)


class CampaignWorld:
    """One node's campaigns, and everything outside them."""

    def __init__(
        self, nursery: trio.Nursery, numbers: CampaignNumbers, rate: float, *, provider: bool
    ) -> None:
        self.nursery = nursery
        self.store, self.provider, self.audience = Ledger(), Provider(), Audience()
        self.log, self.progress = RememberingLog(), list[Progress]()
        self.alerts: list[tuple[str, str, dict[str, object]]] = []
        self.numbers, self.rate = numbers, LocalRate(rate)
        self.commits = 0  # of the chat
        self._has_provider = provider
        self.actor = self.another()

    def another(self) -> CampaignActor:
        """Another node with the same store."""
        around = CampaignSurroundings(
            audience=self.audience,
            provider=self.provider if self._has_provider else None,
            rate=self.rate,
            commits=lambda: self.commits,
            progress=self.progress.append,
            alert=lambda key, event, **data: self.alerts.append((key, event, data)),
            clock=VirtualClock(),
            random=random.Random(7),  # noqa: S311 - of back-off
            log=self.log,
        )
        return CampaignActor(self.store, around, numbers=self.numbers)

    async def over(self, *jobs: KeptJob, within: float = 600) -> None:
        """Until all of *jobs* are over."""
        with trio.fail_after(within):
            while not all(job.status in TERMINAL for job in jobs):  # noqa: ASYNC110 - a look
                await trio.sleep(0.05)


@asynccontextmanager
async def open_campaigns(
    numbers: CampaignNumbers | None = None, *, rate: float = 0, provider: bool = True
) -> AsyncIterator[CampaignWorld]:
    async with trio.open_nursery() as nursery:
        world = CampaignWorld(nursery, numbers or CampaignNumbers(), rate, provider=provider)
        nursery.start_soon(world.actor.run)
        yield world
        nursery.cancel_scope.cancel()
