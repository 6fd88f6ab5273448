"""Prometheus metrics, read from the node and the hub when they are asked for."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from actors.actor import MailboxStatistics
from actors.broadcast import Figures
from actors.campaign import CampaignActor
from actors.node import Node
from actors.registry import Registry
from server.edge.hub import Hub
from server.files.intake import Intake
from server.garbage import Pauses
from server.loop_turns import BOUNDS, LoopTurns
from server.recent_broadcasts import RecentBroadcasts


class NodeCollector(Collector):
    """One node's numbers. Nothing is counted twice: every value has one owner, read here."""

    def __init__(
        self, node: Node, hub: Hub, turns: LoopTurns, pauses: Pauses, intake: Intake
    ) -> None:
        self._node, self._hub, self._turns, self._pauses = node, hub, turns, pauses
        self._intake = intake

    def collect(self) -> Iterator[Metric]:
        """Every metric, as of now."""
        yield from self._loop()
        yield from self._edge()
        yield from self._journal()
        yield from self._actors()
        yield from self._files()

    def _loop(self) -> Iterator[Metric]:
        turns, pauses = self._turns, self._pauses
        names = [*map(str, BOUNDS), "+Inf"]
        buckets = list(zip(names, accumulate(turns.counts), strict=True))
        text = "Turns of the loop: one task each, between two waits."
        yield HistogramMetricFamily("madang_loop_turn_seconds", text, buckets, turns.seconds)
        yield _gauge("loop_longest_turn_seconds", "The longest turn so far.", turns.longest)
        yield _counter("gc_collections", "Collections of garbage.", sum(pauses.collections))
        yield _counter("gc_pause_seconds", "Time in them.", pauses.seconds)
        yield _gauge("gc_longest_pause_seconds", "The longest of them.", pauses.longest)

    def _edge(self) -> Iterator[Metric]:
        seen = self._hub.statistics()
        yield _gauge("connections", "Open sockets of the hub.", seen.connections)
        yield _gauge("users_connected", "Users with a session.", self._node.sessions.users())
        yield _gauge("backlog_bytes", "Bytes that sockets have not taken.", seen.backlog_bytes)
        yield _counter("connections_opened", "Sockets the hub has owned.", seen.opened)
        yield _counter("frames_in", "Frames read.", seen.frames_in)
        yield _counter("bytes_in", "Bytes read.", seen.bytes_in)
        yield _counter("bytes_out", "Bytes written.", seen.bytes_out)
        yield _counter("hub_turns", "Turns of the hub.", seen.turns)

    def _journal(self) -> Iterator[Metric]:
        journal = self._node.journal
        yield _counter("journal_commits", "Group commits.", journal.commits)
        yield _counter("journal_rows", "Rows in them.", journal.rows)
        yield _gauge("journal_available", "1 while the database takes writes.", journal.available)

    def _actors(self) -> Iterator[Metric]:
        kinds: dict[str, Registry[object]] = {
            "room": self._node.rooms,  # type: ignore[dict-item]
            "user": self._node.users,  # type: ignore[dict-item]
        }
        active = GaugeMetricFamily("madang_actors", "Actors with a cell here.", labels=["kind"])
        depth = GaugeMetricFamily("madang_mailbox_depth", "Messages waiting.", labels=["kind"])
        peak = GaugeMetricFamily("madang_mailbox_peak", "The fullest mailbox.", labels=["kind"])
        crashes = CounterMetricFamily("madang_actor_crashes", "Crashes.", labels=["kind"])
        dropped = CounterMetricFamily("madang_messages_dropped", "Refused tells.", labels=["kind"])
        for kind, registry in kinds.items():
            cells = list(registry.statistics())
            active.add_metric([kind], len(cells))
            depth.add_metric([kind], sum(cell.depth for cell in cells))
            peak.add_metric([kind], _fullest(cells))
            crashes.add_metric([kind], registry.crashes)
            dropped.add_metric([kind], registry.dropped)
        yield from (active, depth, peak, crashes, dropped)

    def _files(self) -> Iterator[Metric]:
        intake = self._intake
        yield _gauge("uploads", "Requests that bring bytes of files.", intake.under_way)
        yield _counter("upload_bytes", "Bytes of files that came.", intake.bytes_in)
        yield _counter("files", "Uploads that became files.", intake.files)


