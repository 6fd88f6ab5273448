"""What became of a request to a provider, in the words of notifications.

A provider may answer each status in a way of its own; what it does not, every one of them does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from actors.notification_records import Attempt, AttemptKind, OutgoingNotification
from actors.ports import WallClock
from actors.rules.notification_text import Text
from server.providers.outside_addresses import OpenedEndpoint
from server.providers.posting import Posted
from server.providers.retry_after import read_retry_after

OK, CLIENT_ERROR, SERVER_ERROR = 2, 4, 5  # classes of statuses


class Meaning(NamedTuple):
    """What a status says of an attempt."""

    kind: AttemptKind
    reason: str


MEANINGS: Final[Mapping[int, Meaning]] = {
    **dict.fromkeys((408, 425, 503), Meaning("again", "provider_error")),
    429: Meaning("again", "limited"),
    401: Meaning("again", "not_authorized"),
    403: Meaning("refused", "not_authorized"),
    **dict.fromkeys((307, 308), Meaning("refused", "provider_refused")),
}
"""It did not get all of it, is not there, gets too many, or the settings are wrong: nothing was
done with it, and for all but the last two the same may be taken later.
"""


class Adapter(Protocol):
    """One way to reach people. Its methods raise nothing of network or provider."""

    async def send(
        self, endpoint: OpenedEndpoint, message: OutgoingNotification, text: Text
    ) -> Attempt:
        """Try once to send it."""

    async def take_back(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        """Try once to take back what ``message.take_back`` refers to."""


def is_taken(posted: Posted) -> bool:
    """Whether a status of success came."""
    return posted.status is not None and posted.status // 100 == OK


def attempt_of(
    posted: Posted, clock: WallClock, meanings: Mapping[int, Meaning] = MEANINGS
) -> Attempt:
    """What became of a request that was not answered by success."""
    status = posted.status
    if status is None:
        return _unanswered(posted)
    if meaning := meanings.get(status) or MEANINGS.get(status):
        kind, reason = meaning
        asked = asked_ms(posted, clock) if kind == "again" else None
        return Attempt(kind=kind, reason=reason, retry_after_ms=asked)
    if status // 100 == SERVER_ERROR:
        return Attempt(kind="unknown", reason="provider_error")
    if status // 100 == CLIENT_ERROR:
        return Attempt(kind="refused", reason="provider_refused")
    return Attempt(kind="unknown", reason="bad_answer")


def asked_ms(posted: Posted, clock: WallClock) -> int | None:
    """What the provider asks to wait, in milliseconds."""
    text = posted.headers.get(b"retry-after", b"").decode("latin-1")
    return read_retry_after(text, clock.now_ms())


def repeatable(attempt: Attempt) -> Attempt:
    """The same of a request that does no harm when it is made twice."""
    if attempt.kind != "unknown":
        return attempt
    return Attempt(kind="again", reason=attempt.reason)


def _unanswered(posted: Posted) -> Attempt:
    if posted.left:
        return Attempt(kind="unknown", reason="no_answer")
    reason = "address_refused" if posted.address_refused else "not_connected"
    return Attempt(kind="again", reason=reason)
