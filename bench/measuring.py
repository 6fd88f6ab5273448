"""One workload against one target: prepare the server, let the generator run, look what it took."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from bench.generator import Load, generate
from bench.loads import CONNECT_WITHIN, Loads
from bench.pinning import Cores
from bench.record import Cost, Measure, Memory
from bench.results import Connected, Progress, Result
from bench.returning import Returning
from bench.targets import Running, Target
from bench.usage import Meter, Usage
from bench.workloads import Mode, Workload

MARGIN = 30.0
TALKING, CONNECTING = ("run", "drain"), ("connect", "connected")
MEASURED: dict[Mode, tuple[str, str]] = {
    "closed": TALKING,
    "open": TALKING,
    "hold": CONNECTING,
    "storm": CONNECTING,
}
"""The phases between which CPU counts."""
FULLEST: dict[Mode, str] = {
    "closed": "run",
    "open": "run",
    "hold": "hold",
    "storm": "connected",
}
"""The phase at whose last look memory counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all measurements share. *seen* gets each server once it runs."""

    program: Path
    cores: Cores
    tell: Callable[[Progress | Connected], None] = lambda _: None
    seen: Callable[[Running], None] = lambda _: None

    @property
    def generator_cores(self) -> tuple[int, ...]:
        """Where the generator runs; empty for anywhere."""
        return () if self.cores.generator is None else (self.cores.generator,)


def measure(workload: Workload, target: Target, bench: Bench, *, number: int = 1) -> Measure:
    """Round *number* of it."""
    with (
        target.open(workload, core=bench.cores.server) as running,
        tempfile.TemporaryDirectory(prefix="madang-plan-") as folder,
    ):
        bench.seen(running)
        loads = Loads(workload, running, Path(folder))
        _prepare(workload, loads, bench)
        meter = Meter(running.processes)
        returning = Returning(loads.comers(), bench.program, bench.generator_cores)
        result = trio.run(partial(_run, loads.main(), bench, meter, returning))
    return Measure(
        workload=workload.name,
        target=target.facts.name,
        round=number,
        result=result,
        cost=cost(workload.mode, meter),
        memory=memory(workload.mode, meter),
        returns=returning.connects,
        problems=(*problems(workload, result), *returning.problems),
    )


def _prepare(workload: Workload, loads: Loads, bench: Bench) -> None:
    """Somebody was there before, or there is something to miss."""
    load = loads.filling() if workload.gap else loads.few() if workload.mode == "hold" else None
    if load is not None:
        trio.run(partial(generate, bench.program, load, cores=bench.generator_cores))


async def _run(load: Load, bench: Bench, meter: Meter, returning: Returning) -> Result:
    def tell(line: Progress | Connected) -> None:
        meter.look(line)
        returning.look(line)
        bench.tell(line)

    lasting = (load.warmup or 0) + (load.seconds or 0) + (load.drain_s or 0)
    with trio.fail_after(CONNECT_WITHIN + lasting + MARGIN):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(returning.run)
            result = await generate(bench.program, load, cores=bench.generator_cores, tell=tell)
            nursery.cancel_scope.cancel()
    return result


def cost(mode: Mode, meter: Meter) -> Cost | None:
    """CPU from the first look at one phase to the first look at another."""
    begin, end = (meter.first.get(phase) for phase in MEASURED[mode])
    if begin is None or end is None:
        return None
    return Cost(
        seconds=end.at - begin.at,
        server_s=end.server_s - begin.server_s,
        database_s=end.database_s - begin.database_s,
    )


def memory(mode: Mode, meter: Meter) -> Memory | None:
    """Before anybody connected, and with all of them there."""
    before: Usage | None = meter.first.get("connect")
    after = meter.last.get(FULLEST[mode])
    if before is None or after is None:
        return None
    return Memory(
        server_before_kib=before.server_kib,
        server_after_kib=after.server_kib,
        database_before_kib=before.database_kib,
        database_after_kib=after.database_kib,
        sockets_before_kib=before.sockets_kib,
        sockets_after_kib=after.sockets_kib,
    )


def problems(workload: Workload, result: Result) -> tuple[str, ...]:
    """What makes a run worth nothing, however fast it was."""
    found = [f"{count} {name}{_why(name, result)}" for name, count in result.faults.named().items()]
    if workload.mode == "storm":
        left = result.connections - result.connect.resumed
        found += [f"{left} not resumed"] if left else []
        more = "gaps that were not replayed: the rooms held more than was missed"
        found += [f"{result.gaps} {more}"] if result.gaps else []
    elif workload.mode != "hold" and not result.window.delivered:
        found.append("nothing was delivered")
    return tuple(found)


def _why(fault: str, result: Result) -> str:
    """The reasons of those connections that failed or were closed, the most frequent first."""
    reasons = {"failed": result.failures, "closed": result.closes}.get(fault)
    if not reasons:
        return ""
    return f" ({', '.join(sorted(reasons, key=lambda reason: -reasons[reason])[:3])})"
