"""Whether the server lives, whether it can serve, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping

import trio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from quart import Blueprint, Response

from actors.ports import AdapterError
from protocol.errors import ErrorCode, ProtocolError
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.http.schemas import Health

CHECK_WITHIN = 2.0
CHECKED_FOR = 1.0
"""Seconds an outcome stands: a check may cost the database a write, and anybody may ask."""

Checks = Mapping[str, Callable[[], Awaitable[object]]]
"""By the name of what is needed to serve; one raises AdapterError while that is away."""


class HealthRoutes:
    """The routes that watchers ask. Checks run one at a time, once a second at most."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._one_at_a_time = trio.Lock()
        self._checked_at = -math.inf
        self._away: Mapping[str, str] = {}

    async def live(self, _: Call[None, NoQuery]) -> Answer:
        """The process answers."""
        return Answer(200, Health())

    async def ready(self, _: Call[None, NoQuery]) -> Answer:
        """Requests can be served now; else what is missing."""
        async with self._one_at_a_time:
            if trio.current_time() - self._checked_at > CHECKED_FOR:
                self._away = {
                    name: "does not answer" for name in self._checks if not await self._there(name)
                }
                self._checked_at = trio.current_time()
        away = self._away
        if away:
            raise ProtocolError(
                ErrorCode.UNAVAILABLE,
                f"not ready: {', '.join(away)}",
                fields=away,
                retry_after_ms=1_000,
            )
        return Answer(200, Health())

    async def _there(self, name: str) -> bool:
        try:
            with trio.fail_after(CHECK_WITHIN):
                await self._checks[name]()
        except (AdapterError, trio.TooSlowError):
            return False
        return True

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers, but for the metrics."""
        return (
            Route(
                method="GET",
                path="/healthz",
                name="live",
                summary="The process lives",
                access=Access.ANYBODY,
                handler=self.live,
                answers={200: Health},
            ),
            Route(
                method="GET",
                path="/readyz",
                name="ready",
                summary="The server can serve; 503 with `fields` saying what is missing",
                access=Access.ANYBODY,
                handler=self.ready,
                answers={200: Health},
                refusals=(503,),
            ),
        )


def metrics_blueprint(registry: CollectorRegistry) -> Blueprint:
    """GET /metrics in Prometheus' text format."""
    blueprint = Blueprint("metrics", __name__)

    async def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    blueprint.add_url_rule("/metrics", view_func=metrics, provide_automatic_options=False)
    return blueprint
