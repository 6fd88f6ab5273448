"""What the load generator says: a dataclass for each kind of line, and histograms that merge.

Latencies are nanoseconds, everything else that lasts is seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from math import ceil


@dataclass(frozen=True, slots=True)
class Progress:
    """Once a second, whatever happens."""

    phase: str
    elapsed_s: float
    ready: int
    failed: int
    closed: int
    sent: int
    acked: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Connected:
    """All are connected, or given up; in a storm also all have got what they missed."""

    ready: int
    failed: int
    resumed: int
    seconds: float
    per_s: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often each latency was seen; a bucket is (the highest latency it stands for, count).

    >>> merged([Histogram.of({10: 98}), Histogram.of({20: 1, 30: 1})]).percentile(99)
    20
    """

    count: int
    max_ns: int
    mean_ns: float
    p50_ns: int
    p90_ns: int
    p99_ns: int
    p999_ns: int
    buckets: tuple[tuple[int, int], ...]

    def percentile(self, percent: float) -> int:
        """The latency that *percent* of all were not above."""
        wanted, reached = max(1, ceil(self.count * percent / 100)), 0
        for highest, count in self.buckets:
            reached += count
            if reached >= wanted:
                return min(highest, self.max_ns)
        return 0

    @classmethod
    def of(cls, counts: Mapping[int, int], max_ns: int | None = None) -> Histogram:
        """The histogram of latency -> count; its mean is that of the buckets."""
        buckets, total = tuple(sorted(counts.items())), sum(counts.values())
        highest = (max(counts, default=0)) if max_ns is None else max_ns
        mean = sum(ns * count for ns, count in buckets) / max(1, total)
        bare = cls(total, highest, mean, 0, 0, 0, 0, buckets)
        return replace(
            bare,
            p50_ns=bare.percentile(50),
            p90_ns=bare.percentile(90),
            p99_ns=bare.percentile(99),
            p999_ns=bare.percentile(99.9),
        )


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram of several runs, or of several generators."""
    counts: Counter[int] = Counter()
    highest = 0
    for histogram in histograms:
        counts.update(dict(histogram.buckets))
        highest = max(highest, histogram.max_ns)
    return Histogram.of(counts, highest)


@dataclass(frozen=True, slots=True)
class Counts:
    """What went over the wire. A message to n members is sent once and delivered n times."""

    sent: int
    acked: int
    refused: int
    delivered: int
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True, slots=True)
class Span(Counts):
    """The measured part of the run, without warm-up and drain; ``cpu_s`` is the generator's own."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Faults:
    """All zero in a run that may be believed."""

    lost: int
    duplicated: int
    reordered: int
    mismatched: int
    foreign: int
    bad_frames: int
    unread_drifted: int
    unanswered: int
    failed: int
    closed: int

    def named(self) -> Mapping[str, int]:
        """Those that are there.

        >>> Faults(0, 2, 0, 0, 0, 0, 0, 0, 0, 0).named()
        {'duplicated': 2}
        """
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in values if value}


@dataclass(frozen=True, slots=True)
class Connects(Connected):
    """How long each connection took until it was welcomed, and until it was resumed."""

    latency: Histogram
    resume: Histogram


@dataclass(frozen=True, slots=True)
class Result:
    """The last line of a run."""

    version: int
    dialect: str
    mode: str
    rooms: int
    members: int
    connections: int
    body: int
    connect: Connects
    window: Span
    total: Counts
    gaps: int
    unread_checked: int
    mixed: int
    stopped: int
    stopped_hung_up: int
    faults: Faults
    ack: Histogram
    delivery: Histogram
    last: Histogram
    refusals: Mapping[str, int]
    closes: Mapping[str, int]
    failures: Mapping[str, int]
    frames: Mapping[str, int]

    @property
    def is_sound(self) -> bool:
        """Nothing was lost, doubled, reordered, altered or cut off."""
        return not self.faults.named()


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How fast the reading half is when nothing holds it back."""

    deliveries: int
    seconds: float
    cpu_s: float
    per_s: float
    per_cpu_s: float
    good: bool


Line = Progress | Connected | Result | SelfTest
LINES: Mapping[str, type[Line]] = {
    "progress": Progress,
    "connected": Connected,
    "result": Result,
    "self_test": SelfTest,
}
