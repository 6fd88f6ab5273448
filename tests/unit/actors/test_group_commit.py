"""Group commit: whatever the store does, every batch gets an outcome and rooms go on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
import trio.testing
from remembering_log import RememberingLog
from world import open_world

from actors.journal import GroupCommit, Lost, Outcome
from actors.ports import StoreUnavailable
from actors.records import Batch, Verdict

BATCH = Batch(1, 1, [], [], {}, [])


class ScriptedJournal:
    """Answers appends and probes with what it was given, and then well."""

    def __init__(self) -> None:
        self.appends: list[Exception | list[Verdict]] = []
        self.probes: list[Exception] = []

    async def append(self, batches: Sequence[Batch]) -> Sequence[Verdict]:
        await trio.lowlevel.checkpoint()
        answer = self.appends.pop(0) if self.appends else [Verdict.STORED] * len(batches)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def probe(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.probes:
            raise self.probes.pop(0)


class Committing:
    """A group commit that runs, and what its batches were told."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.journal, self.log = ScriptedJournal(), RememberingLog()
        self.told: list[Outcome] = []
        self.commit = GroupCommit(
            self.journal,  # type: ignore[arg-type]
            turn_ended=lambda: None,
            log=self.log,
        )
        nursery.start_soon(self.commit.run)

    async def submit(self, count: int = 1) -> list[Outcome]:
        """Submit *count* batches; everything told until a moment later."""
        for _ in range(count):
            self.commit.submit(BATCH, self.told.append)
        await trio.sleep(1)
        told, self.told = self.told, []
        return told


@pytest.fixture
async def committing(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> Committing:
    return Committing(nursery)


async def test_an_unexpected_failure_is_an_unknown_outcome_and_commits_go_on(
    committing: Committing,
) -> None:
    committing.journal.appends = [RuntimeError("no port's error")]
    assert await committing.submit(3) == [Lost.UNKNOWN] * 3
    assert committing.log.events == ["commit_failed"]
    assert await committing.submit() == [Verdict.STORED]
    assert committing.commit.idle()


async def test_too_few_verdicts_are_an_unknown_outcome(committing: Committing) -> None:
    committing.journal.appends = [[Verdict.STORED]]
    assert await committing.submit(2) == [Lost.UNKNOWN] * 2
    assert await committing.submit(2) == [Verdict.STORED] * 2


async def test_a_probe_that_fails_in_any_way_is_made_again(committing: Committing) -> None:
    committing.journal.appends = [StoreUnavailable("away")]
    committing.journal.probes = [KeyError("unexpected"), StoreUnavailable("still away")]
    assert await committing.submit() == [Lost.UNAVAILABLE]
    assert committing.log.events == ["store_unavailable", "probe_failed"]
    assert committing.commit.available
    assert await committing.submit() == [Verdict.STORED]


async def test_an_outcome_not_taken_keeps_no_other_waiting(committing: Committing) -> None:
    def refuse(_: Outcome) -> None:
        raise KeyError

    committing.commit.submit(BATCH, refuse)
    assert await committing.submit() == [Verdict.STORED]
    assert committing.log.events == ["outcome_not_taken"]


async def test_rooms_go_on_after_an_unexpected_failure(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob")
        ann = await world.connect("ann")
        world.journal.fail_next = [RuntimeError("unexpected")]  # type: ignore[list-item]
        ann.send("1")
        await trio.sleep(5)
        ann.send("2")
        await trio.sleep(5)
        assert [(one, seq) for one, seq, _ in ann.acks()] == [("1", 1), ("2", 2)]
        assert ann.events() == [1, 2]
        assert world.node.quiet()
