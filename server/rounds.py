"""Work beside the chats that is done again and again: none of it may end the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import trio

from actors.ports import AdapterError


class Log(Protocol):
    """What is wanted of a logger."""

    def warning(self, event: str, **fields: object) -> object:
        """Note what passes by itself."""

    def exception(self, event: str, **fields: object) -> object:
        """Note what somebody has to look at."""


async def rounds(
    name: str, work: Callable[[], Awaitable[float]], *, again_s: float, log: Log
) -> None:
    """Call ``work()`` until cancelled; it answers after how many seconds it is to be called next.

    After one that fails, that is *again_s* seconds.
    """
    while True:
        try:
            rest = await work()
        except AdapterError as error:
            log.warning("round_postponed", work=name, reason=str(error))
            rest = again_s
        except Exception:
            log.exception("round_failed", work=name)
            rest = again_s
        await trio.sleep(rest)
