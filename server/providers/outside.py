"""A platform that is somebody else's: the port NotificationProvider over its adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from actors.notification_records import Attempt, OutgoingNotification
from actors.ports import StoreUnavailable
from actors.rules.notification_text import Text
from actors.supervisor import Log
from server.providers.attempts import Adapter
from server.providers.outside_addresses import AddressBroken, OpenedEndpoint
from server.providers.sealing import NotOpened
from server.providers.service_circuits import ServiceCircuits

GONE: Final = Attempt(kind="gone", reason="endpoint_gone")
NO_PROVIDER: Final = Attempt(kind="refused", reason="no_provider")
NOT_CONNECTED: Final = Attempt(kind="again", reason="not_connected", was_asked=False)
BROKEN: Final = Attempt(kind="refused", reason="address_refused")


class Addresses(Protocol):
    """Where addresses are kept."""

    async def address(self, endpoint_no: int) -> OpenedEndpoint | None:
        """It, unsealed; None where it was ended. May raise NotOpened and StoreUnavailable."""


class Outside:
    """One platform. *adapters*: by the kinds of its endpoints; *text*: what may leave the server
    of a notification, made only where somebody is asked; *circuits*: by the kinds whose addresses
    are at services of their own. It ends no endpoint: whoever records the attempt does.
    """

    def __init__(
        self,
        addresses: Addresses,
        adapters: Mapping[str, Adapter],
        *,
        circuits: Mapping[str, ServiceCircuits],
        text: Callable[[OutgoingNotification], Text],
        log: Log,
    ) -> None:
        self._addresses, self._adapters = addresses, adapters
        self._circuits, self._text, self._log = circuits, text, log

    async def send(self, message: OutgoingNotification) -> Attempt:
        """Try once to send it, or to take it back; raises nothing of network or provider."""
        try:
            endpoint = await self._addresses.address(message.endpoint_no)
            return GONE if endpoint is None else await self._attempt(endpoint, message)
        except StoreUnavailable:  # before anything left
            return NOT_CONNECTED
        except AddressBroken:
            return self._not_read(message, "broken", BROKEN)
        except NotOpened:
            return self._not_read(message, "sealed by a key that is not here", NO_PROVIDER)

    async def _attempt(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        adapter = self._adapters.get(endpoint.kind)
        if adapter is None:
            return NO_PROVIDER
        ask = partial(self._ask, adapter, endpoint, message)
        circuits = self._circuits.get(endpoint.kind)
        return await (ask() if circuits is None else circuits.asked(endpoint, ask))

    async def _ask(
        self, adapter: Adapter, endpoint: OpenedEndpoint, message: OutgoingNotification
    ) -> Attempt:
        if message.take_back is not None:
            return await adapter.take_back(endpoint, message)
        return await adapter.send(endpoint, message, self._text(message))

    def _not_read(self, message: OutgoingNotification, why: str, attempt: Attempt) -> Attempt:
        self._log.warning("endpoint_not_read", endpoint=message.endpoint_no, why=why)
        return attempt
