"""That a phone is somebody's own: he is sent a code there, and says it here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from actors.notification_records import Attempt
from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.notification_schemas import utc
from server.http.ports import Limits, Rate
from server.postgres.phone_codes import PhoneCodes
from server.providers.outside_addresses import NewAddress

CODES: Final = Rate(per_second=1 / 3_600, burst=2)
"""Codes that one user asks for, and that one phone is sent, whoever asks: three in any hour."""


class NewPhoneEndpoint(msgspec.Struct, forbid_unknown_fields=True):
    """Without a ``code`` one is sent to the phone of the profile."""

    code: (
        Annotated[str, Meta(pattern="^[0-9]{6}$", description="a string of six digits")] | None
    ) = None


class PhoneCodeSent(msgspec.Struct, rename="camel"):
    """A code is on its way to that phone, and holds until then. An earlier one holds no more."""

    label: str
    expires_at: datetime


class CodeSender(Protocol):
    """What tells phones codes."""

    async def send_code(self, phone: str, code: str) -> Attempt:
        """Try once; raises nothing of network or provider."""


class PhoneProof:
    """Sends codes and hears them. What a code is, nothing here says but to the phone."""

    def __init__(
        self, codes: PhoneCodes, sender: CodeSender, *, limits: Limits, clock: WallClock
    ) -> None:
        self._codes, self._sender = codes, sender
        self._limits, self._clock = limits, clock

    async def begin(self, user_no: int, phone: NewAddress) -> PhoneCodeSent:
        """Send a code there. Raises ProtocolError."""
        for whose in (str(user_no), f"of {self._codes.name(phone.address)}"):
            if wait := await self._limits.take(f"phone-codes:{whose}", CODES):
                raise rate_limited(wait)
        made = await self._codes.make(user_no, phone.address, at=self._clock.now_ms())
        attempt = await self._sender.send_code(phone.address, made.code)
        if attempt.kind not in ("sent", "unknown"):
            raise ProtocolError(ErrorCode.UNAVAILABLE, "the code could not be sent")
        return PhoneCodeSent(phone.label, utc(made.expires_at))

    async def check(self, user_no: int, phone: NewAddress, code: str) -> None:
        """Raises ProtocolError unless it is the one that was sent there last."""
        if not await self._codes.use(user_no, phone.address, code, at=self._clock.now_ms()):
            raise invalid("code", "is wrong, or holds no more")
