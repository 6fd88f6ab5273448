"""Who may do something that takes much: a few at once, and one after another of one user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from protocol.errors import ErrorCode, ProtocolError


class Turns:
    """*at_once* of all users. Nobody waits longer than *within* seconds for his own, or for all."""

    def __init__(self, at_once: int, *, within: float) -> None:
        self._all = trio.CapacityLimiter(at_once)
        self._within = within
        self._by_user: dict[int, trio.CapacityLimiter] = {}

    @asynccontextmanager
    async def of(self, user_no: int) -> AsyncIterator[None]:
        """A turn of a user. Raises ProtocolError: ``rate_limited`` while others of his take long,
        ``unavailable`` while those of all do.
        """
        own = self._by_user.setdefault(user_no, trio.CapacityLimiter(1))
        try:
            async with (
                self._waited(own, ErrorCode.RATE_LIMITED),
                self._waited(self._all, ErrorCode.UNAVAILABLE),
            ):
                yield
        finally:
            is_idle = not own.borrowed_tokens and not own.statistics().tasks_waiting
            if is_idle and self._by_user.get(user_no) is own:
                del self._by_user[user_no]

    @asynccontextmanager
    async def _waited(self, turns: trio.CapacityLimiter, code: ErrorCode) -> AsyncIterator[None]:
        with trio.move_on_after(self._within) as waiting:
            await turns.acquire()
        if waiting.cancelled_caught:
            raise ProtocolError(code, retry_after_ms=round(self._within * 1000))
        try:
            yield
        finally:
            turns.release()
