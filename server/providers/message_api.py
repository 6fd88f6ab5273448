"""The client of the HTTP message API: the external message service of specification 002.

    POST {base}/messages
    Authorization: Bearer KEY
    Idempotency-Key: ID
    {"id": ID, "to": PHONE, "body": TEXT, "advertising": BOOL}

and 2xx with ``{"id": PROVIDER'S ID}`` where the message was taken. Neither phones nor texts are in
any outcome, log or error; of what the provider says its id alone is, if it is one (``PLAIN_ID``).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from actors.message_records import Outcome, OutcomeReason, OutgoingMessage
from actors.ports import WallClock
from server.providers.endpoints import Endpoint
from server.providers.posting import Posted, Poster
from server.providers.retry_after import read_retry_after

PLAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""What can be kept and shown. A message that was taken under another id was sent all the same."""
SAME_PHONE: Final = 8
"""So many last digits of a phone, which are the same in all its spellings."""
NOT_TAKEN: Final[dict[int, OutcomeReason]] = {
    **dict.fromkeys((408, 425, 503), "provider_error"),
    429: "limited",
    401: "not_authorized",
    **dict.fromkeys((307, 308), "redirected"),
}
"""It did not get all of it, would not risk it, is not there, gets too many, or the settings are
wrong: what says nothing of the message, and that nothing was done with it. Any other of 5xx may be
said by a service that fell ill after it took it, or by a gateway that did not hear what became of
it.
"""


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
        return self._outcome(posted, message)

    def _outcome(self, posted: Posted, message: OutgoingMessage) -> Outcome:
        status = posted.status
        if status is None:
            return self._doubtful("no_answer") if posted.left else _not_left(posted)
        if status // 100 == 2:  # noqa: PLR2004 - the class of success
            return self._taken(posted, message)
        if status in NOT_TAKEN:
            asked = self._asked(posted)
            return Outcome(kind="again", reason=NOT_TAKEN[status], retry_after_ms=asked)
        if status // 100 == 5:  # noqa: PLR2004
            return self._doubtful("provider_error", self._asked(posted))
        if status // 100 == 4:  # noqa: PLR2004
            reason: OutcomeReason = "not_authorized" if status == 403 else "provider_refused"  # noqa: PLR2004
            return Outcome(kind="refused", reason=reason)
        return self._doubtful("bad_answer")

    def _taken(self, posted: Posted, message: OutgoingMessage) -> Outcome:
        try:
            said = msgspec.json.decode(posted.body or b"", type=Taken).id
        except ValueError:  # also what msgspec raises
            return self._doubtful("bad_answer")
        phone = _digits(message.to)[-SAME_PHONE:]
        is_kept = PLAIN_ID.fullmatch(said) and not (phone and phone in _digits(said))
        return Outcome(kind="sent", provider_id=said if is_kept else None)

    def _asked(self, posted: Posted) -> int | None:
        asked = posted.headers.get(b"retry-after", b"").decode("latin-1")
        return read_retry_after(asked, self._clock.now_ms())

    def _doubtful(self, reason: OutcomeReason, retry_after_ms: int | None = None) -> Outcome:
        if not self._idempotent:
            return Outcome(kind="unknown", reason=reason)
        return Outcome(kind="again", reason=reason, retry_after_ms=retry_after_ms, may_be_sent=True)


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _not_left(posted: Posted) -> Outcome:
    reason: OutcomeReason = "address_refused" if posted.address_refused else "not_connected"
    return Outcome(kind="again", reason=reason)
