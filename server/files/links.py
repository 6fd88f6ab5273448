"""Links to files for those who cannot say who they are: what a browser shows by itself."""

from __future__ import annotations

import hmac
from typing import Final

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, UserId

LINK_S: Final = 900
"""How long a link is good."""


class Links:
    """Signs and checks. A link is for one user and one file, and does not say that he may have it:
    that is looked at again when it is used.
    """

    def __init__(self, key: bytes, *, clock: WallClock) -> None:
        self._key, self._clock = key, clock

    def query(self, file: str, user: UserId) -> tuple[str, Millis]:
        """What to add to the address of *file*, and until when that is good."""
        # Whole minutes: as long as a browser may use what it has, it is asked for by one address.
        until = self._clock.now_ms() // 60_000 * 60_000 + LINK_S * 1000
        signature = self._signature(file, user, until)
        return f"user={user}&until={until}&signature={signature}", Millis(until)

    def check(self, file: str, user: str, until: int, signature: str) -> UserId:
        """Whose link it is. Raises ProtocolError."""
        good = hmac.compare_digest(
            signature.encode(), self._signature(file, UserId(user), until).encode()
        )
        if not good or until <= self._clock.now_ms():
            raise ProtocolError(ErrorCode.UNAUTHENTICATED, "the link is not valid, or no longer")
        return UserId(user)

    def _signature(self, file: str, user: UserId, until: int) -> str:
        text = f"{file}\n{user}\n{until}".encode()
        return hmac.new(self._key, text, "sha256").hexdigest()
