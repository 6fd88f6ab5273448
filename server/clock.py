"""Calendar time of this machine."""

from __future__ import annotations

import time

from protocol.ids import Millis


class SystemClock:
    """The WallClock that production runs by."""

    def now_ms(self) -> Millis:
        """Milliseconds since the epoch."""
        return Millis(time.time_ns() // 1_000_000)
