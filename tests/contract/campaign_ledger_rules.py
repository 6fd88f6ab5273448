"""What may be asked of campaigns and of their ledger, in any order: the same of two of them."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from typing import Any

import trio
from campaign_store_world import (
    ADMIN,
    AGAIN,
    MINUTE,
    NOON,
    REFUSED,
    SENT,
    UNKNOWN,
)
from campaign_watch import Standing, Watch
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from actors.campaign_ports import LeaseLost
from actors.campaign_records import Counts, Job, Result
from actors.rules.campaign_states import RUNNING, JobStatus, RecipientStatus
from protocol.errors import ProtocolError
from protocol.ids import Millis

JOBS_MOST = 3
JOBS = st.integers(0, JOBS_MOST - 1)
USERS = st.integers(1, ADMIN - 1)
EVERYBODY = list(range(1, ADMIN))
PEOPLE = st.sampled_from(
    [EVERYBODY[:5], EVERYBODY[5:], EVERYBODY, EVERYBODY[2:7], EVERYBODY[::2], [1, 10]]
)
CLOCKS = st.sampled_from([0, 0, 0, 0, -2 * MINUTE, 2 * MINUTE])
"""By how much a node's is wrong."""
FEW = st.lists(USERS, min_size=1, max_size=3, unique=True)
LEASES = st.sampled_from([0, 0, 0, 1, -1, -2, -3])
"""Whose: of those who have a job (for results: with whom somebody is), or, below zero, had one."""
MOVES = [to for to in JobStatus if to not in (JobStatus.CREATED, JobStatus.SCHEDULED)]
COUNTS = st.lists(st.integers(0, 3), min_size=5, max_size=5)
OUTCOMES = st.lists(
    st.tuples(
        st.sampled_from([AGAIN, SENT, REFUSED, UNKNOWN]), st.sampled_from([5, 0, MINUTE, None])
    ),
    min_size=1,
    max_size=4,
)
"""Of one recipient after the other, with the wait before the next attempt."""
JOB = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["http", "in_app"]),
        "priority": st.integers(1, 4),
        "advertising": st.booleans(),
    }
)


