"""Passwords: argon2id in worker threads, a few at a time."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from protocol.errors import ErrorCode, ProtocolError

T = TypeVar("T")

LONGEST_PASSWORD = 256
MOST_WAITING = 64
WITHIN = 10.0


class Passwords:
    """Hashes and compares. At most *at_once* threads work and 64 requests wait; more are refused.

    Comparing takes the same work whether or not there is such a user.
    """

    def __init__(
        self,
        *,
        at_once: int = 2,
        time_cost: int = 2,
        memory_kib: int = 19_456,
    ) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._limiter = trio.CapacityLimiter(at_once)
        self._nobody = self._hasher.hash("")

    async def hash(self, password: str) -> str:
        """What to store of *password*. Raises ProtocolError."""
        text = usable(password)
        return await self._in_thread(partial(self._hasher.hash, text))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether *password* made *stored*; never for None, at the same cost."""
        text = usable(password)
        equal = await self._in_thread(partial(self._compare, stored or self._nobody, text))
        return equal and stored is not None

    def _compare(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._limiter.statistics().tasks_waiting >= MOST_WAITING:
            raise ProtocolError(ErrorCode.UNAVAILABLE, "too many sign-ins", retry_after_ms=2_000)
        with trio.move_on_after(WITHIN):
            return await trio.to_thread.run_sync(work, limiter=self._limiter)
        raise ProtocolError(ErrorCode.UNAVAILABLE, "too many sign-ins", retry_after_ms=2_000)


def usable(password: str) -> str:
    """*password* as it is hashed: there are two ways to write a syllable. Raises ProtocolError.

    >>> usable("가") == usable("\\u1100\\u1161")
    True
    """
    if not 1 <= len(password) <= LONGEST_PASSWORD:
        why = f"must have 1 to {LONGEST_PASSWORD} characters"
        raise ProtocolError(ErrorCode.INVALID, fields={"password": why})
    return unicodedata.normalize("NFC", password)
