"""What may be asked of notifications, in any order: the same of two queues of them."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import trio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec import structs
from notification_world import (
    AGAIN,
    GONE,
    HOUR,
    MINUTE,
    NOON,
    REFUSED,
    SENT,
    UNKNOWN,
    UNTRACED,
    WITHDRAWN,
    Kept,
    KeptLeg,
    counted,
    go,
    new,
)

from actors.notification_records import (
    Decision,
    LegResult,
    OutgoingNotification,
    Preferences,
    WaitingLeg,
    Window,
)
from protocol.ids import Millis

NOTES_MOST = 14
USERS = st.sampled_from([1, 1, 2])
CLOCKS = st.sampled_from([0, 0, 0, 0, -2 * MINUTE, 2 * MINUTE])
"""By how much a node's is wrong."""
OUTSIDE = st.sampled_from(["push", "push", "discord"])
PLATFORMS = st.lists(
    st.sampled_from(["web", "push", "discord", "kakao"]), min_size=1, max_size=3, unique=True
)
NOTE = st.fixed_dictionaries(
    {
        "to": USERS,
        "platforms": PLATFORMS.map(tuple),
        "routing": st.sampled_from(["all", "fallback"]),
        "unread_after_ms": st.sampled_from([0, MINUTE]),
        "priority": st.integers(1, 4),
        "later": st.sampled_from([0, 0, MINUTE]),
        "lasts": st.sampled_from([None, None, 3 * MINUTE]),
        "dedupe_key": st.sampled_from([None, None, None, "d"]),
        "collapse_key": st.sampled_from([None, None, "x", "y"]),
    }
)
KINDS = st.lists(
    st.sampled_from(["go", "go", "merge", "hold", "skip", "read", "expire", "nothing"]),
    min_size=1,
    max_size=4,
)
"""Of one leg after the other."""
OUTCOMES = st.lists(
    st.tuples(
        st.sampled_from([SENT, SENT, UNTRACED, REFUSED, GONE, AGAIN, AGAIN, UNKNOWN, WITHDRAWN]),
        st.sampled_from([0, MINUTE, None]),
    ),
    min_size=1,
    max_size=4,
)
"""Of one leg after the other, with the wait before the next attempt."""

OPEN = {"waiting", "ready", "leased"}
MAY = {
    "waiting": {"ready", "sent", "merged", "skipped", "expired", "cancelled"},
    "backup": {"waiting", "cancelled"},
    "ready": {"leased", "cancelled", "failed", "expired", "skipped"},
    "leased": {"ready", "sent", "withdraw", "failed", "unknown", "cancelled"},
    "merged": {"waiting"},
    "sent": {"withdraw"},
    "withdraw": {"withdrawn", "sent"},
}
"""What a leg may be after what it was; what has ended otherwise stays so."""
ENDED = [
    ("pending", {*OPEN, "backup"}),
    ("sent", {"sent", "withdraw", "withdrawn"}),
    *((each, {each}) for each in ("unknown", "failed", "expired")),
]


def standing(kept: dict[str, Kept], leg: KeptLeg) -> list[str]:
    """The states of a leg, or of those that it is told of by."""
    if leg.merged_into is None:
        return [leg.state]
    return [each.state for each in kept[leg.merged_into].legs if each.platform == leg.platform]


def recounted(kept: dict[str, Kept], name: str) -> str:
    """What has become of a notification, by its legs."""
    states = {state for leg in kept[name].legs for state in standing(kept, leg)}
    return next((status for status, some in ENDED if some & states), "cancelled")


def untold(kept: dict[str, Kept]) -> set[tuple[str | None, str]]:
    """Whose legs, on which platform, tell of something that was not read."""
    unread = [note for note in kept.values() if note.seen_at is None]
    found: set[tuple[str | None, str]] = {
        (leg.merged_into, leg.platform)
        for note in unread
        for leg in note.legs
        if note.stopped is None
    }
    mine = {(name, leg.platform) for name, note in kept.items() for leg in note.legs
            if note.seen_at is None}  # fmt: skip
    return found | mine


