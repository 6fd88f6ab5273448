"""Whatever happens to nodes, store and provider, in any order: no notification is sent twice, none
that was read, each comes to its end, and whoever follows sees what is listed.

The rules write a script, which is played once it is whole: the nodes run on virtual time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from notification_play import ALL, ANSWERS, CALLS, PEOPLE, WANTED, Store, open_play
from trio.testing import MockClock

from actors.notification_ports import Decide
from actors.notification_records import Begun, LegResult, Placed, Platform
from protocol.ids import Millis

PASS_S = st.sampled_from([0.0, 0.04, 0.3, 1.1, 3.0, 10.0, 40.0])
LASTS_S = st.sampled_from([1.5, 12.0, 150.0])
NODES = st.integers(0, 1)
USERS = st.sampled_from(PEOPLE)
AGAIN = ANSWERS["again"][1]
SENT: dict[str, Any] = {
    "number": 9,
    "platforms": ("push", "web"),
    "routing": "all",
    "type": "calendar.reminder",
    "priority": 4,
    "collapse_key": None,
    "later": 0,
    "ttl": None,
}
Script = list[tuple[str, dict[str, Any], float]]
"""What is done, with what, and how many seconds the world runs on after it."""


class Notifications(RuleBasedStateMachine):
    """Each rule is something that happens, and how long the world runs on after it."""

    def __init__(self) -> None:
        super().__init__()
        self.script: Script = []

    def _then(self, pass_s: float, name: str, **what: Any) -> None:
        self.script.append((name, what, pass_s))

    # ---- what people do

    @rule(
        pass_s=PASS_S,
        number=st.sampled_from([1, 4, 15]),
        platforms=st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True).map(tuple),
        routing=st.sampled_from(["all", "fallback"]),
        type=st.sampled_from(["calendar.reminder", "friend.request"]),
        priority=st.integers(1, 4),
        collapse_key=st.sampled_from([None, None, "c"]),
        later=st.sampled_from([0, 0, 40]),
        ttl=st.sampled_from([None, 25]),
    )
    def send(self, pass_s: float, **what: Any) -> None:
        self._then(pass_s, "send", **what)

    @rule(pass_s=PASS_S, user=USERS)
    def reads(self, pass_s: float, user: int) -> None:
        self._then(pass_s, "reads", user=user)

    @rule(
        pass_s=PASS_S, user=USERS, platform=st.sampled_from(ALL), what=st.sampled_from(list(WANTED))
    )
    def wants(self, pass_s: float, **what: Any) -> None:
        self._then(pass_s, "wants", **what)

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

    @rule(
        pass_s=PASS_S,
        call=st.sampled_from(CALLS),
        by_s=st.sampled_from([0.2, 5.0, 40.0]),
        for_s=LASTS_S,
    )
    def store_slow(self, pass_s: float, **how: Any) -> None:
        self._then(pass_s, "store_slow", **how)

    @rule(
        pass_s=PASS_S,
        call=st.sampled_from(CALLS),
        times=st.integers(1, 3),
        is_done=st.booleans(),
    )
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
        play(Store(), self.script)


def play(store: Store, script: Script) -> None:
    """AssertionError where something is wrong at any time, or in the end."""
    trio.run(partial(_played, store, script), clock=MockClock(autojump_threshold=0))


async def _played(store: Store, script: Script) -> None:
    async with open_play(store) as notifications:
        for name, what, pass_s in script:
            await getattr(notifications, name)(**what)
            await trio.sleep(pass_s)
            notifications.check()
        await notifications.end()


TestNotifications = Notifications.TestCase
TestNotifications.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


class SendsAgainWhatWasLost(Store):
    """Has ready again what a lost node had begun with: it may have been sent."""

    async def begin(self, platform: Any, *, now: Millis, **how: Any) -> Begun:
        for leg in self.legs.values():
            if leg.state == "leased" and leg.leased_until <= now:
                leg.state = "ready"
        return await super().begin(platform, now=now, **how)


class ForgetsWhatWasTold(Store):
    """Takes every attempt for one that came to nothing."""

    async def record(self, results: Sequence[LegResult], *, at: Millis) -> Collection[Platform]:
        again = [each._replace(attempt=AGAIN, again_at=Millis(at + 1)) for each in results]
        return await super().record(again, at=at)


class TellsNobody(Store):
    """Lists what it does not say is to be shown."""

    async def place(self, decide: Decide, *, now: Millis, most: int) -> Placed:
        return (await super().place(decide, now=now, most=most))._replace(shown=())


class SendsWhatWasRead(Store):
    """Forgets to cancel what was read."""

    def read(self, user_no: int, ids: Sequence[str], at: Millis) -> Collection[str]:
        for each in ids:
            self.notes[each].seen_at = at
        return ids

    def _over(self, leg: Any, now: Millis) -> str:
        return ""


SLOW: Script = [
    ("provider_answers", {"kinds": ["sent"], "took_s": 9.0}, 0),
    ("send", SENT, 1.1),
    ("reads", {"user": 2}, 0),
    ("kill", {"node": 0, "down_s": 2.0}, 0),
    ("kill", {"node": 1, "down_s": 2.0}, 3.0),
    ("send", SENT, 3.0),
]


@pytest.mark.parametrize(
    "wrong", [SendsAgainWhatWasLost, ForgetsWhatWasTold, TellsNobody, SendsWhatWasRead]
)
def test_the_checks_find_a_store_that(wrong: type[Store]) -> None:
    """A script in which a right store is seen to be right."""
    play(Store(), SLOW)
    with pytest.RaisesGroup(AssertionError, flatten_subgroups=True):
        play(wrong(), SLOW)
