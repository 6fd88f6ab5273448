"""Runs the load generator: one process, pinned to its cores, its lines told as they come."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import trio

from bench.results import LINES, Connected, Line, Progress, Result, SelfTest

Ended = TypeVar("Ended", Result, SelfTest)


class GeneratorFailed(Exception):
    """The generator ended without a result; the message is its own line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The command line. Where there is no plan, *rooms* of *members* who need no token.

    >>> Load(url="ws://localhost:1/", rooms=1, members=2, drain_s=2.5).arguments()[-2:]
    ['--drain-s', '2.5']
    """

    url: str
    dialect: Literal["madang", "raw", "socketio"] = "madang"
    mode: Literal["closed", "open", "hold", "storm"] = "closed"
    plan: Path | None = None
    rooms: int | None = None
    members: int | None = None
    body: int | None = None
    inflight: int | None = None
    senders: Literal["all", "one"] | None = None
    rate: float | None = None
    seconds: float | None = None
    warmup: float | None = None
    stopped: int | None = None
    connecting: int | None = None
    connect_s: float | None = None
    settle_s: float | None = None
    drain_s: float | None = None
    reads: float | None = None
    typing: float | None = None
    pages: float | None = None
    statuses: float | None = None

    def arguments(self) -> list[str]:
        """What is None is left to the program."""
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                words += [f"--{field.name.replace('_', '-')}", str(value)]
        return words


@dataclass(frozen=True, slots=True)
class Seat:
    """One member of a room: who, and up to where he has seen it (for a storm)."""

    token: str
    cursor: int | None = None

    def __str__(self) -> str:
        return self.token if self.cursor is None else f"{self.token}@{self.cursor}"


def write_plan(path: Path, rooms: Mapping[str, Iterable[Seat]]) -> None:
    """Who sits where. It holds tokens, so that nobody else may read it."""
    lines = [" ".join((room, *map(str, seats))) + "\n" for room, seats in rooms.items()]
    path.touch(mode=0o600)
    path.write_text("".join(lines), "ascii")


async def generate(
    program: Path,
    load: Load,
    *,
    cores: Collection[int] = (),
    tell: Callable[[Progress | Connected], None] = lambda _: None,
) -> Result:
    """Run *load* on *cores* (none: on all); what happens meanwhile goes to *tell*."""
    return await _run([str(program), *load.arguments()], Result, cores, tell)


async def self_test(program: Path, *, seconds: float = 2, cores: Collection[int] = ()) -> SelfTest:
    """How many deliveries a second *program* can read."""
    command = [str(program), "--self-test", "--seconds", str(seconds)]
    return await _run(command, SelfTest, cores, lambda _: None)


async def _run(
    command: Sequence[str],
    kind: type[Ended],
    cores: Collection[int],
    tell: Callable[[Progress | Connected], None],
) -> Ended:
    """Cancelled, it ends the process."""
    result: Ended | None = None
    complaint = bytearray()
    async with trio.open_nursery() as nursery:
        run = partial(
            trio.run_process, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
        )
        process: trio.Process = await nursery.start(run)
        if cores:
            with suppress(ProcessLookupError):  # it ended at once, and says why
                os.sched_setaffinity(process.pid, cores)
        assert process.stdout is not None
        assert process.stderr is not None
        nursery.start_soon(_drain, process.stderr, complaint)
        async for line in _lines(process.stdout):
            if isinstance(line, kind):
                result = line
            elif isinstance(line, Progress | Connected):
                tell(line)
    if result is None or process.returncode:
        said = complaint.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        raise GeneratorFailed(f"{said[-1]} (exit code {process.returncode})")
    return result


async def _drain(stream: trio.abc.ReceiveStream, into: bytearray) -> None:
    async for data in stream:
        into += data


async def _lines(stream: trio.abc.ReceiveStream) -> AsyncIterator[Line]:
    rest = b""
    async for data in stream:
        *whole, rest = (rest + bytes(data)).split(b"\n")
        for line in whole:
            yield read_line(line)


def read_line(line: bytes) -> Line:
    """One line of the program.

    >>> read_line(b'{"t":"connected","ready":1,"failed":0,"resumed":0,"seconds":2.0,"per_s":0.5}')
    Connected(ready=1, failed=0, resumed=0, seconds=2.0, per_s=0.5)
    """
    tag: str = msgspec.json.decode(line)["t"]
    return msgspec.json.decode(line, type=LINES[tag])
