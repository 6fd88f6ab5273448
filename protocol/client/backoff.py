"""Whether and when to connect again."""

from __future__ import annotations

from typing import Final

from protocol.close import CloseCode

FIRST_S: Final = 0.2
MOST_S: Final = 15.0


def may_return(code: int | None) -> bool:
    """Whether a client may come back after *code*; None stands for a broken connection.

    >>> may_return(None), may_return(1001), may_return(4008), may_return(4501)
    (True, True, True, False)
    """
    return code is None or code < CloseCode.ABUSE


def delay(failures: int, chance: float, *, told_s: float | None = None) -> float:
    """Seconds to wait after *failures* in a row; *chance* is in [0, 1). ``told_s``: by ``goodbye``.

    >>> delay(0, 0.0), delay(3, 0.0), delay(50, 0.0), delay(0, 0.5, told_s=2.0)
    (0.1, 0.8, 7.5, 2.0)
    """
    if told_s is not None and failures == 0:
        return told_s
    return float(min(MOST_S, FIRST_S * 2 ** min(failures, 20)) * (0.5 + chance / 2))
