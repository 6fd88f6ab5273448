"""All the measurements of one run of the bench, in rounds that alternate between the targets."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, TextIO

import trio

from bench.figures import shown, value
from bench.generator import GeneratorFailed
from bench.machine import database_facts, look_around
from bench.madang import Folders, ServerFailed
from bench.measuring import Bench, measure
from bench.peers.running import PeerFailedError
from bench.progress import Display
from bench.record import VERSION, Measure, Record, Skipped
from bench.targets import Elsewhere, NotHere, Running, Target
from bench.workloads import Workload
from server.failure import CannotRun, first_cause

FAILURES = (GeneratorFailed, ServerFailed, PeerFailedError, CannotRun, trio.TooSlowError, OSError)
FILES_BESIDE = 300  # that a server has open beside its connections


class Run(NamedTuple):
    """One cell of the table, once."""

    number: int
    workload: Workload
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every workload against every target that can do it, *rounds* times.

    *missing* are targets that were asked for and can't be had here.
    """

    workloads: Sequence[Workload]
    targets: Sequence[Target]
    rounds: int = 1
    missing: Sequence[Skipped] = ()

    def runs(self) -> Iterator[Run]:
        """Each second round goes through the targets backwards: no one is always first."""
        for number in range(1, self.rounds + 1):
            targets = self.targets if number % 2 else self.targets[::-1]
            for workload in self.workloads:
                for target in targets:
                    if target.facts.chat or not workload.chat_only:
                        yield Run(number, workload, target)


class Series:
    """Goes through a plan and keeps what comes of it."""

    def __init__(self, plan: Plan, bench: Bench, folders: Folders, out: TextIO) -> None:
        self._plan, self._folders = plan, folders
        self._runs = list(plan.runs())
        self._display = Display(len(self._runs), out)
        self._bench = replace(bench, tell=self._display.tell, seen=self._look)
        self._database: dict[str, str] = {}
        self._measures: list[Measure] = []
        self._skipped: list[Skipped] = []

    def run(self, arguments: Sequence[str]) -> Record:
        """All of it; what one run can't do does not stop the others."""
        elsewhere = any(isinstance(target, Elsewhere) for target in self._plan.targets)
        machine = look_around(
            self._folders.parent,
            self._bench.cores,
            rate_limits="as that server has them" if elsewhere else "off",
        )
        at = datetime.now(UTC).isoformat(timespec="seconds")
        for each in self._runs:
            self._display.begin(f"{each.workload.name} {each.target.facts.name}")
            try:
                self._display.end(self._one(each))
            except KeyboardInterrupt:
                self._display.end(self._skip(each, "stopped by hand, as all after it", failed=True))
                break
        return Record(
            version=VERSION,
            at=at,
            arguments=tuple(arguments),
            rounds=self._plan.rounds,
            machine=replace(machine, database=self._database),
            targets=tuple(target.facts for target in self._plan.targets),
            workloads=tuple(self._plan.workloads),
            measures=tuple(self._measures),
            skipped=(*self._plan.missing, *self._skipped),
        )

    def _one(self, run: Run) -> str:
        """What is said of it."""
        try:
            check_limits(run.workload)
            got = measure(run.workload, run.target, self._bench, number=run.number)
        except NotHere as reason:
            return self._skip(run, str(reason), failed=False)
        except (*FAILURES, BaseExceptionGroup) as error:
            cause = first_cause(error)
            if not isinstance(cause, FAILURES):
                raise cause from error
            return self._skip(run, str(cause) or type(cause).__name__, failed=True)
        self._measures.append(got)
        return f"FAIL: {', '.join(got.problems)}" if got.problems else headline(run.workload, got)

    def _skip(self, run: Run, reason: str, *, failed: bool) -> str:
        self._skipped.append(
            Skipped(run.workload.name, run.target.facts.name, reason, failed=failed)
        )
        return f"FAIL: {reason}" if failed else f"not measured: {reason}"

    def _look(self, running: Running) -> None:
        """Ask the first database there is what it promises."""
        if running.data is not None and not self._database:
            with suppress(CannotRun):
                self._database = database_facts(running.data)


def check_limits(workload: Workload) -> None:
    """Raise NotHere where so many files may not be open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = workload.connections + FILES_BESIDE
    if most != resource.RLIM_INFINITY and wanted > most:
        raise NotHere(f"{workload.connections:,} connections, but ulimit -Hn is {most:,}")


def headline(workload: Workload, run: Measure) -> str:
    """Its first figures."""
    pairs = ((name, value(name, [run])) for name in workload.figures[:3])
    return ", ".join(f"{name} {shown(got.middle)}" for name, got in pairs if got)
