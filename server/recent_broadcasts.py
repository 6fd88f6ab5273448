"""How broadcasts have done of late, looked at now and then."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from actors.ports import Selection, StoreUnavailable, WallClock
from actors.selection_records import SelectionFigures
from protocol.ids import Millis
from server.postgres.broadcast_figures import BroadcastFigures, Reached


class RecentBroadcasts:
    """As of the last look; None before the first."""

    DAYS: Final = 30
    EVERY_S: Final = 300.0

    def __init__(self, store: BroadcastFigures, selection: Selection, *, clock: WallClock) -> None:
        self._store, self._selection, self._clock = store, selection, clock
        self.reached: Reached | None = None
        self.selection: SelectionFigures | None = None

    async def round(self) -> float:
        """Look; seconds until the next look."""
        since = Millis(self._clock.now_ms() - self.DAYS * 86_400_000)
        self.reached = await self._store.reached(since)
        with suppress(StoreUnavailable):
            self.selection = await self._selection.figures()
        return self.EVERY_S
