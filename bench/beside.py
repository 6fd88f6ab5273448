"""What a chat feels of something else: the same load by turns with it and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Final, NamedTuple

import trio

from bench.database import opened
from bench.figures import shown
from bench.generator import Load, generate, write_plan
from bench.madang import Folders, Measured, measured_server, seats_of
from bench.measuring import Bench
from bench.pinning import pin
from bench.results import Result
from bench.usage import Stolen
from bench.workloads import Crowd, chosen
from server.lifecycle import backends

ROUNDS, ROUND_S, RATE = 6, 6.0, 1_000.0
ROOMS: Final = 500
WITHIN_S: Final = 600.0
STOLEN_MOST, TRIES, REST_S = 0.02, 4, 5.0

Prepare = Callable[[Measured, str], None]
"""Once, with the server and the address of its database."""
Meanwhile = Callable[[Measured, str], AbstractAsyncContextManager[object]]
"""What is done beside the chat, for as long as it lasts."""


class Felt(NamedTuple):
    """The p99 of the chat's deliveries in milliseconds, round by round; and of the time of the
    machine, the most that its host kept from it in a round.
    """

    without: Sequence[float]
    beside: Sequence[float]
    stolen: float

    def lines(self, scale: float, what: str) -> Iterator[str]:
        """It in words."""
        crowd = _crowd(scale)
        yield f"{RATE * scale:,.0f} messages a second in {crowd.rooms} rooms of 2:"
        for each, words in ((self.without, "without"), (self.beside, f"with {what}")):
            rounds = ", ".join(shown(p99) for p99 in each)
            yield f"  p99 {words}: {shown(median(each))} ms ({rounds})"
        yield f"  ratio {median(self.beside) / median(self.without):.2f}"
        yield f"  {self.stolen:.1%} of the machine was its host's in the worst round"


def felt(
    folders: Folders, scale: float, bench: Bench, *, prepare: Prepare, meanwhile: Meanwhile
) -> Felt:
    """Rounds of a chat on one server, each after a checkpoint, which the one before might cause."""
    late: dict[bool, list[float]] = {True: [], False: []}
    stolen = 0.0
    with measured_server([_crowd(scale)], folders=folders) as server:
        pin([server.pid], bench.cores.server)
        plan = server.data.parent / "plan"
        write_plan(plan, seats_of(server.people))
        load = replace(_load(scale), url=f"ws://{server.host}:{server.port}/ws", plan=plan)
        with backends(server.data, None, None, role="command") as running:
            prepare(server, running.database_url)
            for turn in range(ROUNDS):
                # With, without, without, with, ...: what drifts drifts for both.
                other = turn % 4 in (0, 3)
                beside = partial(meanwhile, server, running.database_url) if other else None
                p99, share = trio.run(_quiet_round, bench, load, beside, running.database_url)
                late[other].append(p99)
                stolen = max(stolen, share)
    return Felt(late[False], late[True], stolen)


def _crowd(scale: float) -> Crowd:
    return Crowd.apart(max(1, round(ROOMS * scale)), 2)


def _load(scale: float) -> Load:
    usual = chosen(["W2"])[0]
    return Load(
        url="",
        mode="open",
        rate=max(20.0, RATE * scale),
        body=usual.body,
        seconds=ROUND_S,
        warmup=1.0,
        drain_s=usual.drain,
    )


Beside = Callable[[], AbstractAsyncContextManager[object]]


async def _quiet_round(
    bench: Bench, load: Load, beside: Beside | None, url: str
) -> tuple[float, float]:
    """The p99, and how much was stolen: a round that lost too much is measured again."""
    tries = 0
    while True:
        await _checkpoint(url)
        stolen, tries = Stolen(), tries + 1
        p99 = await _round(bench, load, beside)
        share = stolen.share()
        if share <= STOLEN_MOST or tries == TRIES:
            return p99, share
        await trio.sleep(REST_S * tries)


async def _checkpoint(url: str) -> None:
    async with opened(url) as database:
        await database.execute("CHECKPOINT", within=WITHIN_S)


async def _round(bench: Bench, load: Load, beside: Beside | None) -> float:
    run = partial(generate, bench.program, load, cores=bench.generator_cores)
    with trio.fail_after(WITHIN_S):
        if beside is None:
            return _p99(await run())
        async with beside():
            return _p99(await run())


def _p99(result: Result) -> float:
    assert result.is_sound, result.faults
    return result.delivery.percentile(99) / 1e6
