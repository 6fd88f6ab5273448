"""Results that nobody measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from bench.machine import Machine
from bench.record import VERSION, Cost, Measure, Memory, Record, Skipped
from bench.results import Connects, Counts, Faults, Histogram, Result, Span
from bench.targets import Facts
from bench.workloads import GROWTH, Workload, chosen

NO_FAULTS = Faults(*(0 for _ in fields(Faults)))
MADANG = Facts("madang", "Madang", "every message, first", "0.1", chat=True)
NODE = Facts("node_ws", "Node <ws> & co", "nothing", "8", chat=False)
MACHINE = Machine(
    system="Debian",
    kernel="6",
    cpu="Some CPU",
    cores=2,
    cores_allowed=(0, 1),
    memory_gib=8.0,
    load_average=0.1,
    python="CPython 3.11.7",
    packages={"trio": "0.35.0"},
    commit="abc",
    data_file_system="ext4",
    open_files="1024 (at most 20000)",
    rate_limits="off",
    pinning="server on core 0",
    database={"fsync": "on", "synchronous_commit": "on"},
)


def result(delivered: int, faults: Faults = NO_FAULTS, dialect: str = "madang") -> Result:
    """Ten seconds in which a tenth of *delivered* were sent; latencies of 1 to 100 ms."""
    late = Histogram.of({n * 1_000_000: 1 + delivered // 100 for n in range(1, 101)})
    sent = delivered // 10
    counts = (sent, sent, 0, delivered, 1000, 1000)
    return Result(
        version=1,
        dialect=dialect,
        mode="closed",
        rooms=1,
        members=10,
        connections=10,
        body=64,
        connect=Connects(10, 0, 10, 0.01, 1000.0, late, late),
        window=Span(*counts, seconds=10.0, cpu_s=1.0),
        total=Counts(*counts),
        gaps=0,
        unread_checked=0,
        mixed=0,
        stopped=0,
        stopped_hung_up=0,
        faults=faults,
        ack=late,
        delivery=late,
        last=late,
        refusals={},
        closes={},
        failures={},
        frames={},
    )


def measure(
    workload: str, target: str, delivered: int, *, number: int = 1, problem: str = ""
) -> Measure:
    """One run; a *problem* makes it worth nothing."""
    return Measure(
        workload=workload,
        target=target,
        round=number,
        result=result(delivered, dialect="madang" if target == "madang" else "raw"),
        cost=Cost(seconds=10.0, server_s=5.0, database_s=1.0),
        memory=Memory(
            server_before_kib=1000,
            server_after_kib=1040,
            database_before_kib=0,
            database_after_kib=0,
            sockets_before_kib=0,
            sockets_after_kib=100,
        ),
        returns=None,
        problems=(problem,) if problem else (),
    )


def record(measures: Sequence[Measure], *, workloads: Sequence[Workload] | None = None) -> Record:
    """A run of the bench in which Madang and a peer met."""
    return Record(
        version=VERSION,
        at="2026-01-01T00:00:00+00:00",
        arguments=("W2",),
        rounds=max(each.round for each in measures),
        machine=MACHINE,
        targets=(MADANG, NODE),
        workloads=tuple(chosen(["W2"]) if workloads is None else workloads),
        measures=tuple(measures),
        skipped=(Skipped("W2", "socketify", "no <package>", failed=False),),
    )


def three_rounds(ours: Sequence[int], theirs: Sequence[int]) -> Record:
    """W2 in as many rounds as there are deliveries."""
    return record(
        [
            measure("W2", target.name, delivered, number=number)
            for target, all_of_it in ((MADANG, ours), (NODE, theirs))
            for number, delivered in enumerate(all_of_it, 1)
        ]
    )


def grown() -> Record:
    """The points of all curves."""
    points = [replace(each, seconds=1.0) for each in GROWTH]
    return record([measure(each.name, "madang", 1000) for each in points], workloads=points)
