"""Push services, of which one may be ill: it is left alone, and the others are not.

Which one is asked a subscription says, and anybody may give one: so what a service does must tell
nothing of the others.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from msgspec import structs

from actors.notification_records import Attempt, OutgoingNotification
from actors.rules.circuit_breaker import Circuit, CircuitBreaker
from actors.rules.notification_text import Text
from actors.supervisor import Log
from server.providers.attempts import Adapter
from server.providers.endpoints import read_endpoint
from server.providers.outside_addresses import OpenedEndpoint, Subscription, kept_as

MOST: Final = 256
ANSWERS: Final = frozenset({"limited", "not_authorized"})
"""Why one may be tried again though its service is well."""
LEFT_ALONE: Final = Attempt(kind="again", reason="not_connected", of_one=True, was_asked=False)


class ServiceCircuits:
    """An *adapter* whose services are hosts, with a circuit breaker for each of the *most* that
    were asked last.
    """

    def __init__(self, adapter: Adapter, *, log: Log, most: int = MOST) -> None:
        self._adapter, self._log, self._most = adapter, log, most
        self._breakers: dict[str, CircuitBreaker] = {}

    async def send(
        self, endpoint: OpenedEndpoint, message: OutgoingNotification, text: Text
    ) -> Attempt:
        """Try once to send it, unless its service is left alone."""
        return await self._asked(endpoint, lambda: self._adapter.send(endpoint, message, text))

    async def take_back(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        """Try once to take it back, unless its service is left alone."""
        return await self._asked(endpoint, lambda: self._adapter.take_back(endpoint, message))

    async def _asked(
        self, endpoint: OpenedEndpoint, ask: Callable[[], Awaitable[Attempt]]
    ) -> Attempt:
        service = _service_of(endpoint)
        breaker = self._breaker(service)
        if not breaker.may_send(trio.current_time()):
            wait_s = (breaker.opens_at or 0.0) - trio.current_time()
            return structs.replace(LEFT_ALONE, retry_after_ms=math.ceil(wait_s * 1000))
        turn = breaker.turn
        attempt = structs.replace(await ask(), of_one=True)
        if turn == breaker.turn:  # else it is of before, and tells nothing of now
            self._heard(service, breaker, attempt)
        return attempt

    def _heard(self, service: str, breaker: CircuitBreaker, attempt: Attempt) -> None:
        was, now = breaker.state, trio.current_time()
        if not attempt.was_asked or attempt.reason == "address_refused":
            breaker.unused(now)
        elif attempt.kind in {"again", "unknown"} and attempt.reason not in ANSWERS:
            breaker.failed(now)
        else:
            breaker.succeeded(now)
        if breaker.state is not was and Circuit.HALF_OPEN is not breaker.state:
            self._log.warning("push_service_circuit", service=service, state=breaker.state.value)

    def _breaker(self, service: str) -> CircuitBreaker:
        breaker = self._breakers.pop(service, None) or CircuitBreaker()
        if len(self._breakers) >= self._most:
            del self._breakers[next(iter(self._breakers))]
        self._breakers[service] = breaker
        return breaker


def _service_of(endpoint: OpenedEndpoint) -> str:
    try:
        return read_endpoint(kept_as(Subscription, endpoint).endpoint, private=True).authority()
    except ValueError:  # the adapter says what is wrong with it
        return ""
