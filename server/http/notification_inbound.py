"""What bots and their users ask, and what the routes of that are put together from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from actors.ports import WallClock
from actors.requests import Requests
from server.http.kakao_connect import KakaoConnectRoutes, KakaoLogin
from server.http.notification_links import LinkRoutes
from server.http.notification_sessions import SessionRoutes
from server.http.ports import Limits
from server.http.route import Route
from server.http.webhooks_discord import DiscordWebhook
from server.http.webhooks_kakao import KakaoWebhook
from server.ids import IdSource
from server.inbound import Inbound
from server.live_sessions import LiveSessions
from server.postgres.notification_endpoints import NotificationEndpoints
from server.postgres.notification_links import BotPlatform, NotificationLinks
from server.postgres.users import UserStore
from server.promptly import Promptly
from server.providers.outside_addresses import AddressReader


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundParts:
    """What the routes need. ``bots``: those that there are; what is None there is not."""

    links: NotificationLinks
    bots: Collection[BotPlatform]
    inbound: Inbound
    promptly: Promptly
    live: LiveSessions
    requests: Requests
    kakao_secret: str | None = field(repr=False)
    discord_key: bytes | None
    kakao_login: KakaoLogin | None
    state_key: bytes = field(repr=False)


def inbound_routes(  # noqa: PLR0913 - each is a part of some route
    parts: InboundParts,
    *,
    addresses: AddressReader,
    endpoints: NotificationEndpoints,
    users: UserStore,
    limits: Limits,
    clock: WallClock,
    new_id: IdSource,
) -> list[Route]:
    """Those that bots call, and those by which one is linked to them."""
    subjects = (
        LinkRoutes(parts.links, platforms=parts.bots, limits=limits, clock=clock),
        SessionRoutes(parts.live, users=users, requests=parts.requests),
        KakaoWebhook(parts.inbound, parts.promptly, secret=parts.kakao_secret),
        DiscordWebhook(parts.inbound, parts.promptly, public_key=parts.discord_key, clock=clock),
        KakaoConnectRoutes(
            parts.kakao_login,
            addresses=addresses,
            endpoints=endpoints,
            people=parts.links,
            limits=limits,
            state_key=parts.state_key,
            clock=clock,
            new_id=new_id,
        ),
    )
    return [route for subject in subjects for route in subject.routes()]
