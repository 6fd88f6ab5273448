"""Two results side by side: how the second differs from the first, and whether that is noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bench.figures import ratio, shown
from bench.record import Record
from bench.tables import aligned, cell

THRESHOLD = 0.9


class Change(NamedTuple):
    """One cell of both. *times* above 1 is better; *noise* is how far the rounds of both differ."""

    workload: str
    target: str
    figure: str
    before: float
    after: float
    times: float
    noise: float

    def is_worse(self, threshold: float) -> bool:
        """Worse than *threshold* allows, and by more than the rounds differ among themselves."""
        return self.times < threshold and 1 - self.times > self.noise


def changes(before: Record, after: Record) -> Iterator[Change]:
    """Of the first figure of each workload that both have."""
    for workload in after.workloads:
        figure = workload.figures[0]
        for target in after.targets:
            old = cell(before, workload, target.name, figure)
            new = cell(after, workload, target.name, figure)
            times = ratio(figure, new.middle, old.middle) if old and new else None
            if old and new and times is not None:
                noise = max(old.spread, new.spread)
                yield Change(
                    workload.name, target.name, figure, old.middle, new.middle, times, noise
                )


def comparison(found: list[Change], threshold: float) -> str:
    """As a table; what became worse says so."""
    head = ["", "figure", "before", "after", "times", "noise", ""]
    rows = [
        [
            f"{each.workload} {each.target}",
            each.figure,
            shown(each.before),
            shown(each.after),
            f"{each.times:.2f}",
            f"{each.noise:.0%}",
            "WORSE" if each.is_worse(threshold) else "",
        ]
        for each in found
    ]
    return "\n".join(aligned([head, *rows]))
