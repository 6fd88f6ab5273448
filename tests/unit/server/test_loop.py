"""What the server notes of its own loop and of its collector."""

from __future__ import annotations

import gc
import time

import trio

from actors.supervisor import Log
from server.garbage import THRESHOLDS, Pauses, calm_collector
from server.loop_turns import BOUNDS, LoopTurns, watched


class NotedLog:
    def __init__(self) -> None:
        self.noted: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **values: object) -> None:
        self.noted.append((event, values))

    warning = error = info


async def test_turns_are_counted_and_a_slow_one_is_named() -> None:
    log: Log = NotedLog()
    turns = LoopTurns(log)

    async def hog() -> None:
        await trio.lowlevel.checkpoint()
        time.sleep(0.06)  # noqa: ASYNC251 - holding the loop is the point

    with watched(turns):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hog, name="the hog")
        for _ in range(50):
            await trio.lowlevel.checkpoint()
    counted = sum(turns.counts)
    await trio.lowlevel.checkpoint()
    assert counted == sum(turns.counts) >= 50 and len(turns.counts) == len(BOUNDS) + 1
    assert sum(turns.counts[BOUNDS.index(0.1) :]) == 1 and turns.longest > 0.06
    assert [(event, values["task"]) for event, values in log.noted] == [("slow_turn", "the hog")]  # type: ignore[attr-defined]


def test_the_collector_is_calm_and_its_pauses_are_counted() -> None:
    log = NotedLog()
    ticks = iter([0.0, 0.02, 1.0, 1.06])
    pauses = Pauses(log, clock=lambda: next(ticks))
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with calm_collector(pauses):
        assert gc.get_threshold() == THRESHOLDS
        assert gc.get_freeze_count() > frozen
        gc.collect(0)
        gc.collect(2)
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0
    assert pauses.collections == [1, 0, 1] and abs(pauses.longest - 0.06) < 1e-9
    assert [(event, values["generation"]) for event, values in log.noted] == [
        ("slow_collection", 2)
    ]
    assert not any(getattr(call, "__self__", None) is pauses for call in gc.callbacks)