class BroadcastCollector(Collector):
    """What this node did for broadcasts, and how all of them do."""

    def __init__(self, own: Figures, recent: RecentBroadcasts) -> None:
        self._own, self._recent = own, recent

    def collect(self) -> Iterator[Metric]:
        """Every metric, as of now; what all do as of the last look."""
        own, recent = self._own, self._recent
        yield _counter("broadcasts_delivered", "Broadcasts delivered.", own.delivered)
        yield _counter("broadcasts_failed", "Broadcasts given up.", own.failed)
        yield _counter("broadcast_recipients", "Recipients of these.", own.recipients)
        names = [*map(str, own.BOUNDS), "+Inf"]
        buckets = list(zip(names, accumulate(own.counts), strict=True))
        text = "Selections of recipients."
        yield HistogramMetricFamily("madang_selection_seconds", text, buckets, own.seconds)
        if (reached := recent.reached) is not None:
            days = f"in {recent.DAYS} days"
            yield _gauge("broadcast_success_rate", f"Delivered {days}.", reached.success_rate)
            heard = f"Recipients who heard it {days}."
            yield _gauge("broadcast_read_rate", heard, reached.read_rate)
            answered = f"Recipients who answered {days}; the goal is 0.3."
            yield _gauge("broadcast_reply_rate", answered, reached.reply_rate)
        if (selection := recent.selection) is not None:
            yield _gauge("selection_people", "People in the columns.", selection.people)
            yield _gauge("selection_bytes", "Memory of their process.", selection.rss_bytes)
            text = "Gini index of what people received: 0 where all got the same."
            yield _gauge("broadcast_diversity", text, selection.gini)


class CampaignCollector(Collector):
    """How this node's campaigns do: each channel, and each job that is here (specification 002)."""

    GAUGES: Final = (
        ("per_second", "Messages a second, of late."),
        ("mean_s", "Mean of the last sends, in seconds; in the app one call delivers many."),
        ("p95_s", "What 95 % of these took at most, in seconds."),
        ("failure_rate", "Share of the last messages that failed."),
        ("active", "Workers at work."),
        ("idle", "Workers that wait."),
        ("queue", "Recipients that wait for a worker."),
    )
    COUNTERS: Final = (
        ("succeeded", "Messages sent."),
        ("failed", "Messages that were not, or perhaps not."),
        ("completed", "Batches that workers finished."),
        ("refused", "Batches that found the queue full, which who read them sent himself."),
    )
    JOBS: Final = (
        ("per_second", "Messages a second, of late."),
        ("failure_rate", "Share of the last messages that failed."),
        ("total", "Recipients."),
        ("done", "Those with whom nothing more is done."),
    )

    def __init__(self, campaigns: CampaignActor) -> None:
        self._campaigns = campaigns

    def collect(self) -> Iterator[Metric]:
        """Every metric, as of now."""
        yield _gauge("memory_bytes", "Memory of this process.", resident())
        channels, jobs = self._campaigns.channels(), self._campaigns.jobs()
        for name, text in self.GAUGES:
            gauge = GaugeMetricFamily(f"madang_campaign_{name}", text, labels=["channel"])
            for channel, figures in channels.items():
                gauge.add_metric([channel], getattr(figures, name))
            yield gauge
        for name, text in self.COUNTERS:
            counter = CounterMetricFamily(f"madang_campaign_{name}", text, labels=["channel"])
            for channel, figures in channels.items():
                counter.add_metric([channel], getattr(figures, name))
            yield counter
        for name, text in self.JOBS:
            gauge = GaugeMetricFamily(f"madang_campaign_job_{name}", text, labels=["job"])
            for job, told in jobs.items():
                gauge.add_metric([job], getattr(told, name))
            yield gauge


def resident() -> int:
    """Bytes of memory that this process has, or where the system does not tell, had at most."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


def make_metrics(*collectors: Collector) -> CollectorRegistry:
    """A registry of this node alone."""
    metrics = CollectorRegistry()
    for collector in collectors:
        metrics.register(collector)
    return metrics


def _fullest(cells: Iterable[MailboxStatistics]) -> int:
    return max((cell.peak for cell in cells), default=0)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"madang_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"madang_{name}", text, value=value)
