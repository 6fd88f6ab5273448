"""One-time codes by which a bot's user says who he is here, and who that is."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from protocol.ids import Millis, UserId
from server.postgres.pool import Database

BotPlatform = Literal["kakao", "discord"]

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Nothing that is taken for something else when it is read or typed: no 0, 1, I, L, O."""
LENGTH: Final = 8
KEPT_MS: Final = 10 * 60_000

ASKER = "SELECT FROM users WHERE user_no = $1 FOR NO KEY UPDATE"

DROP = "DELETE FROM notification_links WHERE user_no = $1 AND platform = $2"

KEEP = """
INSERT INTO notification_links (code_hash, user_no, platform, expires_at)
VALUES ($1, $2, $3, $4)"""

# Who was suspended meanwhile links nothing. What is out of date goes with it.
USE = """
WITH used AS (
    DELETE FROM notification_links
    WHERE (code_hash = $1 AND platform = $2) OR expires_at <= $3
    RETURNING code_hash, user_no, expires_at
)
SELECT u.user_no FROM used JOIN users u USING (user_no)
WHERE used.code_hash = $1 AND used.expires_at > $3 AND u.status = 'active'"""

LINKED = """
SELECT user_no, user_id, coalesce(nullif(name, ''), username) AS name, language FROM users
WHERE user_no = $1 AND status = 'active'"""


class LinkCode(NamedTuple):
    """A code to be told to a bot, and until when."""

    code: str
    expires_at: Millis


class Linked(NamedTuple):
    """Who stands behind a bot's user."""

    user_no: int
    user_id: UserId
    name: str
    language: str


def random_code() -> str:
    """A code that nobody guesses in time: one of 8.5e11."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def normal_code(text: str) -> str | None:
    """*text* as a code is spelled, if it can be one.

    >>> normal_code(" abcd-efgh "), normal_code("ABCD EFG0"), normal_code("abcd")
    ('ABCDEFGH', None, None)
    """
    code = "".join(text.upper().replace("-", "").split())
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


class NotificationLinks:
    """Codes are kept as their keyed digests alone. Every method may raise StoreUnavailable."""

    def __init__(
        self, database: Database, *, key: bytes, new_code: Callable[[], str] = random_code
    ) -> None:
        self._database, self._key, self._new_code = database, key, new_code

    async def make(self, user_no: int, platform: BotPlatform, *, at: Millis) -> LinkCode:
        """A new code; those that the user had for *platform* are worth nothing any more."""
        made = LinkCode(self._new_code(), Millis(at + KEPT_MS))
        async with self._database.acting(user_no) as mine:
            await mine.execute(ASKER, user_no)  # one after another: one code holds
            await mine.execute(DROP, user_no, platform)
            await mine.execute(KEEP, self._digest(made.code), user_no, platform, made.expires_at)
        return made

    async def use(self, platform: BotPlatform, code: str, *, at: Millis) -> int | None:
        """The number of the user whose code this is, once; None for any other code.

        May raise OutcomeUnknown: then the code may be gone.
        """
        async with self._database.service() as service:
            found: int | None = await service.fetchval(USE, self._digest(code), platform, at)
        return found

    async def linked(self, user_no: int) -> Linked | None:
        """Who that is, while his account may be used."""
        row = await self._database.fetchrow(LINKED, user_no)
        return row and Linked(*row)

    def _digest(self, code: str) -> bytes:
        return hmac.digest(self._key, code.encode(), "sha256")
