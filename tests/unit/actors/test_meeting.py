"""One meeting: what its people may do to it, and what it does by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from meeting_play import ANN, BOB, CHO, HOUR, START, World, person, place_option, time_option
from trio.testing import MockClock

from actors import meeting_moves
from actors.meeting_commands import (
    Answer,
    Cancel,
    CastVote,
    Confirm,
    Edit,
    Invite,
    Propose,
    Reopen,
    StartVoting,
    Withdraw,
)
from actors.meeting_records import PLACES_MOST
from actors.meetings import Meetings
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.rules.meeting_states import TRANSITIONS, MeetingStatus, may
from actors.rules.tally import Rule
from protocol.errors import ProtocolError
from protocol.ids import Millis

HAND = Rule(early=False, when_all_answered=False)


@pytest.fixture
def world() -> World:
    return World()


@asynccontextmanager
async def one(world: World, **more: Any) -> AsyncIterator[Meetings]:
    world.begin()
    node = world.node()
    await world.called(**more)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.run)
        yield node
        nursery.cancel_scope.cancel()


async def refused(node: Meetings, command: Any) -> str:
    with pytest.raises(ProtocolError) as caught:
        await node.ask("m", command)
    return caught.value.code.value


async def test_fifty_votes_at_once_are_two_commits(world: World) -> None:
    people = {number: person(number) for number in range(1, 51)}
    async with one(world, people=people, rule=HAND) as node, trio.open_nursery() as nursery:
        for number in people:
            nursery.start_soon(node.ask, "m", CastVote(number, "t0", "yes"))
    last = world.shown[-1]
    assert sum(option == "t0" for _, option in last.votes) == 50
    assert last.rev == len(world.shown) <= 2


async def test_the_first_vote_begins_the_voting_and_says_that_one_takes_part(world: World) -> None:
    async with one(world) as node:
        kept = await node.ask("m", CastVote(BOB, ("time", 1), "maybe"))
    assert kept.status is MeetingStatus.VOTING
    assert kept.votes == {(BOB, "t1"): "maybe"}
    assert kept.people[BOB].standing == "accepted"


async def test_the_same_vote_again_changes_nothing(world: World) -> None:
    async with one(world) as node:
        first = await node.ask("m", CastVote(BOB, "t1", "maybe"))
        again = await node.ask("m", CastVote(BOB, "t1", "maybe"))
    assert (first.rev, again.rev) == (1, 1)
    assert len(world.shown) == 1


async def test_what_was_withdrawn_is_gone_and_never_another(world: World) -> None:
    async with one(world) as node:
        await node.ask("m", Withdraw(ANN, "t0"))
        kept = await node.ask("m", Propose(BOB, [time_option(9, START + 30 * HOUR)]))
        assert (kept.options["t9"].position, kept.options["t9"].proposed_by) == (2, BOB)
        assert await refused(node, CastVote(BOB, ("time", 0), "yes")) == "gone"
        assert await refused(node, CastVote(BOB, "t0", "yes")) == "gone"
        assert await refused(node, CastVote(BOB, "t7", "yes")) == "not_found"
        assert await refused(node, Withdraw(BOB, "t1")) == "forbidden"
        await node.ask("m", Withdraw(BOB, "t9"))


async def test_a_stranger_and_who_left_find_nothing(world: World) -> None:
    async with one(world) as node:
        assert await refused(node, CastVote(9, "t0", "yes")) == "not_found"
        await node.ask("m", Answer(BOB, "left"))
        assert await refused(node, CastVote(BOB, "t0", "yes")) == "not_found"
        assert await refused(node, Answer(BOB, "accepted")) == "not_found"
        await node.ask("m", Invite(ANN, [person(BOB)]))
        await node.ask("m", CastVote(BOB, "t0", "yes"))
    kinds = [each.kind for each in world.store.history("m")]
    assert kinds == ["left", "invited", "accepted", "vote"]


@pytest.mark.parametrize(
    "command",
    [
        Edit(BOB, title="x"),
        Invite(BOB, [person(7)]),
        Confirm(BOB, "t0", None),
        Cancel(BOB, ""),
        Reopen(BOB, None),
        StartVoting(BOB),
    ],
)
async def test_only_who_called_it_does_that(world: World, command: Any) -> None:
    async with one(world) as node:
        assert await refused(node, command) == "forbidden"


async def test_bounds(world: World) -> None:
    places = [place_option(number) for number in range(10, 10 + PLACES_MOST)]
    async with one(world) as node:
        assert await refused(node, Propose(BOB, places)) == "conflict"
        assert await refused(node, Propose(BOB, [time_option(9, START)])) == "invalid"
        strangers = [person(number) for number in range(10, 58)]
        assert await refused(node, Invite(ANN, strangers)) == "conflict"
        await node.ask("m", StartVoting(ANN))
        assert await refused(node, Propose(BOB, places[:1])) == "forbidden"
        assert await refused(node, Edit(ANN, deadline=Millis(START - 1))) == "invalid"
        assert await refused(node, Confirm(ANN, None, None)) == "invalid"
        assert await refused(node, Confirm(ANN, "p0", None)) == "invalid"


async def test_it_is_decided_as_soon_as_nothing_can_change_it(world: World) -> None:
    async with one(world) as node:
        for user in (ANN, BOB):
            for option in ("t1", "p0"):
                kept = await node.ask("m", CastVote(user, option, "yes"))
        assert kept.status is MeetingStatus.VOTING, "Cho may want t0, and both of them yet"
        for user, option in ((ANN, "t0"), (ANN, "p1"), (BOB, "t0")):
            kept = await node.ask("m", CastVote(user, option, "no"))
    decided = kept.decision
    assert decided is not None and kept.status is MeetingStatus.CONFIRMED
    assert (decided.because, decided.time, decided.place) == ("settled", "t1", "p0")
    assert decided.starts_at == START + 25 * HOUR
    assert [kind for kind, _, _ in world.news if kind == "confirmed"] == ["confirmed"] * 3
    reminders = {(user, at) for kind, user, at in world.news if kind == "starts_soon"}
    assert reminders == {(user, START + 24.5 * HOUR) for user in (ANN, BOB, CHO)}


async def test_the_deadline_decides_and_what_comes_after_it_is_too_late(
    world: World, autojump_clock: MockClock
) -> None:
    async with one(world) as node:
        await node.ask("m", CastVote(BOB, "t1", "yes"))
        await node.ask("m", CastVote(BOB, "p1", "yes"))
        world.offset = 12 * HOUR - 60_000
        await trio.sleep(58)
        await node.ask("m", CastVote(BOB, "p1", "maybe"))
        await node.ask("m", CastVote(BOB, "p1", "yes"))
        await trio.sleep(2)
        assert await refused(node, CastVote(CHO, "t0", "yes")) == "conflict"
    decided = world.shown[-1].decision
    assert decided is not None
    assert (decided.because, decided.time, decided.place) == ("deadline", "t1", "p1")


async def test_a_vote_after_the_deadline_is_refused_though_nobody_was_woken(world: World) -> None:
    world.begin()
    node = world.node()
    await world.called(wake_at=None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.run)
        await node.ask("m", CastVote(BOB, "t1", "yes"))
        await node.ask("m", CastVote(BOB, "p1", "yes"))
        world.offset = 12 * HOUR
        assert await refused(node, CastVote(CHO, "t0", "yes")) == "conflict"
        nursery.cancel_scope.cancel()
    assert world.shown[-1].status is MeetingStatus.CONFIRMED


async def test_where_nothing_can_be_chosen_it_is_cancelled_at_its_deadline(
    world: World, autojump_clock: MockClock
) -> None:
    async with one(world, rule=Rule(kind="unanimous")) as node:
        await node.ask("m", CastVote(BOB, "t1", "yes"))
        world.offset = 12 * HOUR
        await trio.sleep(3)
    last = world.shown[-1]
    assert last.status is MeetingStatus.CANCELLED
    assert last.decision is not None and last.decision.because == "no_option"
    assert {each.fault for each in last.decision.considered} == {"nobody"}


async def test_it_ends_with_the_last_of_its_times(world: World, autojump_clock: MockClock) -> None:
    async with one(world, deadline=None) as node:
        await node.ask("m", CastVote(BOB, "t0", "no"))
        world.offset = 25 * HOUR
        await trio.sleep(3)
    assert world.shown[-1].status is MeetingStatus.CANCELLED


async def test_opened_again_it_does_not_decide_itself_by_the_old_votes(world: World) -> None:
    async with one(world) as node:
        for user in (ANN, BOB, CHO):
            for option in ("t0", "t1", "p0", "p1"):
                if world.shown[-1:] == [] or world.shown[-1].status is not MeetingStatus.CONFIRMED:
                    await node.ask("m", CastVote(user, option, "yes"))
        assert world.shown[-1].status is MeetingStatus.CONFIRMED
        assert {each.user_no for each in world.store.busy} == {ANN, BOB, CHO}
        kept = await node.ask("m", Reopen(ANN, Millis(START + 20 * HOUR)))
        assert (kept.status, kept.decision, kept.sequence) == (MeetingStatus.VOTING, None, 2)
        assert world.store.busy == []
        kept = await node.ask("m", CastVote(CHO, "t0", "no"))
        assert kept.status is MeetingStatus.VOTING
        kept = await node.ask("m", Confirm(ANN, "t1", "p1"))
        again = await node.ask("m", Confirm(ANN, "t1", "p1"))
        assert (kept.rev, kept.sequence) == (again.rev, 3)


async def test_who_has_not_voted_is_reminded_once_when_he_is_awake(
    world: World, autojump_clock: MockClock
) -> None:
    people = {
        ANN: person(ANN),
        BOB: person(BOB),
        CHO: person(CHO, "America/New_York"),  # where it is 03:00 when it begins
    }
    async with one(world, people=people, deadline=Millis(START + 14 * HOUR)) as node:
        await node.ask("m", CastVote(ANN, "t0", "yes"))
        world.offset = 7 * HOUR + 1_000  # half-way: midnight in Seoul, 10:00 in New York
        await trio.sleep(3)
        assert [user for kind, user, _ in world.news if kind == "vote_wanted"] == [CHO]
        world.offset = 13 * HOUR
        await trio.sleep(3)
    assert [user for kind, user, _ in world.news if kind == "vote_wanted"] == [CHO]


async def test_an_outage_is_told_and_nothing_is_shown(world: World) -> None:
    async with one(world) as node:
        world.store.fail_next = [StoreUnavailable("away")]
        assert await refused(node, CastVote(BOB, "t0", "yes")) == "unavailable"
        assert world.shown == []
        world.store.lose_next = [OutcomeUnknown("cut")]
        assert await refused(node, CastVote(BOB, "t0", "yes")) == "unavailable"
        kept = await node.ask("m", CastVote(CHO, "t0", "yes"))
    assert kept.votes == {(BOB, "t0"): "yes", (CHO, "t0"): "yes"}


async def test_a_command_that_crashes_keeps_no_other_from_being_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(draft: Any, _: Any) -> None:
        draft.meeting.title = "half done"
        raise RuntimeError("broken")

    monkeypatch.setattr(meeting_moves, "_withdraw", broken)
    answers: dict[str, str] = {}

    async def withdraw(node: Meetings) -> None:
        answers["withdraw"] = await refused(node, Withdraw(ANN, "t0"))

    async with one(world) as node, trio.open_nursery() as nursery:
        nursery.start_soon(withdraw, node)
        nursery.start_soon(node.ask, "m", CastVote(BOB, "t0", "yes"))
    assert answers == {"withdraw": "internal"}
    assert (world.shown[-1].title, len(world.shown[-1].votes)) == ("m", 1)


def test_every_state_is_left_as_the_table_says() -> None:
    assert set(TRANSITIONS) == set(MeetingStatus)
    assert not any(may(each, each) for each in MeetingStatus)
