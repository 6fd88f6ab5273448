"""Whatever happens to a meeting, its nodes, its store and the clock, in any order: the last vote
that was acknowledged counts, there is one decision, the same for all who are shown it, none after
it was cancelled, and what it says of itself is true.

Scripts are drawn whole and then played: the nodes run on virtual time.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from meeting_play import ANN, BOB, CHO, HOUR, START, World, asked, person, time_option
from trio.testing import MockClock

from actors.meeting_commands import (
    Answer,
    Cancel,
    CastVote,
    Confirm,
    Edit,
    Invite,
    MeetingCommand,
    Propose,
    Reopen,
    Withdraw,
)
from actors.meeting_records import PRESENT, Meeting
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.rules.meeting_states import OPEN, MeetingStatus
from actors.rules.tally import Rule, Vote
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis

USERS = st.sampled_from([ANN, BOB, CHO])
STANDINGS = {"accepted", "declined", "left", "invited"}
OPTIONS = ("t0", "t1", "p0", "p1")
VOTES = st.sampled_from(["yes", "maybe", "no"])
LATER = st.sampled_from([None, *(Millis(START + hours * HOUR) for hours in (2, 6, 20))])

CASTS = st.builds(CastVote, USERS, st.sampled_from([*OPTIONS, "t9"]), VOTES)
COMMANDS = st.one_of(
    CASTS,
    st.builds(Withdraw, USERS, st.sampled_from(OPTIONS)),
    st.builds(Propose, USERS, st.just([time_option(9, START + 30 * HOUR)])),
    st.builds(Answer, USERS, st.sampled_from(["accepted", "declined", "left"])),
    st.builds(Invite, st.just(ANN), USERS.map(lambda user: [person(user)])),
    st.builds(Confirm, st.just(ANN), st.sampled_from(["t0", "t1"]), st.sampled_from([None, "p0"])),
    st.builds(Cancel, st.just(ANN), st.just("")),
    st.builds(Reopen, st.just(ANN), LATER),
    st.builds(Edit, st.just(ANN), st.none(), LATER),
)
STEPS = st.one_of(
    st.tuples(st.just("ask"), st.lists(st.tuples(COMMANDS, st.integers(0, 1)), max_size=5)),
    st.tuples(
        st.just("ask"), st.lists(st.tuples(CASTS, st.integers(0, 1)), min_size=6, max_size=12)
    ),
    st.tuples(st.just("jump"), st.sampled_from([-3, 1, 1, 12]).map(lambda hours: hours * HOUR)),
    st.tuples(st.just("rest"), st.sampled_from([0.0, 0.3, 3.0])),
    st.tuples(st.just("fail"), st.booleans()),
    st.tuples(st.just("kill"), st.integers(0, 1)),
)
RULES = st.builds(
    Rule,
    kind=st.sampled_from(["most_yes", "most_points", "unanimous"]),
    tie=st.sampled_from(["earliest", "first_proposed", "initiator"]),
    early=st.booleans(),
    when_all_answered=st.booleans(),
)


class Play:
    """One script: two nodes, and what was acknowledged to those who asked them."""

    def __init__(self, rule: Rule) -> None:
        self.world, self.rule = World(), rule
        self.acked: dict[tuple[int, str], Vote] = {}
        self.unsure: dict[tuple[int, str], set[Vote]] = {}
        self.scopes = [trio.CancelScope(), trio.CancelScope()]

    async def run(self, script: list[tuple[str, Any]]) -> None:
        self.world.begin()
        await self.world.called(rule=self.rule)
        async with trio.open_nursery() as nursery:
            self.nodes = [self.world.node(), self.world.node()]
            for number in (0, 1):
                nursery.start_soon(self._live, number)
            for name, what in script:
                await getattr(self, name)(what)
            await self._end()
            nursery.cancel_scope.cancel()

    async def _live(self, number: int) -> None:
        while True:
            with self.scopes[number]:
                await self.nodes[number].run()
            self.nodes[number], self.scopes[number] = self.world.node(), trio.CancelScope()

    async def ask(self, commands: list[tuple[MeetingCommand, int]]) -> None:
        """All of them at once, but one after the other those of one person."""
        async with trio.open_nursery() as nursery:
            for user in (ANN, BOB, CHO):
                mine = [each for each in commands if each[0].user_no == user]  # type: ignore[union-attr]
                nursery.start_soon(self._ask_all, mine)

    async def _ask_all(self, commands: list[tuple[MeetingCommand, int]]) -> None:
        for command, number in commands:
            await trio.sleep(0.005)
            await asked(
                self.nodes[number], command, lambda found, of=command: self._note(of, found)
            )  # type: ignore[misc]

    def _note(self, command: MeetingCommand, found: Meeting | ProtocolError) -> None:
        if not isinstance(command, CastVote) or not isinstance(command.option, str):
            return
        key = (command.user_no, command.option)
        if not isinstance(found, ProtocolError):
            self.acked[key] = command.vote
            self.unsure.pop(key, None)
        elif found.code is ErrorCode.UNAVAILABLE:
            self.unsure.setdefault(key, set()).add(command.vote)

    async def jump(self, by: int) -> None:
        self.world.offset += by

    async def rest(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def fail(self, is_lost: bool) -> None:
        if is_lost:
            self.world.store.lose_next.append(OutcomeUnknown("cut"))
        else:
            self.world.store.fail_next.append(StoreUnavailable("away"))

    async def kill(self, number: int) -> None:
        self.scopes[number].cancel()
        await trio.lowlevel.checkpoint()

    async def _end(self) -> None:
        store = self.world.store
        store.fail_next, store.lose_next = [], []
        for by in (12 * HOUR, 72 * HOUR):  # its deadline, and the last of its times
            self.world.offset = max(self.world.offset, by)
            await trio.sleep(5)
        self.last = await self.nodes[0].ask("m", Answer(ANN, "accepted"))


@settings(max_examples=200, deadline=None)
@given(RULES, st.lists(STEPS, max_size=25))
def test_a_meeting_keeps_its_promises(rule: Rule, script: list[tuple[str, Any]]) -> None:
    play = Play(rule)
    trio.run(play.run, script, clock=MockClock(autojump_threshold=0))
    last, world = play.last, play.world
    the_last_word_counts(play)
    one_decision_at_a_time(world)
    assert last.status not in OPEN, "all of its times are past"
    revs = Counter(each.rev for each in world.shown)
    assert set(revs.values()) <= {1}, "each state is shown by who made it"
    changed = {each.at for each in world.store.history("m") if each.kind in STANDINGS}
    for shown in world.shown:
        if shown.updated_at not in changed:  # somebody who counted then may have left in that turn
            the_decision_is_true(shown)
    assert [event for event in world.log.events if "failed" in event] == []


def the_last_word_counts(play: Play) -> None:
    for key, vote in play.acked.items():
        assert play.last.votes[key] in {vote} | play.unsure.get(key, set())
    for key, vote in play.last.votes.items():
        assert key in play.acked or vote in play.unsure[key]


def one_decision_at_a_time(world: World) -> None:
    """It is decided once until it is opened again, and is not cancelled and decided then."""
    before = "voting"
    for kind in (each.kind for each in world.store.history("m")):
        if kind in {"confirmed", "cancelled", "reopened"}:
            assert (before, kind) not in {
                ("confirmed", "confirmed"),
                ("cancelled", "confirmed"),
                ("cancelled", "cancelled"),
                ("reopened", "reopened"),
            }
            before = kind
        if kind in {"vote", "proposed", "withdrawn"}:
            assert before in {"voting", "reopened"}


def the_decision_is_true(meeting: Meeting) -> None:
    """What it says, counted by hand, where it was decided in this very state."""
    decided = meeting.decision
    if decided is None or decided.at != meeting.updated_at or decided.because == "cancelled":
        return
    rank = {"no": 0, None: 1, "maybe": 2, "yes": 3}
    people = [each.user_no for each in meeting.people.values() if each.standing in PRESENT]
    for each in decided.considered:
        parts = [part for part in (each.time, each.place) if part]
        said = [min(rank[meeting.votes.get((user, part))] for part in parts) for user in people]
        counts = [said.count(each) for each in (3, 2, 0, 1)]
        assert counts == [each.yes, each.maybe, each.no, each.unanswered]
        weight = 2 * counts[0] + counts[1] if meeting.rule.kind == "most_points" else counts[0]
        assert each.score == weight
    best = decided.considered[0]
    if meeting.status is MeetingStatus.CONFIRMED and decided.place and decided.time:
        assert (best.time, best.place) == (decided.time, decided.place)
        assert decided.starts_at and decided.starts_at > decided.at
        good = [each.score for each in decided.considered if each.fault is None]
        assert decided.because == "confirmed" or (best.fault, best.score) == (None, max(good))
    if decided.because == "no_option":
        assert all(each.fault is not None for each in decided.considered)
