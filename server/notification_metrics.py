"""Prometheus metrics of notifications: what this node decides, shows and sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from actors.notification_feed import NotificationFeed
from actors.notification_figures import Latencies
from actors.notification_records import Outside
from actors.notification_router import NotificationRouter
from actors.notifier import NotifierActor
from actors.ports import WallClock
from actors.rules.circuit_breaker import Circuit


class NotificationCollector(Collector):
    """One node's numbers, read where they are counted."""

    def __init__(
        self,
        router: NotificationRouter,
        notifiers: Mapping[Outside, NotifierActor],
        feed: NotificationFeed,
        *,
        clock: WallClock,
    ) -> None:
        self._router, self._notifiers = router, notifiers
        self._feed, self._clock = feed, clock

    def collect(self) -> Iterator[Metric]:
        """Every metric, as of now."""
        yield from self._deciding()
        yield from self._sending()
        yield from self._notifying()
        text = "Streams of server-sent events that are open."
        yield GaugeMetricFamily("madang_notification_streams", text, value=self._feed.count)

    def _deciding(self) -> Iterator[Metric]:
        figures = self._router.figures
        text = "Decisions, and why."
        decided = CounterMetricFamily(
            "madang_notification_decisions", text, labels=["decision", "reason"]
        )
        for labels, count in sorted(figures.decided.items()):
            decided.add_metric(labels, count)
        yield decided
        text = "From when notifications were due until they were decided."
        buckets, seconds = _buckets(figures.waits), figures.waits.seconds
        name = "madang_notification_wait_seconds"
        yield HistogramMetricFamily(name, text, buckets, seconds)
        lag, text = figures.lag_s(self._clock.now_ms()), "For how long the oldest has been due."
        yield GaugeMetricFamily("madang_notification_lag_seconds", text, value=lag)

    def _sending(self) -> Iterator[Metric]:
        """Success, failure and doubt."""
        attempts = CounterMetricFamily(
            "madang_notification_attempts", "Attempts.", labels=["platform", "outcome", "reason"]
        )
        attempts.add_metric(["web", "sent", ""], self._router.figures.shown)
        took = HistogramMetricFamily(
            "madang_notification_seconds", "What providers took.", labels=["platform"]
        )
        for platform, notifier in self._notifiers.items():
            for labels, count in sorted(notifier.figures.attempts.items()):
                attempts.add_metric([platform, *labels], count)
            latencies = notifier.figures.latencies
            took.add_metric([platform], _buckets(latencies), latencies.seconds)
        yield from (attempts, took)

    def _notifying(self) -> Iterator[Metric]:
        for name, text, value in (
            ("under_way", "Being sent.", lambda each: each.under_way),
            ("unrecorded", "Results that the store does not have.", lambda each: each.unrecorded),
            ("circuit_open", "1 while it is left alone.", _is_left_alone),
        ):
            gauge = GaugeMetricFamily(f"madang_notification_{name}", text, labels=["platform"])
            for platform, notifier in self._notifiers.items():
                gauge.add_metric([platform], value(notifier))
            yield gauge


def _is_left_alone(notifier: NotifierActor) -> bool:
    return notifier.circuit is not Circuit.CLOSED


def _buckets(latencies: Latencies) -> list[tuple[str, float]]:
    names = [*map(str, Latencies.BOUNDS), "+Inf"]
    return list(zip(names, accumulate(latencies.counts), strict=True))
