"""The client of the HTTP message API: the external message service of specification 002.

    POST {base}/messages
    Authorization: Bearer KEY
    Idempotency-Key: ID
    {"id": ID, "to": PHONE, "body": TEXT, "advertising": BOOL}

and 2xx with ``{"id": PROVIDER'S ID}`` where the message was taken. Neither phones nor texts, nor
what the provider says, are in any outcome, log or error.
"""

from __future__ import annotations

import msgspec

from actors.message_records import Outcome, OutcomeReason, OutgoingMessage
from actors.ports import WallClock
from server.providers.endpoints import Endpoint
from server.providers.posting import Posted, Poster
from server.providers.retry_after import read_retry_after

LONGEST_PROVIDER_ID = 200
NOT_YET = (408, 425, 429)
"""Too slow, too early, too many: of those of 4xx, what says nothing of the message."""
OF_A_GATEWAY = (502, 504)
"""It did not hear what became of the message, and the service behind it may have taken it."""
MOVED = (307, 308)
REFUSALS: dict[int, OutcomeReason] = {
    **dict.fromkeys((401, 403), "not_authorized"),
    **dict.fromkeys(MOVED, "redirected"),
}


class Taken(msgspec.Struct):
    """The answer that takes a message."""

    id: str


class MessageApi:
    """The provider behind *base*.

    *idempotent*: it promises to send one ``Idempotency-Key`` once, so what may have been taken can
    be sent again. Without that promise it is ``unknown`` for ever.
    """

    def __init__(
        self, poster: Poster, base: Endpoint, key: str, *, idempotent: bool, clock: WallClock
    ) -> None:
        self._poster, self._endpoint, self._key = poster, base.below("/messages"), key
        self._idempotent, self._clock = idempotent, clock

    async def send(self, message: OutgoingMessage) -> Outcome:
        """Try once to have *message* sent; raises nothing of network or provider.

        Of an attempt that is cancelled nobody knows the outcome.
        """
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": message.id}
        posted = await self._poster.post(self._endpoint, headers, msgspec.json.encode(message))
        return self._outcome(posted)

    def _outcome(self, posted: Posted) -> Outcome:
        status = posted.status
        if status is None:
            return self._doubtful("no_answer") if posted.left else _not_left(posted)
        if status // 100 == 2:  # noqa: PLR2004 - the class of success
            return self._taken(posted)
        if status in NOT_YET or (status // 100 == 5 and status not in OF_A_GATEWAY):  # noqa: PLR2004
            return self._again(posted)
        if status // 100 == 4 or status in MOVED:  # noqa: PLR2004
            return Outcome(kind="refused", reason=REFUSALS.get(status, "provider_refused"))
        return self._doubtful("bad_answer")

    def _taken(self, posted: Posted) -> Outcome:
        try:
            provider_id = msgspec.json.decode(posted.body or b"", type=Taken).id
        except ValueError:  # also what msgspec raises
            return self._doubtful("bad_answer")
        if not 0 < len(provider_id) <= LONGEST_PROVIDER_ID:
            return self._doubtful("bad_answer")
        return Outcome(kind="sent", provider_id=provider_id)

    def _again(self, posted: Posted) -> Outcome:
        asked = posted.headers.get(b"retry-after", b"").decode("latin-1")
        return Outcome(
            kind="again",
            reason="limited" if posted.status == 429 else "provider_error",  # noqa: PLR2004
            retry_after_ms=read_retry_after(asked, self._clock.now_ms()),
        )

    def _doubtful(self, reason: OutcomeReason) -> Outcome:
        return Outcome(kind="again" if self._idempotent else "unknown", reason=reason)


def _not_left(posted: Posted) -> Outcome:
    reason: OutcomeReason = "address_refused" if posted.address_refused else "not_connected"
    return Outcome(kind="again", reason=reason)
