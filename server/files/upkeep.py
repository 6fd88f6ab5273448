"""Looks now and then for what nobody needs: uploads given up, files in no message, contents."""

from __future__ import annotations

from actors.ports import WallClock
from protocol.ids import Millis
from protocol.limits import UNPOSTED_KEPT_S
from server.files.spool import Spool
from server.files.storage import Storage
from server.postgres.erasure import Log
from server.postgres.file_upkeep import FileUpkeepStore

CLAIM_S = 7200
"""From the claim of a content to the file that has it."""
LEFT_S = 7200
"""How long something lies untouched in the spool, of which nobody knows."""


class FileUpkeep:
    """At the start and once in a while; any number of nodes may."""

    EVERY_S = 900.0

    def __init__(
        self, rows: FileUpkeepStore, spool: Spool, storage: Storage, *, clock: WallClock, log: Log
    ) -> None:
        self._rows, self._spool, self._storage = rows, spool, storage
        self._clock, self._log = clock, log
        self._began = clock.now_ms()
        self._started = False

    async def round(self) -> float:
        """Tidy up; seconds until the next time. Raises AdapterError.

        Until that has been done once, what lies in the spool from before is of requests that died
        with another process.
        """
        now = self._clock.now_ms()
        for upload in await self._rows.expire(now):
            await self._spool.remove(upload)
        known = await self._rows.unfinished(all_of_them=self._started)
        before = now / 1000 - LEFT_S if self._started else self._began / 1000
        await self._spool.remove_others(known, before=before)
        self._started = True
        await self._tidy(now)
        return self.EVERY_S

    async def _tidy(self, now: Millis) -> None:
        while await self._rows.forget_unposted(Millis(now - UNPOSTED_KEPT_S * 1000)):
            pass
        while await self._rows.forget_erased():
            pass
        await self._remove_unused(Millis(now - CLAIM_S * 1000))

    async def _remove_unused(self, before: Millis) -> None:
        while digests := await self._rows.unused(before):
            removed = 0
            for digest in digests:
                async with self._rows.dropping(digest, before) as unused:
                    if unused:
                        await self._storage.remove(digest)
                        removed += 1
            if not removed:
                return
            self._log.info("contents_removed", count=removed)
