"""Campaigns on two nodes to whom anything may happen, on virtual time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio
from campaign_faults import FaultLog, FickleProvider, WatchedLedger, lost
from campaign_watch import adds_up, ended_well
from campaign_world import SERVICE, Audience, KeptJob

from actors.campaign import CampaignActor
from actors.campaign_channels import CampaignSurroundings
from actors.campaign_gate import LocalRate
from actors.campaign_numbers import CampaignNumbers
from actors.ports import StoreUnavailable
from actors.rules.campaign_states import TERMINAL, JobStatus, RecipientStatus
from protocol.errors import ProtocolError
from protocol.ids import Millis
from server.memory.campaign_making import MemoryCampaignMaking
from server.memory.campaigns import MemoryCampaigns

NUMBERS = CampaignNumbers(
    page=8, batch=4, workers=2, workers_most=3, queue=8, joined=6, chunk=3, line=2, attempts=3,
    window=12, enough=6,
)  # fmt: skip
"""Small, so that a few people fill every queue."""
NIGHT_S = 3_700  # the night of whoever sleeps is over


class NodeClock:
    """The wall as a node sees it."""

    ahead_s = 86_400.0

    def now_ms(self) -> Millis:
        return Millis(int((trio.current_time() + self.ahead_s) * 1000))


class PlayNode:
    """One of the nodes: it is started again whenever it ends."""

    def __init__(self, play: CampaignPlay, seed: int) -> None:
        self.clock = NodeClock()
        self._play, self._seed = play, seed
        self.actor = self._make()
        self._scope = trio.CancelScope()

    def _make(self) -> CampaignActor:
        around = CampaignSurroundings(
            audience=Audience(),
            provider=self._play.provider,
            rate=self._play.rate,
            commits=lambda: int(trio.current_time()),
            progress=lambda _: None,
            alert=lambda *_args, **_data: None,
            clock=self.clock,
            random=random.Random(self._seed),  # noqa: S311 - of back-off
            log=self._play.log,
        )
        return CampaignActor(self._play.store, around, numbers=NUMBERS)

    async def run(self) -> None:
        while True:
            with trio.CancelScope() as self._scope:
                await self.actor.run()
            self.actor = self._make()
            await trio.sleep(self._play.down_s)

    def kill(self) -> None:
        self._scope.cancel()


class CampaignPlay:
    """What may be done to campaigns, by the names of the rules. Jobs and nodes are told by any
    number; what there is not is left out.
    """

    def __init__(self, nursery: trio.Nursery, store: WatchedLedger, *, rate: float) -> None:
        self._nursery = nursery
        self.store, self.provider = store, FickleProvider(store)
        self.rate, self.log = LocalRate(rate), FaultLog()
        self.making = MemoryCampaignMaking(store)
        self.down_s = 0.0
        self.nodes = [PlayNode(self, seed) for seed in (1, 2)]

    # ---- what admins and users do

    async def make(self, *, later: int, **job: Any) -> None:
        now = self.nodes[0].clock.now_ms()
        made = self.store.make(**job, start_at=now + 1000 * later)
        made.status = JobStatus.SCHEDULED if later else JobStatus.CREATED
        for no in made.audience:
            self.store.people[no].consents.setdefault("advertising", True)
        self._changed()

    async def step(self, *, job: int, what: str) -> None:
        """As an admin asks for it; a step that there is not is refused."""
        chosen = self._job(job)
        if chosen is None:
            return
        with suppress(ProtocolError):
            if what == "resend":
                new = f"job-{len(self.store.jobs) + 1}"
                now = self.nodes[0].clock.now_ms()
                await self.making.resend_failures(chosen.job_id, new, at=now)
            else:
                await getattr(self.making, what)(chosen.job_id)
        self._changed()

    async def says(self, *, user: int, what: str) -> None:
        """Somebody changes what may be sent to him, from when this returns."""
        person = self.store.people.get(user)
        if person is None:
            return
        match what:
            case "agree" | "opt out":
                person.consents["advertising"] = what == "agree"
            case "block" | "unblock":
                on = what == "block"
                await self.store.blocks().change(user, SERVICE, on=on, at=Millis(1))
            case "suspended" | "active":
                person.status = what
            case "asleep":
                self.store.put_to_bed(user)
        self.store.excuse(user=user)

    # ---- what happens to nodes

    async def kill(self, *, node: int, down_s: float) -> None:
        self.down_s = down_s
        self.nodes[node].kill()

    async def drain(self, *, node: int) -> None:
        await self.nodes[node].actor.drain()

    async def clock_jumps(self, *, node: int, by_s: float) -> None:
        self.nodes[node].clock.ahead_s += by_s

    async def another_takes(self, *, ahead_s: float) -> None:
        """A third node, which is never heard of again, and whose clock may be wrong."""
        now = self.nodes[0].clock.now_ms() + int(ahead_s * 1000)
        until = Millis(now + 30_000)
        await MemoryCampaigns.lease(self.store, now=Millis(now), until=until, most=2)
        self.store.look()

    # ---- what happens to others

    async def store_away(self, *, for_s: float) -> None:
        self._nursery.start_soon(self._away, for_s)

    async def _away(self, for_s: float) -> None:
        self.store.away = StoreUnavailable("away")
        await trio.sleep(for_s)
        self.store.away = None

    async def store_slow(self, *, call: str, by_s: float, for_s: float) -> None:
        self._nursery.start_soon(self._slow, call, by_s, for_s)

    async def _slow(self, call: str, by_s: float, for_s: float) -> None:
        self.store.slow[call] = by_s
        await trio.sleep(for_s)
        self.store.slow.pop(call, None)

    async def store_fails(self, *, call: str, times: int, is_done: bool) -> None:
        """The next calls: before anything is done, or with only the answer lost."""
        if is_done:
            self.store.lose_next[call] = [lost(call)] * times
        else:
            self.store.fail_next[call] = [StoreUnavailable(call)] * times

    async def provider_answers(self, *, kinds: Sequence[str], took_s: float) -> None:
        self.provider.kinds, self.provider.took_s = kinds, took_s

    # ---- what must hold

    def check(self) -> None:
        """At any time."""
        assert not self.store.wrong, self.store.wrong
        assert max(self.provider.accepted.values(), default=0) <= 1, self.provider.accepted
        messages = self.store.messages()
        assert max(messages.values(), default=0) <= 1, messages
        delivered = {
            (job.job_id, no)
            for job in self.store.jobs.values()
            for no, row in job.ledger.items()
            if row.status is RecipientStatus.DELIVERED
        }
        assert delivered == messages.keys()
        assert not self.log.faults, self.log.faults

    async def end(self) -> None:
        """Nothing fails any more, and nobody stops anything: all comes to its end."""
        store = self.store
        store.away, store.fail_next, store.lose_next, store.slow = None, {}, {}, {}
        self.provider.kinds, self.provider.took_s, self.down_s = ["sent"], 0.1, 0.0
        await trio.sleep(NUMBERS.send_s + 5)  # whatever is under way is heard of
        for node in self.nodes:
            node.clock.ahead_s = 86_400 + NIGHT_S
        for _ in range(80):
            for job in list(store.jobs.values()):
                if job.status is JobStatus.PAUSED:
                    await self.making.resume(job.job_id)
            if all(job.status in TERMINAL for job in store.jobs.values()):
                break
            await trio.sleep(10)
            self.check()
        await trio.sleep(2)
        self.check()
        self._all_ended()

    def _all_ended(self) -> None:
        for number, job in self.store.jobs.items():
            told = self.store.standing(number)
            assert job.status in TERMINAL, f"{job.job_id} stays {job.status}: {told}"
            adds_up(job.job_id, told)
            statuses = {status for status, _ in told.ledger.values()}
            assert RecipientStatus.LEASED not in statuses, f"{job.job_id}: {told}"
            if job.status is not JobStatus.CANCELLED:
                ended_well(job.job_id, told)

    def _changed(self) -> None:
        self.store.look()
        for node in self.nodes:
            node.actor.wake()

    def _job(self, number: int) -> KeptJob | None:
        jobs: list[Any] = list(self.store.jobs.values())
        return jobs[number % len(jobs)] if jobs else None


@asynccontextmanager
async def open_play(store: WatchedLedger, *, rate: float = 0) -> AsyncIterator[CampaignPlay]:
    async with trio.open_nursery() as nursery:
        play = CampaignPlay(nursery, store, rate=rate)
        for node in play.nodes:
            nursery.start_soon(node.run)
        yield play
        nursery.cancel_scope.cancel()
