"""The figures of a measurement, by the names that workloads ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.record import Cost, Measure
from bench.results import Histogram

MS = 1e6
DIGITS = ((100, 0), (10, 1), (1, 2))


Reading = Callable[[Measure], float | None]
"""How a figure is read off a run; None where this run has none."""


@dataclass(frozen=True, slots=True)
class Value:
    """The median of several rounds, and how far they lie apart, as a part of it."""

    middle: float
    spread: float
    rounds: int


def _messages(run: Measure) -> float:
    """Those that were acknowledged, or that a relay got."""
    window = run.result.window
    return window.acked if run.result.dialect == "madang" else window.sent


def _per_second(count: float, run: Measure) -> float | None:
    return count / run.result.window.seconds if run.result.window.seconds else None


def _cost(run: Measure, count: float, *, database: bool = False) -> float | None:
    """Microseconds of CPU for each."""
    if run.cost is None or not count:
        return None
    return (run.cost.database_s if database else run.cost.server_s) * 1e6 / count


def _share(run: Measure, cpu_s: Callable[[Cost], float]) -> float | None:
    """Of one core, in percent."""
    return 100 * cpu_s(run.cost) / run.cost.seconds if run.cost and run.cost.seconds else None


def _generator_share(run: Measure) -> float | None:
    window = run.result.window
    return 100 * window.cpu_s / window.seconds if window.seconds else None


def _growth_kib(run: Measure) -> float | None:
    if run.memory is None:
        return None
    return run.memory.server_after_kib - run.memory.server_before_kib


def _growth_mib(run: Measure) -> float | None:
    grown = _growth_kib(run)
    return None if grown is None else grown / 1024


def _kernel_mib(run: Measure) -> float | None:
    """What sockets hold that nobody reads: a server that writes on leaves it to the kernel."""
    if run.memory is None:
        return None
    return (run.memory.sockets_after_kib - run.memory.sockets_before_kib) / 1024


def _each_kib(run: Measure) -> float | None:
    grown = _growth_kib(run)
    return None if grown is None else grown / max(1, run.result.connect.ready)


def _late(which: Callable[[Measure], Histogram | None], percent: float) -> Reading:
    """Milliseconds that *percent* of them were not above."""

    def read(run: Measure) -> float | None:
        histogram = which(run)
        return histogram.percentile(percent) / MS if histogram and histogram.count else None

    return read


def _delivery(run: Measure) -> Histogram:
    return run.result.delivery


def _last(run: Measure) -> Histogram:
    return run.result.last


def _ack(run: Measure) -> Histogram:
    return run.result.ack


def _resume(run: Measure) -> Histogram:
    return run.result.connect.resume


def _return(run: Measure) -> Histogram | None:
    return run.returns.resume if run.returns else None


MORE_IS_BETTER: Mapping[str, Reading] = {
    "deliveries/s": lambda run: _per_second(run.result.window.delivered, run),
    "messages/s": lambda run: _per_second(_messages(run), run),
    "connects/s": lambda run: run.result.connect.per_s,
    "resumed": lambda run: run.result.connect.resumed,
}
LESS_IS_BETTER: Mapping[str, Reading] = {
    "p50 ms": _late(_delivery, 50),
    "p90 ms": _late(_delivery, 90),
    "p99 ms": _late(_delivery, 99),
    "p99.9 ms": _late(_delivery, 99.9),
    "max ms": _late(_delivery, 100),
    "last p50 ms": _late(_last, 50),
    "last p99 ms": _late(_last, 99),
    "ack p99 ms": _late(_ack, 99),
    "resume p50 ms": _late(_resume, 50),
    "resume p99 ms": _late(_resume, 99),
    "reconnect p99 ms": _late(_return, 99),
    "server us/delivery": lambda run: _cost(run, run.result.window.delivered),
    "server us/message": lambda run: _cost(run, _messages(run)),
    "database us/message": lambda run: _cost(run, _messages(run), database=True),
    "KiB/connection": _each_kib,
    "RSS MiB": _growth_mib,
    "all resumed s": lambda run: run.result.connect.seconds,
    "server CPU %": lambda run: _share(run, lambda cost: cost.server_s),
    "database CPU %": lambda run: _share(run, lambda cost: cost.database_s),
    "generator CPU %": _generator_share,
    "KiB/s out": lambda run: _per_second(run.result.window.bytes_in / 1024, run),
    "kernel MiB": _kernel_mib,
}
COSTS = (
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "server CPU %",
    "database CPU %",
    "generator CPU %",
    "KiB/s out",
    "RSS MiB",
)
"""What the page shows of every workload, beside its own figures."""
FIGURES = {**MORE_IS_BETTER, **LESS_IS_BETTER}


def value(name: str, runs: Sequence[Measure]) -> Value | None:
    """The figure *name* over all *runs*."""
    found = [got for run in runs if (got := FIGURES[name](run)) is not None]
    if not found:
        return None
    middle = float(median(found))
    spread = (max(found) - min(found)) / middle if middle else 0.0
    return Value(middle, spread, len(found))


def ratio(name: str, one: float, other: float) -> float | None:
    """How many times better *one* is than *other*: above 1 is better, whatever the figure.

    >>> ratio("messages/s", 300, 100), ratio("p99 ms", 300, 100)
    (3.0, 0.3333333333333333)
    """
    better, worse = (one, other) if name in MORE_IS_BETTER else (other, one)
    return better / worse if worse else None


def shown(number: float) -> str:
    """Three digits that count.

    >>> [shown(number) for number in (1234567.0, 56.78, 3.14159, 0.0123)]
    ['1,234,567', '56.8', '3.14', '0.012']
    """
    digits = next((digits for least, digits in DIGITS if abs(number) >= least), 3)
    return f"{number:,.{digits}f}"