class Ledgers(RuleBasedStateMachine):
    """The same is asked of both *worlds*, from a thread of its own."""

    def __init__(self, *worlds: Any) -> None:
        super().__init__()
        self.worlds, self.watch = worlds, Watch()
        self.now, self.jobs = NOON, list[str]()
        self.leases = list[Job]()
        self.kept: dict[str, Any] = {}
        self.told: Any = None

    def _both(self, ask: Any) -> Any:
        return trio.from_thread.run(self._ask_both, ask)

    async def _ask_both(self, ask: Any) -> Any:
        told = [await said(ask, world) for world in self.worlds]
        assert told[0] == told[1]
        self.kept, kept = [await world.kept() for world in self.worlds]
        assert self.kept == kept
        for name, job in self.kept.items():
            ledger = {no: (row.status, row.attempt) for no, row in job.ledger.items()}
            now = Standing(job.status, job.lease, job.counts, job.is_read, ledger)
            self.watch.look(name, now)
        return told[0]

    def _by(self, number: int, ask: Any) -> Any:
        """As the holder of a lease, or as who has lost it: then nothing is done."""
        lease, before = self._lease(number), self.kept
        has = self._has(lease)
        told = self._both(partial(ask, lease))
        assert (told is not LeaseLost) is has
        assert has or self.kept == before
        return told

    def _lease(self, number: int) -> Job:
        """Of who has a job, or, where the *number* is below zero, of who has lost it."""
        return self._one_of([each for each in self.leases if self._has(each)], number)

    def _has(self, lease: Job) -> bool:
        job = self.kept[lease.job_id]
        return job.lease == lease.lease and job.status in RUNNING

    def _one_of(self, some: list[Job], number: int) -> Job:
        lost = [each for each in self.leases if not self._has(each)]
        chosen = (some if number >= 0 else lost) or self.leases
        return chosen[number % len(chosen)]

    def _under_way(self, lease: Job) -> list[int]:
        """With whom the holder of a lease is."""
        rows = self.kept[lease.job_id].ledger.items()
        is_his = (RecipientStatus.LEASED, lease.lease)
        return [who for who, row in rows if (row.status, row.lease) == is_his]

    # ---- what admins and users do

    @initialize(jobs=st.lists(JOB, min_size=1, max_size=2), is_lost=st.booleans())
    def begun(self, jobs: list[dict[str, Any]], is_lost: bool) -> None:
        """All have agreed to advertising, and some jobs are under way, perhaps elsewhere by now."""
        for user in EVERYBODY:
            self._both(lambda world, user=user: world.consent(user))
        for fields in jobs:
            self._make(**fields, later=0)
        self.lease(wrong=0, most=2)
        for number in range(len(jobs)):
            self.read(lease=number, wrong=0, after=0, most=8)
        if is_lost:
            self.lease(wrong=2 * MINUTE, most=2)

    @precondition(lambda self: len(self.jobs) < JOBS_MOST)
    @rule(fields=JOB, later=st.sampled_from([0, 0, MINUTE]))
    def another(self, fields: dict[str, Any], later: int) -> None:
        self._make(**fields, later=later)

    def _make(self, later: int, **fields: Any) -> None:
        self.jobs.append(f"j{len(self.jobs) + 1}")
        fields |= {"at": self.now, "start_at": Millis(self.now + later)}
        self._both(lambda world: world.job(self.jobs[-1], **fields))

    @precondition(lambda self: len(self.jobs) < JOBS_MOST and self._some_failed())
    @rule(job=JOBS)
    def resend(self, job: int) -> None:
        of_job, new = self.jobs[job % len(self.jobs)], f"j{len(self.jobs) + 1}"
        told = self._both(lambda world: world.job(new, of_job=of_job, at=self.now))
        if told is not ProtocolError:
            self.jobs.append(new)

    def _some_failed(self) -> bool:
        return any(job.counts.failure for job in self.kept.values())

    @precondition(lambda self: self.jobs)
    @rule(job=JOBS, what=st.sampled_from(["pause", "resume", "cancel", "cancel", "schedule"]))
    def step(self, job: int, what: str) -> None:
        name = self.jobs[job % len(self.jobs)]
        more = {"start_at": Millis(self.now + MINUTE)} if what == "schedule" else {}
        self._both(lambda world: getattr(world, what)(name, **more))

    @rule(user=USERS, what=st.sampled_from(["agree", "opt out", "suspended", "active", "block"]))
    def says(self, user: int, what: str) -> None:
        if what == "block":
            self._both(lambda world: world.block(user))
        elif what in ("suspended", "active"):
            self._both(lambda world: world.person(user, status=what))
        else:
            self._both(lambda world: world.consent(user, given=what == "agree"))

    @rule(by=st.sampled_from([1, 10_000, 3 * MINUTE, 600 * MINUTE]))
    def time_passes(self, by: int) -> None:
        self.now = Millis(self.now + by)

    # ---- what nodes do

    @precondition(lambda self: self.jobs)
    @rule(wrong=st.sampled_from([2 * MINUTE, 0, -2 * MINUTE]), most=st.integers(1, 3))
    def lease(self, wrong: int, most: int) -> None:
        now = Millis(self.now + wrong)
        until = Millis(now + MINUTE)
        self.leases += self._both(lambda world: world.leased(now, until=until, most=most))

    @precondition(lambda self: self.leases)
    @rule(lease=LEASES, wrong=CLOCKS, is_let_go=st.booleans(), counts=COUNTS)
    def keep(self, lease: int, wrong: int, is_let_go: bool, counts: list[int]) -> None:
        until = Millis(0 if is_let_go else self.now + wrong + MINUTE)
        self._by(lease, lambda job, world: world.store.add(job, Counts(*counts)))
        self._by(lease, lambda job, world: world.store.renew(job, until=until))

    @precondition(lambda self: self.leases)
    @rule(lease=LEASES, to=st.sampled_from(MOVES))
    def move(self, lease: int, to: JobStatus) -> None:
        self._by_or_done(lease, to)

    def _by_or_done(self, number: int, to: JobStatus) -> None:
        lease = self._lease(number)
        before = self.kept[lease.job_id]
        is_done = before.lease == lease.lease and before.status is to
        told = self._both(lambda world: world.store.move(lease, to, at=self.now))
        assert not is_done or (told is to and self.kept[lease.job_id] == before)

    @precondition(lambda self: self.leases)
    @rule(lease=LEASES, wrong=CLOCKS, after=st.sampled_from([0, 4]), most=st.sampled_from([12, 3]))
    def read(self, lease: int, wrong: int, after: int, most: int) -> None:
        now = Millis(self.now + wrong)
        self._by(lease, lambda job, world: world.store.read(job, most=most, at=now))
        self._by(lease, lambda job, world: world.waiting(job, after=after, now=now, most=most))
        self._by(lease, lambda job, world: world.store.next_due(job))

    @precondition(lambda self: self.leases)
    @rule(lease=LEASES, people=FEW, wrong=CLOCKS)
    def deliver(self, lease: int, people: list[int], wrong: int) -> None:
        now = Millis(self.now + wrong)
        self._by(lease, lambda job, world: world.deliver(job, *people, at=now))
        found = self._both(lambda world: world.messages())
        assert len(found) == len(set(found))
        assert {(who, f"campaign-{name}") for name, who in self._delivered()} == set(found)

    def _delivered(self) -> set[tuple[str, int]]:
        return {
            (name, who)
            for name, job in self.kept.items()
            for who, row in job.ledger.items()
            if row.status is RecipientStatus.DELIVERED
        }

    @precondition(lambda self: self.leases)
    @rule(lease=LEASES, people=PEOPLE, wrong=CLOCKS, lasts=st.sampled_from([9 * MINUTE, MINUTE]))
    def begin(self, lease: int, people: list[int], wrong: int, lasts: int) -> None:
        at, until = Millis(self.now + wrong), Millis(self.now + wrong + lasts)
        self._by(lease, lambda job, world: world.begin(job, *people, at=at, until=until))

    @precondition(lambda self: self.leases)
    @rule(lease=st.integers(0, 1), wrong=CLOCKS, people=PEOPLE, outcomes=OUTCOMES)
    def record(self, **how: Any) -> None:
        self._record(**how)

    @precondition(lambda self: self.leases)
    @rule(lease=st.integers(-3, -1), wrong=CLOCKS, people=PEOPLE, outcomes=OUTCOMES)
    def record_late(self, **how: Any) -> None:
        """By who has lost his job."""
        self._record(**how)

    def _record(self, lease: int, wrong: int, people: list[int], outcomes: list[Any]) -> None:
        """Twice, as who does not know whether he was heard."""
        some = [each for each in self.leases if self._under_way(each)]
        job, at = self._one_of(some, lease), Millis(self.now + wrong)
        results = [
            Result(who, outcome, None if wait is None else Millis(at + wait))
            for who, (outcome, wait) in zip(people, cycle(outcomes), strict=False)
        ]
        mine = self._under_way(job)
        before = self.kept
        self.told = partial(recorded, job, results, at)
        self._both(self.told)
        for who, row in self.kept[job.job_id].ledger.items():
            assert who in {*mine} & {*people} or row == before[job.job_id].ledger[who]
        before = self.kept
        self._both(self.told)
        assert self.kept == before

    @precondition(lambda self: self.told)
    @rule()
    def record_once_more(self) -> None:
        """When the next attempts of some may have begun."""
        self._both(self.told)


async def recorded(job: Job, results: list[Result], at: Millis, world: Any) -> None:
    await world.store.record(job, results, at=at)


async def said(ask: Any, world: Any) -> Any:
    """What is answered, or how it is refused."""
    try:
        return await ask(world)
    except (LeaseLost, ProtocolError, ValueError) as error:
        return type(error)