class Watch:
    """Finds what no queue may do, whatever another one does."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}

    def look(self, kept: dict[str, Kept]) -> None:
        for name, note in kept.items():
            assert note.status == recounted(kept, name), (name, note)
            if name in self.kept:
                self._same_way(self.kept[name], note)
            self._in_turn(kept, note)
            is_over = note.seen_at is not None or note.stopped is not None
            states = {leg.state for leg in note.legs}
            assert not is_over or not states & {"waiting", "backup", "ready"}, (name, note)
        self._taken_back(kept)
        assert set(self.kept) <= set(kept)
        self.kept = kept

    @staticmethod
    def _same_way(before: Kept, after: Kept) -> None:
        assert before.sent_at in (None, after.sent_at)
        assert before.seen_at in (None, after.seen_at)
        for was, now in zip(before.legs, after.legs, strict=False):
            assert was.state == now.state or now.state in MAY.get(was.state, ()), (was, now)
            assert was.sent_at in (None, now.sent_at), (was, now)
            has_begun = now.attempt > was.attempt
            assert not has_begun or was.state in ("ready", "withdraw"), (was, now)

    def _taken_back(self, kept: dict[str, Kept]) -> None:
        """What was sent is, once all is read that it tells of, and not before."""
        unread, were = untold(kept), untold(self.kept)
        for name, note in kept.items():
            before = self.kept[name].legs if name in self.kept else note.legs
            for was, leg in zip(before, note.legs, strict=False):
                is_unread = (name, leg.platform) in unread
                assert not is_unread or leg.state not in ("withdraw", "withdrawn"), (name, leg)
                is_new = was.state == "leased" or (name, leg.platform) in were
                can_be = leg.platform in ("push", "discord") and leg.provider_ref is not None
                assert not (can_be and is_new and leg.state == "sent") or is_unread, (name, leg)

    @staticmethod
    def _in_turn(kept: dict[str, Kept], note: Kept) -> None:
        """Of a fallback one platform at a time."""
        places = {leg.place for leg in note.legs}
        for leg in note.legs:
            if len(places) > 1 and leg.place > 0 and leg.state != "backup":
                before = [each for each in note.legs if each.place == leg.place - 1]
                states = {state for each in before for state in standing(kept, each)}
                is_stopped = note.seen_at is not None or note.stopped is not None
                assert is_stopped or not states & {*OPEN, "backup"}, note


class Queues(RuleBasedStateMachine):
    """The same is asked of both *worlds*, from a thread of its own."""

    def __init__(self, *worlds: Any) -> None:
        super().__init__()
        self.worlds, self.watches = worlds, [Watch() for _ in worlds]
        self.now, self.names = NOON, list[str]()
        self.endpoints, self.leases = 0, 0
        self.begun: list[tuple[OutgoingNotification, ...]] = []
        self.rest: Any = None

    def _both(self, ask: Any) -> Any:
        return trio.from_thread.run(self._ask_both, ask)

    async def _ask_both(self, ask: Any) -> list[Any]:
        told = [await ask(world) for world in self.worlds]
        all_kept = [await world.kept() for world in self.worlds]
        assert all_kept[0] == all_kept[-1]
        for watch, kept in zip(self.watches, all_kept, strict=True):
            watch.look(kept)
        others = [await self._rest(world) for world in self.worlds]
        assert others[0] == others[-1]
        self.rest = others[-1]
        return told

    async def _rest(self, world: Any) -> Any:
        ends = [await world.endpoint_of(number) for number in range(1, self.endpoints + 1)]
        entries, windows = counted(await world.entries()), await world.windows()
        return ends, entries, windows, [await world.unread(user) for user in (1, 2)]

    def _same(self, ask: Any) -> Any:
        told = self._both(ask)
        assert told[0] == told[-1]
        return told[0]

    # ---- what people do

    @initialize(platforms=st.lists(OUTSIDE, max_size=4))
    def begin_with(self, platforms: list[str]) -> None:
        for platform in platforms:
            self.reach(to=1, platform=platform)

    @precondition(lambda self: self.endpoints < 6)
    @rule(to=USERS, platform=OUTSIDE)
    def reach(self, to: int, platform: str) -> None:
        self.endpoints = self._same(lambda world: world.endpoint(to, platform))

    @precondition(lambda self: self.endpoints)
    @rule(which=st.integers(0, 5))
    def end(self, which: int) -> None:
        number = which % self.endpoints + 1
        self._same(lambda world: world.end_endpoint(number, at=self.now))

    @precondition(lambda self: len(self.names) < NOTES_MOST)
    @rule(some=st.lists(NOTE, min_size=1, max_size=3))
    def send(self, some: list[dict[str, Any]]) -> None:
        asked = []
        for fields in some:
            self.names.append(f"n{len(self.names) + 1:02}")
            lasts, later = fields["lasts"], fields["later"]
            given = {name: fields[name] for name in fields if name not in ("lasts", "later")}
            given |= {"scheduled_at": Millis(self.now + later), "at": self.now}
            given |= {"expires_at": None if lasts is None else Millis(self.now + lasts)}
            asked.append(new(self.names[-1], **given))
        self._same(lambda world: world.queue.enqueue(asked))

    @precondition(lambda self: self.names)
    @rule(user_no=USERS, some=st.lists(st.integers(0, NOTES_MOST), min_size=1, max_size=3))
    def read(self, user_no: int, some: list[int]) -> None:
        ids = dict.fromkeys(self.names[each % len(self.names)] for each in some)
        self._same(lambda world: world.read(*ids, user_no=user_no, at=self.now))

    @precondition(lambda self: self.names)
    @rule(which=st.integers(0, NOTES_MOST))
    def cancel(self, which: int) -> None:
        name = self.names[which % len(self.names)]
        self._same(lambda world: world.cancel(name, at=self.now))

    @rule(user_no=USERS, platform=st.sampled_from(["web", "push"]), sound=st.booleans())
    def want(self, user_no: int, platform: str, sound: bool) -> None:
        wanted = Preferences(sound=sound)
        self._same(lambda world: world.want(user_no, platform, wanted, at=self.now))

    @rule(active=st.booleans())
    def come_and_go(self, active: bool) -> None:
        self._same(lambda world: world.person(2, active=active))

    @rule(by=st.sampled_from([1, 10_000, MINUTE, 3 * MINUTE]))
    def time_passes(self, by: int) -> None:
        self.now = Millis(self.now + by)

    # ---- what nodes do

    @rule(kinds=KINDS, wrong=CLOCKS, most=st.sampled_from([20, 20, 2]))
    def place(self, kinds: list[str], wrong: int, most: int) -> None:
        async def ask(world: Any) -> Any:
            looked = list[WaitingLeg]()

            def decide(legs: list[WaitingLeg]) -> list[Decision]:
                looked.extend(structs.replace(leg, leg_no=0, notification_no=0) for leg in legs)
                return planned(legs, kinds, self.now)

            return await world.place(decide, now=self.now + wrong, most=most), looked

        self._same(ask)

    @rule(platform=OUTSIDE, wrong=CLOCKS, lasts=st.sampled_from([9 * MINUTE, MINUTE]),
          most=st.sampled_from([9, 1]))  # fmt: skip
    def begin(self, platform: str, wrong: int, lasts: int, most: int) -> None:
        self.leases += 1
        how = {"now": self.now + wrong, "lasts": lasts, "most": most, "lease": self.leases}
        told = self._both(lambda world: world.begin(platform, **how))
        plain = [[structs.replace(leg, leg_no=0) for leg in each.legs] for each in told]
        assert plain[0] == plain[-1] and told[0].next_due == told[-1].next_due
        self.begun += zip(*(each.legs for each in told), strict=True)

    @precondition(lambda self: self.begun)
    @rule(last=st.integers(1, 4), wrong=CLOCKS, outcomes=OUTCOMES)
    def record(self, last: int, wrong: int, outcomes: list[Any]) -> None:
        """Of what was begun with last; twice, as who does not know whether he was heard."""
        self._record(self.begun[-last:], wrong, outcomes)

    @precondition(lambda self: self.begun)
    @rule(which=st.integers(0, 30), wrong=CLOCKS, outcomes=OUTCOMES)
    def record_late(self, which: int, wrong: int, outcomes: list[Any]) -> None:
        """Of whatever was begun with at any time."""
        self._record([self.begun[which % len(self.begun)]], wrong, outcomes)

    def _record(self, some: list[Any], wrong: int, outcomes: list[Any]) -> None:
        at = Millis(self.now + wrong)

        async def ask(world: Any) -> Any:
            place, results = self.worlds.index(world), list[LegResult]()
            for legs, (attempt, wait) in zip(some, cycle(outcomes), strict=False):
                again = Millis(at + wait) if wait is not None and attempt is AGAIN else None
                results.append(LegResult(legs[place], attempt, again))
            return set(await world.queue.record(results, at=at))

        before = self._kept()
        self._same(ask)
        for mine, *_ in some:
            was = leg_of(before, mine)
            is_mine = (was.lease, was.attempt) == (mine.lease, mine.attempt)
            is_under_way = was.state in ("leased", "withdraw")
            assert is_mine or not is_under_way or leg_of(self._kept(), mine) == was
        before, rest = self._kept(), self.rest
        assert self._same(ask) == set()
        assert (self._kept(), self.rest) == (before, rest)

    def _kept(self) -> dict[str, Kept]:
        return self.watches[-1].kept

    def teardown(self) -> None:
        """Left to itself, everything comes to an end."""
        for _ in range(5):
            self.now = Millis(self.now + HOUR)
            while self._same(self._placed):
                pass
            for platform in ("push", "discord"):
                self.begin(platform=platform, wrong=0, lasts=MINUTE, most=99)
                for legs in self.begun:
                    is_back = legs[0].take_back is not None
                    how = [(WITHDRAWN if is_back else SENT, None)]
                    if legs[0].lease == self.leases:
                        self._record([legs], wrong=0, outcomes=how)
        states = {leg.state for note in self._kept().values() for leg in note.legs}
        assert not states & {*OPEN, "backup", "withdraw"}

    async def _placed(self, world: Any) -> int:
        placed: int = (await world.place(go, now=self.now)).decided
        return placed


def leg_of(kept: dict[str, Kept], sent: OutgoingNotification) -> KeptLeg:
    """The one that was begun with."""
    where = (sent.platform, sent.endpoint_no)
    legs = kept[sent.notification_id].legs
    return next(leg for leg in legs if (leg.platform, leg.endpoint_no) == where)


def planned(legs: list[WaitingLeg], kinds: list[str], now: Millis) -> list[Decision]:
    """What *kinds* says, one leg after the other, as far as it can be."""
    found, going = list[Decision](), dict[tuple[int, str], int]()
    for leg, kind in zip(legs, cycle(kinds), strict=False):
        whose = (leg.recipient_no, leg.platform)
        into = going.get(whose)
        how: dict[str, Any] = {"leg_no": leg.leg_no, "kind": kind, "reason": f"r{leg.priority}"}
        if kind == "nothing":
            continue
        if kind == "hold":
            how |= {"until": Millis(now + 2 * MINUTE), "hold_key": leg.type}
            how |= {"windows": {leg.type: Window(Millis(now + MINUTE), leg.priority)}}
        elif kind == "read":
            how |= {"kind": "skip", "reason": "read"}
        elif kind == "merge" and into is not None:
            how |= {"into": into}
        elif kind in ("go", "merge"):
            how |= {"kind": "go", "reason": "dnd" if leg.priority == 4 else ""}
            if leg.endpoints:
                going[whose] = leg.leg_no
        found.append(Decision(**how))
    return found
