"""Asking Discord's HTTP API, version 10, within its limits."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from actors.notification_records import Attempt, OutgoingNotification
from actors.rules.notification_text import Text
from server import VERSION
from server.discord_text import plain_text
from server.providers.discord_limits import DiscordLimits, Limited, Route
from server.providers.endpoints import Endpoint
from server.providers.posting import Method, Posted, Poster

LONGEST_TITLE, LONGEST_DESCRIPTION, LONGEST_FOOTER = 256, 4096, 1024
"""Characters; together they must not be more than 6000, and are not."""
HEADERS: Final = {"User-Agent": f"DiscordBot (madang, {VERSION})"}

UNKNOWN_MESSAGE: Final = 10008


class _Message(msgspec.Struct):
    id: str
    channel_id: str = ""


class _Fault(msgspec.Struct):
    code: int


class DiscordApi:
    """Discord below *base*. Webhooks and the bot may share *limits*."""

    def __init__(self, poster: Poster, base: Endpoint, limits: DiscordLimits) -> None:
        self._poster, self._base, self._limits = poster, base, limits

    async def ask(
        self,
        method: Method,
        path: str,
        route: Route,
        *,
        token: str | None = None,
        body: object = None,
    ) -> Posted | Attempt:
        """What was answered, or why nothing was asked or done: too many requests."""
        if limited := await self._limits.take(route):
            return _later(limited, was_asked=False)
        posted, over = Posted(), None
        try:
            headers = HEADERS if token is None else HEADERS | {"Authorization": f"Bot {token}"}
            content = None if body is None else msgspec.json.encode(body)
            posted = await self._poster.request(method, self._base.below(path), headers, content)
        finally:
            over = self._limits.answered(route, posted)
        return posted if over is None else _later(over, was_asked=True)


def embedded(message: OutgoingNotification, text: Text) -> dict[str, Any]:
    """The body of a message that mentions nobody, and has no link: it is of whoever wrote it."""
    at = datetime.fromtimestamp(message.created_at / 1000, UTC)
    embed: dict[str, Any] = {
        "title": plain_text(text.title, LONGEST_TITLE),
        "description": plain_text(text.body, LONGEST_DESCRIPTION),
        "timestamp": at.isoformat(timespec="milliseconds"),
    }
    if message.sender is not None:
        embed["footer"] = {"text": message.sender[:LONGEST_FOOTER]}  # which has no markdown
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def message_id(posted: Posted) -> str | None:
    """The id of the message that an answer tells of, if it is one."""
    try:
        said = msgspec.json.decode(posted.body or b"", type=_Message).id
    except ValueError:
        return None
    return said if said.isascii() and said.isdigit() else None


def fault_code(posted: Posted) -> int | None:
    """Discord's own code of what is wrong."""
    try:
        return msgspec.json.decode(posted.body or b"", type=_Fault).code
    except ValueError:
        return None


def _later(limited: Limited, *, was_asked: bool) -> Attempt:
    return Attempt(
        kind="again",
        reason="limited",
        retry_after_ms=math.ceil(limited.wait_s * 1000),
        of_all=limited.of_all,
        was_asked=was_asked,
    )
