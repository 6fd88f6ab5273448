"""When to connect again, and whether at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from protocol.close import CloseCode

FIRST_S: Final = 0.5
MOST_S: Final = 30.0
STEADY_S: Final = 10.0
TURN_MOST_S: Final = 300.0
COME_AGAIN: Final = frozenset({408, 425, 429})
REFUSED: Final = range(400, 500)
TERMINAL: Final = range(CloseCode.ABUSE, 5000)


def may_reconnect(code: int) -> bool:
    """Whether *code*, of a close or the HTTP status of a refused opening, lets a client come back.

    >>> [may_reconnect(code) for code in (1001, 1006, 4001, 4499, 4500, 4999, 503, 403, 429)]
    [True, True, True, True, False, False, True, False, True]
    """
    return code in COME_AGAIN or not (code in REFUSED or code in TERMINAL)


class Backoff:
    """Delays with full jitter, doubling up to ``MOST_S``; *chance* gives numbers in [0, 1).

    Only a connection that held for ``STEADY_S`` starts them anew, so a server that lets everybody
    in and falls over is not stormed.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failures = 0

    def delay(self, *, held_s: float, turn_ms: int | None) -> float:
        """Seconds until the next try, after a connection that was open for *held_s*.

        *turn_ms* is the server's word on when it is this client's turn; it counts before ours.
        """
        self._failures = 1 if held_s >= STEADY_S else self._failures + 1
        if turn_ms is not None:
            return min(max(turn_ms, 0) / 1000, TURN_MOST_S)
        doubled = FIRST_S * 2.0 ** min(self._failures - 1, 16)
        return self._chance() * min(MOST_S, doubled)
