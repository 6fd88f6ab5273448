"""Whatever is done to campaigns, and whatever fails meanwhile, in any order: nobody gets twice what
he is to get once, nobody is sent to who is not to be, and all comes to its end.

The rules write a script, which is played once it is whole: the campaigns run on virtual time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import trio
from campaign_faults import ANSWERS, ANY_TIMES, ONCE, WatchedLedger
from campaign_play import open_play
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)
from trio.testing import MockClock

from actors.campaign_records import Job, Result
from actors.rules.campaign_states import RecipientStatus
from protocol.ids import Millis
from server.memory.campaign_jobs import MemoryJob

JOBS_MOST = 5
JOB = {
    "channel": "http",
    "people": 20,
    "first": 1,
    "priority": 2,
    "is_advertising": False,
    "is_ramped": False,
    "later": 0,
}
PASS_S = st.sampled_from([0.0, 0.04, 0.3, 1.1, 3.0, 10.0, 40.0])
LASTS_S = st.sampled_from([1.5, 12.0, 150.0])
JOBS = st.integers(0, JOBS_MOST)
NODES = st.integers(0, 1)
USERS = st.integers(1, 25)
SAYINGS = ("opt out", "agree", "block", "unblock", "suspended", "active", "asleep")
CALLS = st.sampled_from([*ONCE, *ANY_TIMES])
AGAIN = ANSWERS["again"][1]
Script = list[tuple[str, dict[str, Any], float]]
"""What is done, with what, and how many seconds the world runs on after it."""


class Campaigns(RuleBasedStateMachine):
    """Each rule is something that happens, and how long the world runs on after it."""

    store: type[WatchedLedger] = WatchedLedger

    def __init__(self) -> None:
        super().__init__()
        self.script: Script = []
        self.rate = 0.0
        self.jobs = 0

    def _then(self, pass_s: float, name: str, **what: Any) -> None:
        self.script.append((name, what, pass_s))

    @initialize(rate=st.sampled_from([0.0, 1.0, 20.0]))
    def provider_has_a_rate(self, rate: float) -> None:
        self.rate = rate

    # ---- what admins and users do

    @precondition(lambda self: self.jobs < JOBS_MOST)
    @rule(
        pass_s=PASS_S,
        channel=st.sampled_from(["http", "http", "in_app"]),
        people=st.sampled_from([20, 9, 4, 1, 0]),
        first=st.integers(1, 5),
        priority=st.integers(1, 4),
        is_advertising=st.booleans(),
        is_ramped=st.sampled_from([False, False, True]),
        later=st.sampled_from([0, 0, 0, 40]),
    )
    def make(self, pass_s: float, **job: Any) -> None:
        self.jobs += 1
        self._then(pass_s, "make", **job)

    @precondition(lambda self: self.jobs)
    @rule(pass_s=PASS_S, job=JOBS, what=st.sampled_from(["pause", "resume", "cancel", "resend"]))
    def step(self, pass_s: float, job: int, what: str) -> None:
        self._then(pass_s, "step", job=job, what=what)

    @precondition(lambda self: self.jobs)
    @rule(pass_s=PASS_S, user=USERS, what=st.sampled_from(SAYINGS))
    def says(self, pass_s: float, user: int, what: str) -> None:
        self._then(pass_s, "says", user=user, what=what)

    # ---- what happens to nodes

    @rule(pass_s=PASS_S, node=NODES, down_s=st.sampled_from([0.0, 2.0, 40.0]))
    def kill(self, pass_s: float, **how: Any) -> None:
        self._then(pass_s, "kill", **how)

    @rule(pass_s=PASS_S, node=NODES)
    def drain(self, pass_s: float, node: int) -> None:
        self._then(pass_s, "drain", node=node)

    @rule(pass_s=PASS_S, node=NODES, by_s=st.sampled_from([-150.0, -20.0, 20.0, 150.0]))
    def clock_jumps(self, pass_s: float, **how: Any) -> None:
        self._then(pass_s, "clock_jumps", **how)

    @rule(pass_s=PASS_S, ahead_s=st.sampled_from([0.0, 35.0, 150.0]))
    def another_takes(self, pass_s: float, ahead_s: float) -> None:
        self._then(pass_s, "another_takes", ahead_s=ahead_s)

    # ---- what happens to others

    @rule(pass_s=PASS_S, for_s=LASTS_S)
    def store_away(self, pass_s: float, for_s: float) -> None:
        self._then(pass_s, "store_away", for_s=for_s)

    @rule(pass_s=PASS_S, call=CALLS, by_s=st.sampled_from([0.2, 5.0, 40.0]), for_s=LASTS_S)
    def store_slow(self, pass_s: float, **how: Any) -> None:
        self._then(pass_s, "store_slow", **how)

    @rule(pass_s=PASS_S, call=CALLS, times=st.integers(1, 3), is_done=st.booleans())
    def store_fails(self, pass_s: float, **how: Any) -> None:
        self._then(pass_s, "store_fails", **how)

    @rule(
        pass_s=PASS_S,
        kinds=st.lists(st.sampled_from(list(ANSWERS)), min_size=1, max_size=5),
        took_s=st.sampled_from([2.0, 0.1, 9.0, 29.0, 60.0]),
    )
    def provider_answers(self, pass_s: float, **how: Any) -> None:
        self._then(pass_s, "provider_answers", **how)

    # ---- and then

    def teardown(self) -> None:
        play(self.store(), self.script, rate=self.rate)


def play(store: WatchedLedger, script: Script, *, rate: float = 0) -> None:
    """AssertionError where something is wrong at any time, or in the end."""
    trio.run(partial(_played, store, script, rate), clock=MockClock(autojump_threshold=0))


async def _played(store: WatchedLedger, script: Script, rate: float) -> None:
    async with open_play(store, rate=rate) as campaigns:
        for name, what, pass_s in script:
            await getattr(campaigns, name)(**what)
            await trio.sleep(pass_s)
            campaigns.check()
        await campaigns.end()


TestCampaigns = Campaigns.TestCase
TestCampaigns.settings = settings(max_examples=40, stateful_step_count=30)


class SendsAgainToTheLost(WatchedLedger):
    """Queues whom a lost node had begun with: he may have been sent to."""

    def _lapse(self, job: MemoryJob, now: int) -> None:
        for row in job.ledger.values():
            if row.status is RecipientStatus.LEASED and row.leased_until <= now:
                row.settle(RecipientStatus.QUEUED)


class ForgetsWhoWasTold(WatchedLedger):
    """Tells of an attempt as if it had come to nothing."""

    async def record(self, job: Job, results: Sequence[Result], *, at: Millis) -> None:
        again = [each._replace(outcome=AGAIN, again_at=Millis(at + 1)) for each in results]
        await super().record(job, again, at=at)


SLOW_JOB: Script = [
    ("provider_answers", {"kinds": ["sent"], "took_s": 9.0}, 0),
    ("make", {**JOB, "people": 9}, 1.1),
]
KILLED: Script = [("kill", {"node": node, "down_s": 2.0}, 0) for node in (0, 1)]


@pytest.mark.parametrize("wrong", [SendsAgainToTheLost, ForgetsWhoWasTold])
def test_the_checks_find_a_store_that(wrong: type[WatchedLedger]) -> None:
    """A script in which a right store is seen to be right."""
    play(WatchedLedger(), SLOW_JOB + KILLED)
    with pytest.RaisesGroup(AssertionError, flatten_subgroups=True):
        play(wrong(), SLOW_JOB + KILLED)
