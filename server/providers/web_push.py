"""Web Push (RFC 8030): what browsers show while no window of the page is open.

    POST {endpoint of the subscription}
    Authorization: vapid t=…, k=…
    TTL: SECONDS
    Urgency: low | normal | high
    Topic: …
    Content-Encoding: aes128gcm

201 or 202 takes it. What the service worker gets is JSON: ``{"id", "title", "message",
"timestamp"}``, or ``{"gone": ID}`` where it is to be closed.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from actors.notification_records import Attempt, OutgoingNotification
from actors.ports import WallClock
from actors.rules.notification_text import Text
from server.providers.attempts import Meaning, attempt_of, is_taken, repeatable
from server.providers.endpoints import Endpoint
from server.providers.outside_addresses import (
    OpenedEndpoint,
    Subscription,
    kept_as,
    push_endpoint,
)
from server.providers.posting import Posted, Poster
from server.providers.push_encryption import LONGEST_PLAIN, SALT_BYTES, encrypted
from server.providers.vapid import Vapid

KEPT_S: Final = 24 * 3600
"""By the push service, for a browser that is away. Later the page tells it."""
LONGEST_KEPT_S: Final = 28 * KEPT_S
SHOWN_S: Final = KEPT_S
"""After it was sent one is likely to be shown still, or not fetched."""
APPLE: Final = ".push.apple.com"
TOPIC_CHARS: Final = 32
LONGEST_TITLE: Final = 255
BYTES_OF_CHARACTER: Final = 6
"""The most that one takes in JSON."""
URGENCY: Final[Mapping[int, str]] = {1: "low", 2: "normal", 3: "high", 4: "high"}

NOT_TAKEN_BACK: Final = Attempt(kind="refused", reason="provider_refused", was_asked=False)

NOT_BELIEVED: Final = (401, 403)
MEANINGS: Final[Mapping[int, Meaning]] = {
    **dict.fromkeys((404, 410), Meaning("gone", "endpoint_gone")),
    413: Meaning("refused", "provider_refused"),
    **dict.fromkeys(NOT_BELIEVED, Meaning("refused", "not_authorized")),
}


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key for one message."""
    return ec.generate_private_key(ec.SECP256R1())


class WebPush:
    """The adapter of kind ``web_push``. *service*: a push service beside the known ones.

    Its references are ``NOTIFICATION:WHEN IT WAS SENT``.
    """

    def __init__(
        self,
        poster: Poster,
        vapid: Vapid,
        *,
        service: Endpoint | None = None,
        clock: WallClock,
        key: Callable[[], ec.EllipticCurvePrivateKey] = new_key,
        salt: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._poster, self._vapid, self._service = poster, vapid, service
        self._clock, self._key, self._salt = clock, key, salt

    async def send(
        self, endpoint: OpenedEndpoint, message: OutgoingNotification, text: Text
    ) -> Attempt:
        """Try once to have it shown."""
        headers = {
            "TTL": str(self._kept_s(message)),
            "Urgency": URGENCY[message.priority],
            "Topic": topic_of(message),
        }
        attempt = await self._push(endpoint, headers, _shown(message, text))
        if attempt is not None:
            return attempt
        return Attempt(
            kind="sent", provider_ref=f"{message.notification_id}:{self._clock.now_ms()}"
        )

    async def take_back(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        """Have it closed where it is likely to be shown still, and replaced where it was not
        fetched yet.

        Browsers count pushes that show nothing against the page, and Safari ends its subscription
        after three: so nobody is asked in vain, and Apple never.
        """
        shown, _, sent_at = (message.take_back or "").partition(":")
        left_s = self._shown_s(message, int(sent_at or 0))
        host = urlsplit(kept_as(Subscription, endpoint).endpoint).hostname or ""
        if left_s <= 0 or host.endswith(APPLE):
            return NOT_TAKEN_BACK
        headers = {"TTL": str(left_s), "Urgency": "normal"}
        if message.collapse_key is None:  # else it would replace what replaced it
            headers["Topic"] = topic_of(message)
        plain = msgspec.json.encode({"gone": shown})
        attempt = await self._push(endpoint, headers, plain)
        if attempt is None:
            return Attempt(kind="withdrawn")
        return repeatable(attempt)

    async def _push(
        self, opened: OpenedEndpoint, headers: Mapping[str, str], plain: bytes
    ) -> Attempt | None:
        subscription = kept_as(Subscription, opened)
        try:
            to = push_endpoint(subscription.endpoint, self._service)
            receiver, secret = subscription.keys()
            body = encrypted(plain, receiver, secret, key=self._key(), salt=self._salt(SALT_BYTES))
        except ValueError:  # it was allowed once
            return Attempt(kind="refused", reason="address_refused", was_asked=False)
        posted = await self._posted(to, headers, body)
        if posted.status in NOT_BELIEVED:  # of another clock, it may be; who subscribed to another
            self._vapid.forget(to)  # key than ours believes none
            posted = await self._posted(to, headers, body)
        return None if is_taken(posted) else attempt_of(posted, self._clock, MEANINGS)

    async def _posted(self, to: Endpoint, headers: Mapping[str, str], body: bytes) -> Posted:
        return await self._poster.post(to, self._headers(to) | {**headers}, body)

    def _headers(self, to: Endpoint) -> dict[str, str]:
        return {
            "Authorization": self._vapid.authorization(to),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
        }

    def _kept_s(self, message: OutgoingNotification) -> int:
        if message.expires_at is None:
            return KEPT_S
        left_s = (message.expires_at - self._clock.now_ms()) // 1000
        return min(max(left_s, 0), LONGEST_KEPT_S)

    def _shown_s(self, message: OutgoingNotification, sent_at: int) -> int:
        until = sent_at + SHOWN_S * 1000
        if message.expires_at is not None:
            until = min(until, message.expires_at)
        return (until - self._clock.now_ms()) // 1000


def topic_of(message: OutgoingNotification) -> str:
    """What a message replaces at the push service: itself, or those of its sender's key.

    It is a digest, for the service can read it.
    """
    if message.collapse_key is None:
        of = f"id {message.notification_id}"
    else:
        of = f"key {message.sender_no} {message.type} {message.collapse_key}"
    digest = hashlib.sha256(of.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:TOPIC_CHARS]


def _shown(message: OutgoingNotification, text: Text) -> bytes:
    """The payload, with as much of the body as fits."""
    at = datetime.fromtimestamp(message.created_at / 1000, UTC)
    said = {
        "id": message.notification_id,
        "title": text.title[:LONGEST_TITLE],
        "message": text.body,
        "timestamp": at.isoformat(timespec="milliseconds"),
    }
    while (beyond := len(plain := msgspec.json.encode(said)) - LONGEST_PLAIN) > 0:
        said["message"] = said["message"][: -(beyond // BYTES_OF_CHARACTER) - 1]
    return plain
