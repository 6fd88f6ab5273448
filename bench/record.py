"""The result as it is kept: one JSON file a run of the bench, with a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.machine import Machine
from bench.results import Connects, Result
from bench.targets import Facts
from bench.workloads import Workload

VERSION = 1
FOLDER = Path(".bench/results")


class NotARecord(Exception):
    """A file that is no result of this bench; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds over the measured part. The generator's own are in its result."""

    seconds: float
    server_s: float
    database_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident, and the kernel's for sockets: before anybody connected, and with all there."""

    server_before_kib: int
    server_after_kib: int
    database_before_kib: int
    database_after_kib: int
    sockets_before_kib: int
    sockets_after_kib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One run of one workload against one target. *problems* is empty where it may be believed."""

    workload: str
    target: str
    round: int
    result: Result
    cost: Cost | None
    memory: Memory | None
    returns: Connects | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not measured, and why. *failed*: it should have been."""

    workload: str
    target: str
    reason: str
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything of one run of the bench."""

    version: int
    at: str
    arguments: tuple[str, ...]
    rounds: int
    machine: Machine
    targets: tuple[Facts, ...]
    workloads: tuple[Workload, ...]
    measures: tuple[Measure, ...]
    skipped: tuple[Skipped, ...]

    def runs(self, workload: str, target: str) -> list[Measure]:
        """All rounds of one cell of the table."""
        return [
            each for each in self.measures if (each.workload, each.target) == (workload, target)
        ]

    def problems(self) -> list[str]:
        """What makes the whole run a failure, a line each."""
        wrong = [
            f"{each.workload} {each.target} round {each.round}: {', '.join(each.problems)}"
            for each in self.measures
            if each.problems
        ]
        missing = [
            f"{each.workload} {each.target}: {each.reason}" for each in self.skipped if each.failed
        ]
        return wrong + missing + ([] if self.measures else ["nothing was measured"])


def write_record(record: Record, path: Path) -> None:
    """As JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(record) + b"\n")
    part.replace(path)


def read_record(path: Path) -> Record:
    """The other way round; raises NotARecord."""
    try:
        text = path.read_bytes()
        known: Mapping[str, object] = msgspec.json.decode(text)
        if known.get("version") != VERSION:
            raise NotARecord(f"{path}: version {known.get('version')}, and this reads {VERSION}")
        return msgspec.json.decode(text, type=Record)
    except (OSError, msgspec.MsgspecError, AttributeError) as error:
        raise NotARecord(f"{path}: {error}") from error
