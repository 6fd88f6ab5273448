"""Push services, of which one may be ill: it is left alone, and the others are not.

Which one is asked a subscription says, and where at it, and anybody may give one: so what a service
does must tell nothing of the others, and what one person meets there, nothing of the service.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from msgspec import structs

from actors.notification_records import Attempt
from actors.rules.circuit_breaker import Circuit, CircuitBreaker
from actors.supervisor import Log
from server.providers.endpoints import read_endpoint
from server.providers.outside_addresses import OpenedEndpoint, Subscription, kept_as

MOST: Final = 256
UNTOLD: Final = frozenset({"address_refused", "bad_answer"})
"""What tells nothing of a service: nobody was asked, or it depends on where at it."""
LEFT_ALONE: Final = Attempt(kind="again", reason="not_connected", of_one=True, was_asked=False)


class _Service:
    """One of them. Five different people have to fail in a row, that it is left alone; and of one
    that is tried again another than who failed last.
    """

    def __init__(self) -> None:
        self.breaker = CircuitBreaker()
        self._failing: set[int] = set()

    def failed(self, user_no: int, now: float) -> None:
        """Somebody did not come through."""
        if user_no in self._failing:
            self.breaker.unused(now)
            return
        self._failing.add(user_no)
        self.breaker.failed(now)
        if self.breaker.state is Circuit.OPEN:
            self._failing = {user_no}

    def succeeded(self, now: float) -> None:
        """Somebody did."""
        self._failing.clear()
        self.breaker.succeeded(now)


class ServiceCircuits:
    """A circuit breaker for each of the *most* services, which are hosts, that were asked last."""

    def __init__(self, *, log: Log, most: int = MOST) -> None:
        self._log, self._most = log, most
        self._services: dict[str, _Service] = {}

    async def asked(
        self, endpoint: OpenedEndpoint, ask: Callable[[], Awaitable[Attempt]]
    ) -> Attempt:
        """What *ask* comes to, unless the service of *endpoint* is left alone."""
        host = _host_of(endpoint)
        service = self._service(host)
        breaker = service.breaker
        if not breaker.may_send(trio.current_time()):
            wait_s = (breaker.opens_at or 0.0) - trio.current_time()
            return structs.replace(LEFT_ALONE, retry_after_ms=math.ceil(wait_s * 1000))
        turn = breaker.turn
        attempt = structs.replace(await ask(), of_one=True)
        if turn == breaker.turn:  # else it is of before, and tells nothing of now
            self._heard(host, service, endpoint.user_no, attempt)
        return attempt

    def _heard(self, host: str, service: _Service, user_no: int, attempt: Attempt) -> None:
        breaker = service.breaker
        was, now = breaker.state, trio.current_time()
        if not attempt.was_asked or attempt.reason in UNTOLD:
            breaker.unused(now)
        elif attempt.kind in {"again", "unknown"} and attempt.reason != "limited":
            service.failed(user_no, now)
        else:
            service.succeeded(now)
        if breaker.state is not was and breaker.opens_at != now:  # else the next is tried at once
            self._log.warning("push_service_circuit", service=host, state=breaker.state.value)

    def _service(self, host: str) -> _Service:
        service = self._services.pop(host, None) or _Service()
        if len(self._services) >= self._most:
            del self._services[next(iter(self._services))]
        self._services[host] = service
        return service


def _host_of(endpoint: OpenedEndpoint) -> str:
    try:
        return read_endpoint(kept_as(Subscription, endpoint).endpoint, private=True).authority()
    except ValueError:  # the adapter says what is wrong with it
        return ""
