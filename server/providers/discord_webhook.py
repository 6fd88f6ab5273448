"""Webhooks of Discord: a channel that somebody chose to be told in.

    POST {api}/webhooks/{id}/{token}?wait=true
    {"embeds": [{"title", "description", "timestamp", "footer"}], "allowed_mentions": {"parse": []}}

and 200 with the message, whose ``id`` takes it back: ``DELETE …/messages/{id}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
from server.providers.outside_addresses import OpenedEndpoint, WebhookAddress, kept_as

SEND, DELETE = "POST webhook", "DELETE webhook message"

MEANINGS: Final[Mapping[int, Meaning]] = dict.fromkeys((401, 404), Meaning("gone", "endpoint_gone"))
"""The webhook was deleted, or has another token. Who goes on to ask for it is shut out."""


class DiscordWebhook:
    """The adapter of kind ``discord_webhook``; its references are ids of messages."""

    def __init__(self, api: DiscordApi, *, clock: WallClock) -> None:
        self._api, self._clock = api, clock

    async def send(
        self, endpoint: OpenedEndpoint, message: OutgoingNotification, text: Text
    ) -> Attempt:
        """Try once to send it."""
        hook = kept_as(WebhookAddress, endpoint)
        path, body = f"/webhooks/{hook.id}/{hook.token}?wait=true", embedded(message, text)
        answer = await self._api.ask("POST", path, Route(SEND, hook.id), body=body)
        if isinstance(answer, Attempt):
            return answer
        if is_taken(answer):
            return Attempt(kind="sent", provider_ref=message_id(answer))
        return attempt_of(answer, self._clock, MEANINGS)

    async def take_back(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        """Delete it."""
        hook = kept_as(WebhookAddress, endpoint)
        path = f"/webhooks/{hook.id}/{hook.token}/messages/{message.take_back}"
        answer = await self._api.ask("DELETE", path, Route(DELETE, hook.id))
        if isinstance(answer, Attempt):
            return answer
        if is_taken(answer) or fault_code(answer) == UNKNOWN_MESSAGE:
            return Attempt(kind="withdrawn")
        return repeatable(attempt_of(answer, self._clock, MEANINGS))
