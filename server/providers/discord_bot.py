"""The bot of Discord, which writes to people directly.

    POST {api}/users/@me/channels              {"recipient_id"}
    POST {api}/channels/{channel}/messages     {"embeds", "nonce", "enforce_nonce": true, …}
    DELETE {api}/channels/{channel}/messages/{id}

A message with the same nonce is made once within some minutes, so one that was perhaps not made is
asked for again at once. Later that is in doubt, and nobody asks any more.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import trio

from actors.notification_records import Attempt, OutgoingNotification
from actors.ports import WallClock
from actors.rules.notification_text import Text
from server.providers.attempts import Meaning, attempt_of, is_taken, repeatable
from server.providers.discord_api import (
    UNKNOWN_MESSAGE,
    DiscordApi,
    embedded,
    fault_code,
    message_id,
)
from server.providers.discord_limits import Route
from server.providers.outside_addresses import OpenedEndpoint
from server.providers.posting import Method, Posted

OPEN, SEND, DELETE = "POST dm", "POST message", "DELETE message"
NONCE_CHARS: Final = 25
PAUSES_S: Final = (0.5, 2.0)
"""Before one is asked for again. All of it is over long before a nonce is forgotten."""
MOST_CHANNELS: Final = 10_000
DISTRUSTED_S: Final = 60.0
"""So long a token is not used that Discord did not believe; too many such requests, and it shuts
the whole address out.
"""
UNREACHABLE: Final = frozenset({10013, 50007})
"""No such user, and one whom the bot may not write to."""

MEANINGS: Final[Mapping[int, Meaning]] = {
    401: Meaning("refused", "not_authorized"),
    404: Meaning("again", "provider_error"),  # a channel that was known: it is opened anew
}


class DiscordBot:
    """The adapter of kind ``discord_bot``; its references are ``CHANNEL:MESSAGE``.

    *buttons*: the rows of buttons under a message; () where nobody would hear of them.
    """

    def __init__(
        self,
        api: DiscordApi,
        token: str,
        *,
        buttons: Callable[[OutgoingNotification], Sequence[Mapping[str, Any]]],
        clock: WallClock,
        most: int = MOST_CHANNELS,
    ) -> None:
        self._api, self._token, self._clock = api, token, clock
        self._buttons = buttons
        self._channels: dict[str, str] = {}
        self._most = most
        self._distrusted_until = -math.inf

    async def send(
        self, endpoint: OpenedEndpoint, message: OutgoingNotification, text: Text
    ) -> Attempt:
        """Try to send it, in the channel with this user that is opened where it must be: again only
        while it is not known whether it was.
        """
        channel = await self._channel(endpoint.address)
        if isinstance(channel, Attempt):
            return channel
        once = {"nonce": nonce_of(message), "enforce_nonce": True}
        body = embedded(message, text) | once | {"components": self._buttons(message)}
        first = await self._make(endpoint.address, channel, body)
        for pause_s in PAUSES_S if first.kind == "unknown" else ():
            await trio.sleep(pause_s)
            again = await self._make(endpoint.address, channel, body)
            if again.kind == "sent":
                return again
        return first  # a refusal of the same later does not say what became of it

    async def take_back(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        """Delete it."""
        channel, _, made = (message.take_back or "").partition(":")
        path = f"/channels/{channel}/messages/{made}"
        answer = await self._ask("DELETE", path, Route(DELETE, channel))
        if isinstance(answer, Attempt):
            return answer
        if is_taken(answer) or fault_code(answer) == UNKNOWN_MESSAGE:
            return Attempt(kind="withdrawn")
        return repeatable(self._refusal(answer))

    async def _make(self, user_id: str, channel: str, body: Mapping[str, Any]) -> Attempt:
        path, route = f"/channels/{channel}/messages", Route(SEND, channel)
        answer = await self._ask("POST", path, route, body)
        if isinstance(answer, Attempt):
            return answer
        if is_taken(answer):
            made = message_id(answer)
            return Attempt(kind="sent", provider_ref=made and f"{channel}:{made}")
        if answer.status == 404:  # noqa: PLR2004
            self._channels.pop(user_id, None)
        return self._refusal(answer)

    async def _channel(self, user_id: str) -> str | Attempt:
        if known := self._channels.get(user_id):
            return known
        body = {"recipient_id": user_id}
        answer = await self._ask("POST", "/users/@me/channels", Route(OPEN), body)
        if isinstance(answer, Attempt):
            return answer
        channel = message_id(answer) if is_taken(answer) else None
        if channel is None:
            return repeatable(self._refusal(answer))
        if len(self._channels) >= self._most:
            del self._channels[next(iter(self._channels))]
        self._channels[user_id] = channel
        return channel

    async def _ask(
        self, method: Method, path: str, route: Route, body: object = None
    ) -> Posted | Attempt:
        if trio.current_time() < self._distrusted_until:
            return Attempt(kind="refused", reason="not_authorized")
        answer = await self._api.ask(method, path, route, token=self._token, body=body)
        if isinstance(answer, Posted) and answer.status == 401:  # noqa: PLR2004
            self._distrusted_until = trio.current_time() + DISTRUSTED_S
        return answer

    def _refusal(self, answer: Posted) -> Attempt:
        if fault_code(answer) in UNREACHABLE:
            return Attempt(kind="gone", reason="endpoint_gone")
        return attempt_of(answer, self._clock, MEANINGS)


def nonce_of(message: OutgoingNotification) -> str:
    """The same however often it is asked for."""
    return hashlib.sha256(message.id.encode()).hexdigest()[:NONCE_CHARS]
