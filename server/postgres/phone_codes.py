"""Codes that are sent to a phone: whoever says one has that phone.

They are kept among the codes of ``notification_links``, as a keyed digest that has the phone in it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Final

from protocol.ids import Millis
from server.ids import keyed_id
from server.postgres.notification_links import ASKER, DROP, KEEP, KEPT_MS, LinkCode
from server.postgres.pool import Database

DIGITS: Final = 6
TRIES: Final = 5
"""Of one code, whatever was said: there are a million of them."""
PLATFORM: Final = "alimtalk"

TRY = """
UPDATE notification_links SET tries = tries + 1
WHERE user_no = $1 AND platform = $2 AND expires_at > $3 AND tries < $4
RETURNING code_hash"""


def random_digits() -> str:
    """A code that is easily typed."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


class PhoneCodes:
    """Every method may raise StoreUnavailable and OutcomeUnknown."""

    def __init__(
        self, database: Database, *, key: bytes, new_code: Callable[[], str] = random_digits
    ) -> None:
        self._database, self._key, self._new_code = database, key, new_code

    async def make(self, user_no: int, phone: str, *, at: Millis) -> LinkCode:
        """A new code for *phone*; one that the user had before is worth nothing any more."""
        made = LinkCode(self._new_code(), Millis(at + KEPT_MS))
        digest = self._digest(user_no, phone, made.code)
        async with self._database.acting(user_no) as mine:
            await mine.execute(ASKER, user_no)  # one after another: one code holds
            await mine.execute(DROP, user_no, PLATFORM)
            await mine.execute(KEEP, digest, user_no, PLATFORM, made.expires_at)
        return made

    async def use(self, user_no: int, phone: str, code: str, *, at: Millis) -> bool:
        """Whether that is the user's code for *phone*: once, and so often may be tried."""
        said = self._digest(user_no, phone, code)
        async with self._database.acting(user_no) as mine:
            kept = await mine.fetchval(TRY, user_no, PLATFORM, at, TRIES)
            is_right = kept is not None and hmac.compare_digest(kept, said)
            if is_right:
                await mine.execute(DROP, user_no, PLATFORM)
        return is_right

    def name(self, phone: str) -> str:
        """What stands for *phone* where it must not be read."""
        return keyed_id(self._key, phone.encode())

    def _digest(self, user_no: int, phone: str, code: str) -> bytes:
        return hmac.digest(self._key, f"{user_no} {phone} {code}".encode(), "sha256")
