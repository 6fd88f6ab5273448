"""Which plots a result has: lead and speed by workload, latency by percentile, and growth."""

from __future__ import annotations

from collections.abc import Iterator
from math import log10

from bench.plots import Curve, bars, curves
from bench.record import Record
from bench.results import Histogram, merged
from bench.tables import cell
from bench.workloads import Workload

NINES = ((0.0, "0"), (1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %"), (4.0, "99.99 %"))
POINTS = 80


def speed(record: Record, workload: Workload) -> str:
    """The first figure of each target."""
    rows = [
        (target.title, got.middle)
        for target in record.targets
        if (got := cell(record, workload, target.name, workload.figures[0]))
    ]
    return bars(rows) if rows else ""


def latency(record: Record, workload: Workload) -> str:
    """What part of the deliveries took at most how long; each nine is as wide as the one before."""
    lines = []
    for target in record.targets:
        runs = record.runs(workload.name, target.name)
        whole = merged(
            run.result.connect.resume if workload.mode == "storm" else run.result.delivery
            for run in runs
        )
        if whole.count:
            lines.append(Curve(target.title, list(_percentiles(whole))))
    return curves(lines, across="of all deliveries", up="ms", ticks=NINES)


def _percentiles(histogram: Histogram) -> Iterator[tuple[float, float]]:
    """As far as there are enough of them for another nine to mean something."""
    last = min(NINES[-1][0], log10(max(histogram.count, 2)))
    for n in range(POINTS + 1):
        nines = last * n / POINTS
        yield nines, max(histogram.percentile(100 * (1 - 10**-nines)), 1000) / 1e6


def growth(record: Record) -> Iterator[tuple[str, str]]:
    """A title and a plot for each thing that grows."""
    kinds = dict.fromkeys(each.growth[0] for each in record.workloads if each.growth)
    for kind in kinds:
        points = [each for each in record.workloads if each.growth and each.growth[0] == kind]
        ticks = [(float(each.growth[1]), f"{each.growth[1]:,}") for each in points if each.growth]
        figure = points[0].figures[0]
        lines = [
            Curve(target.title, found)
            for target in record.targets
            if (found := _points(record, points, target.name, figure))
        ]
        if lines and len(ticks) > 1:
            title = f"{figure} by {kind}"
            yield (
                title,
                curves(
                    lines, across=kind, up=figure, ticks=ticks, logarithmic_x=True, from_zero=True
                ),
            )


def _points(
    record: Record, points: list[Workload], target: str, figure: str
) -> list[tuple[float, float]]:
    return [
        (float(each.growth[1]), got.middle)
        for each in points
        if each.growth and (got := cell(record, each, target, figure))
    ]


def plots(record: Record) -> Iterator[tuple[str, str]]:
    """All of them that are not empty, by a name for a file."""
    for workload in record.workloads:
        if workload.growth is None:
            yield from (
                (f"{kind}-{workload.name}", drawn)
                for kind, drawn in (
                    ("speed", speed(record, workload)),
                    ("latency", latency(record, workload)),
                )
                if drawn
            )
    for title, drawn in growth(record):
        yield f"growth-{title.rpartition(' by ')[2].replace(' ', '-')}", drawn
