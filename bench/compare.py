"""Two results side by side: how the second differs from the first, and whether that is noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

from bench.figures import Value, ratio, shown
from bench.record import Record
from bench.tables import aligned, cell
from bench.workloads import Workload

WORDS = frozenset({"about", "figures"})
"""What a workload says of itself, and not what it does."""


class Change(NamedTuple):
    """One cell of both. *times* above 1 is better; *noise* is how far the rounds of both differ.

    It is None where one of them has a single round: then nobody knows.
    """

    workload: str
    target: str
    figure: str
    before: float
    after: float
    times: float
    noise: float | None

    def is_worse(self, threshold: float) -> bool:
        """Worse than *threshold* allows, and by more than the rounds differ among themselves."""
        return self.times < threshold and 1 - self.times > (self.noise or 0)


@dataclass(frozen=True, slots=True)
class Compared:
    """What both have in common. *apart* says why a workload of both can't be compared."""

    changes: tuple[Change, ...]
    apart: tuple[str, ...]
    problems: tuple[str, ...]

    def is_worse(self, threshold: float) -> bool:
        """Something became worse, or the second run is worth nothing."""
        return bool(self.problems) or any(each.is_worse(threshold) for each in self.changes)


def compared(before: Record, after: Record) -> Compared:
    """By the first figure of each workload that is the same load in both."""
    earlier = {workload.name: workload for workload in before.workloads}
    pairs = [(earlier[new.name], new) for new in after.workloads if new.name in earlier]
    apart = [f"{new.name}: {how}" for old, new in pairs if (how := differing(old, new))]
    same = [new for old, new in pairs if not differing(old, new)]
    found = (change for workload in same for change in _changes(before, after, workload))
    return Compared(tuple(found), tuple(apart), tuple(after.problems()))


def differing(old: Workload, new: Workload) -> str:
    """What was not the same, or nothing."""
    names = [field.name for field in fields(Workload) if field.name not in WORDS]
    return ", ".join(
        f"{name} {getattr(old, name)} and {getattr(new, name)}"
        for name in names
        if getattr(old, name) != getattr(new, name)
    )


def _changes(before: Record, after: Record, workload: Workload) -> Iterator[Change]:
    figure = workload.figures[0]
    for target in after.targets:
        old = cell(before, workload, target.name, figure)
        new = cell(after, workload, target.name, figure)
        times = ratio(figure, new.middle, old.middle) if old and new else None
        if old and new and times is not None:
            middles = old.middle, new.middle
            yield Change(workload.name, target.name, figure, *middles, times, _noise(old, new))


def _noise(old: Value, new: Value) -> float | None:
    return max(old.spread, new.spread) if min(old.rounds, new.rounds) > 1 else None


def comparison(found: Compared, threshold: float) -> str:
    """As a table; what became worse says so."""
    head = ["", "figure", "before", "after", "times", "noise", ""]
    rows = [
        [
            f"{each.workload} {each.target}",
            each.figure,
            shown(each.before),
            shown(each.after),
            f"{each.times:.2f}",
            "one round" if each.noise is None else f"{each.noise:.0%}",
            _word(each, threshold),
        ]
        for each in found.changes
    ]
    notes = [f"not compared, for it was another load: {line}" for line in found.apart]
    return "\n".join(
        [*aligned([head, *rows]), *notes, *(f"FAIL {line}" for line in found.problems)]
    )


def _word(change: Change, threshold: float) -> str:
    if not change.is_worse(threshold):
        return ""
    return "WORSE, or chance" if change.noise is None else "WORSE"
