"""How far a push goes: to what its user's subscription names, and into no network of ours."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
import trio_asyncio
from notification_providers import Browser, SetClock, note

from protocol.ids import Millis
from server.notification_providers import NotificationProviders
from server.postgres.notification_templates import NotificationTemplates
from server.postgres.pool import APP_ROLE, open_database
from server.settings import Place, read_settings

NEAR = {"MADANG_PRIVATE_ADDRESSES": "1"}


class Resolver(trio.abc.HostnameResolver):
    """Of which every name is one of this machine."""

    async def getaddrinfo(self, host: Any, port: Any, *more: Any, **_: Any) -> Any:
        return socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("environ", [{}, NEAR])
async def test_a_push_service_whose_name_turns_to_our_own_network_is_not_asked(
    database_url: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    place = Place(tmp_path, None, None)
    settings = read_settings(environ, place, host="127.0.0.1", port=0, token_key=b"k" * 32)
    log: Any = structlog.get_logger()
    async with (
        trio_asyncio.open_loop(),
        open_database(database_url, role=APP_ROLE, log=log) as database,
    ):
        await database.execute(
            "INSERT INTO users (user_no, user_id, username, name) VALUES (1, 'user1', 'name1', '')"
        )
        providers = NotificationProviders(
            settings, database, NotificationTemplates(database), clock=SetClock(), log=log
        )
        browser = Browser("https://fcm.googleapis.com")
        new = providers.addresses.push(browser.endpoint, browser.p256dh, browser.auth)
        await providers.endpoints.add(
            1, new.platform, new.kind, new.address, new.label, Millis(1_700_000_000_000)
        )
        async with database.service() as service:
            number = await service.fetchval("SELECT endpoint_no FROM notification_endpoints")
        trio.socket.set_custom_hostname_resolver(Resolver())
        attempt = await providers.platforms()["push"].send(note(endpoint_no=number))
        await providers.aclose()
    assert (attempt.kind, attempt.reason) == ("again", "address_refused")
