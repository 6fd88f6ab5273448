"""Whether the server lives, whether it can serve, and its numbers."""

from __future__ import annotations

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

Checks = Mapping[str, Callable[[], Awaitable[object]]]
"""By the name of what is needed to serve; one raises AdapterError while that is away."""


class HealthRoutes:
    """The routes that watchers ask."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks

    async def live(self, _: Call[None, NoQuery]) -> Answer:
        """The process answers."""
        return Answer(200, Health())

    async def ready(self, _: Call[None, NoQuery]) -> Answer:
        """Requests can be served now; else what is missing."""
        away = {name: "does not answer" for name in self._checks if not await self._there(name)}
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
