"""People who come back while others talk: each second some connect, resume all, and leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import trio

from bench.generator import Load, generate
from bench.results import Connected, Connects, Progress, Result, merged

EVERY = 1.0


class Returning:
    """A generator of its own beside the main one, in its measured part only."""

    def __init__(self, load: Load | None, program: Path, cores: tuple[int, ...]) -> None:
        self._load, self._program, self._cores = load, program, cores
        self._begun, self._over = trio.Event(), False
        self._results: list[Result] = []

    def look(self, line: Progress | Connected) -> None:
        """What the main generator says."""
        if isinstance(line, Progress) and line.phase == "run":
            self._begun.set()
        elif isinstance(line, Progress) and line.phase in {"drain", "end"}:
            self._over = True

    async def run(self) -> None:
        """Until the measured part is over."""
        if self._load is None:
            return
        await self._begun.wait()
        while not self._over:
            next_one = trio.current_time() + EVERY
            self._results.append(await generate(self._program, self._load, cores=self._cores))
            await trio.sleep_until(next_one)

    @property
    def connects(self) -> Connects | None:
        """All of them together; ``seconds`` is the longest that a group took."""
        if not self._results:
            return None
        each = [result.connect for result in self._results]
        return replace(
            each[0],
            ready=sum(one.ready for one in each),
            failed=sum(one.failed for one in each),
            resumed=sum(one.resumed for one in each),
            seconds=max(one.seconds for one in each),
            latency=merged(one.latency for one in each),
            resume=merged(one.resume for one in each),
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong with those who came back."""
        named: dict[str, int] = {}
        for result in self._results:
            for name, count in result.faults.named().items():
                named[name] = named.get(name, 0) + count
        return tuple(f"{count} {name} of those who came back" for name, count in named.items())
