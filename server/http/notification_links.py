"""Codes by which one tells a bot who one is."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from server.http.auth import rate_limited
from server.http.notification_schemas import utc
from server.http.ports import Limits, Rate
from server.http.route import Answer, Call, NoQuery, Route
from server.postgres.notification_links import BotPlatform, NotificationLinks

PATH: Final = "/api/notifications/links"
CODES: Final = Rate(per_second=0.1, burst=10)
"""Codes that a user makes."""


class NewLink(msgspec.Struct, forbid_unknown_fields=True):
    """The platform whose bot is to know one."""

    platform: BotPlatform


class LinkShown(msgspec.Struct, rename="camel"):
    """A code to be told to the bot, once, until then. An earlier one is worth nothing any more."""

    code: str
    expires_at: datetime


class LinkRoutes:
    """The route of codes, for those *platforms* whose bots there are."""

    def __init__(
        self,
        links: NotificationLinks,
        *,
        platforms: Collection[BotPlatform],
        limits: Limits,
        clock: WallClock,
    ) -> None:
        self._links, self._platforms = links, platforms
        self._limits, self._clock = limits, clock

    async def link(self, call: Call[NewLink, NoQuery]) -> Answer:
        """Make a code of 8 characters, and send the bot ``연결 CODE``, or ``/link CODE``."""
        if call.body.platform not in self._platforms:
            raise ProtocolError(ErrorCode.NOT_FOUND, "this server has no bot there")
        user_no = call.caller.user_no
        wait = await self._limits.take(f"link-codes:{user_no}", CODES)
        if wait:
            raise rate_limited(wait)
        made = await self._links.make(user_no, call.body.platform, at=self._clock.now_ms())
        return Answer(201, LinkShown(made.code, utc(made.expires_at)))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=PATH,
                name="make_notification_link",
                summary="A one-time code to link a bot with one's account",
                handler=self.link,
                body=NewLink,
                answers={201: LinkShown},
                refusals=(404,),
            ),
        )
