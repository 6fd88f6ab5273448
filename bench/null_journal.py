"""A journal that stores nothing: what Madang would do if a commit took no time.

Never for people: what it acknowledges is gone when its room is. Rooms are claimed as ever, so that
everything but the storage is the real thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import trio

from actors.records import Batch, Claimed, Verdict
from protocol.ids import RoomId
from server.app import OwnJournal, stored
from server.postgres.pool import Database


class NullJournal:
    """Says STORED to all and forgets it; asks *real* for everything else."""

    def __init__(self, real: OwnJournal) -> None:
        self._real = real

    async def append(self, batches: Sequence[Batch]) -> Sequence[Verdict]:
        """Stored, at once: as the real one it can't be cancelled."""
        await trio.lowlevel.cancel_shielded_checkpoint()
        return [Verdict.STORED] * len(batches)

    async def claim(self, rooms: Sequence[RoomId], *, tail: int) -> Mapping[RoomId, Claimed]:
        """The real one's."""
        return await self._real.claim(rooms, tail=tail)

    async def probe(self) -> None:
        """The real one's."""
        await self._real.probe()

    async def aclose(self) -> None:
        """The real one's."""
        await self._real.aclose()


def forgetful(database: Database) -> OwnJournal:
    """A null journal over the real one."""
    return NullJournal(stored(database))
