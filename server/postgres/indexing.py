"""Keeps the index of the search up, beside the journal: without it a search is slow, not wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

import trio

from actors.ports import AdapterError, Journal
from actors.records import Batch, Claimed, Verdict
from protocol.ids import RoomId
from server.postgres.pool import WRONG_DATA, Database

INDEX = "SELECT behind, locked, events FROM index_rooms($1::integer[], $2)"

BEHIND = """
SELECT coalesce((SELECT max(room_no) FROM chat_rooms), 0) AS highest, ARRAY(
    SELECT r.room_no FROM chat_rooms r
    LEFT JOIN search_states s ON s.room_no = r.room_no
    WHERE r.room_no > $1 AND r.room_no <= $2 AND coalesce(s.indexed_upto, 0) < (
        SELECT e.seq FROM room_events e WHERE e.room_no = r.room_no ORDER BY e.seq DESC LIMIT 1
    )
) AS behind"""


class NotedRooms:
    """The rooms that something was stored for, until they are calm or have waited for long.

    At most ``MOST`` are kept; of more it is only known that there were: ``lost``.
    """

    MOST = 20_000
    CALM_S = 5.0
    LONG_S = 30.0

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        self._times: dict[int, tuple[float, float]] = {}  # the first and the last that were noted
        self.commits = 0
        self.lost = False

    def note(self, rooms: set[int]) -> None:
        """Something was stored for *rooms*, now."""
        self.commits += 1
        self.again(rooms)

    def again(self, rooms: set[int]) -> None:
        """Something is left of *rooms*."""
        if len(self._fresh) < self.MOST:
            self._fresh |= rooms
        else:
            self.lost = True

    def due(self, now: float) -> list[int]:
        """Those whose time has come, which are forgotten here."""
        for room in self._fresh:
            if room in self._times or len(self._times) < self.MOST:
                self._times[room] = (self._times.get(room, (now, now))[0], now)
            else:
                self.lost = True
        self._fresh.clear()
        due = [
            room
            for room, (first, last) in self._times.items()
            if now >= last + self.CALM_S or now >= first + self.LONG_S
        ]
        for room in due:
            del self._times[room]
        return due


class NotingJournal(Journal):
    """A journal that notes the rooms it has stored something for."""

    def __init__(self, journal: Journal, rooms: NotedRooms) -> None:
        self._journal, self._rooms = journal, rooms

    async def append(self, batches: Sequence[Batch]) -> Sequence[Verdict]:
        """Store *batches*."""
        try:
            return await self._journal.append(batches)
        finally:
            self._rooms.note({batch.room_no for batch in batches if batch.events})

    async def claim(self, rooms: Sequence[RoomId], *, tail: int) -> Mapping[RoomId, Claimed]:
        """Become the owner of *rooms*."""
        return await self._journal.claim(rooms, tail=tail)

    async def probe(self) -> None:
        """Return when the store can be written."""
        await self._journal.probe()


class Hard(NamedTuple):
    """A room that a round failed with: it is taken alone, by *chunks*, from *at* on."""

    chunks: int
    at: float
    rest_s: float


class Indexer:
    """Takes what is new in rooms into the index, a little at a time; any number of nodes may.

    It works half of the time, and a twentieth while there are over ``BUSY`` commits a second. At
    its start, and once an hour, it looks for rooms that somebody left behind.

    Of a round that fails, each room is tried alone, half as much at once, until it gets through
    as much as all; one that fails alone waits, longer each time, and holds nobody up.
    """

    TICK_S = 1.0
    SWEEP_EVERY_S = 3600.0
    ROOMS_AT_ONCE, CHUNKS_AT_ONCE = 32, 16
    SWEPT_AT_ONCE = 2_000
    BUSY = 50
    WITHIN = 60.0  # an index of nothing but long texts takes its time
    AGAIN_S, AGAIN_MOST_S = 5.0, 3600.0
    SHARE: Final = {False: 1.0, True: 19.0}  # seconds of rest for each of work

    def __init__(self, database: Database, rooms: NotedRooms) -> None:
        self._database, self._noted = database, rooms
        self._due: dict[int, None] = {}  # in their order
        self._hard: dict[int, Hard] = {}
        self._was_hard = False
        self._swept: int | None = 0  # the last room that was looked at; None: not sweeping
        self._next_sweep = 0.0
        self._commits, self._at = 0, 0.0
        self._owed = 0.0  # seconds of rest after work that failed

    async def round(self) -> float:
        """One step; seconds of rest after it. Raises as ``step`` does."""
        if self._owed:
            rest, self._owed = self._owed, 0.0
            return rest
        begun = trio.current_time()
        try:
            worked = await self.step()
        except Exception:
            self._owed = self._rest_after(begun)
            raise
        return self._rest_after(begun) if worked else self.TICK_S

    def _rest_after(self, begun: float) -> float:
        return (trio.current_time() - begun) * self.SHARE[self._is_busy()]

    async def step(self) -> bool:
        """A little of what is to be done; whether there was something.

        Raises what the database says against it; those rooms are tried again later, one by one.
        """
        now = trio.current_time()
        if len(self._due) < self.SWEPT_AT_ONCE:
            self._due.update(dict.fromkeys(self._noted.due(now)))
        if len(self._due) < self.SWEPT_AT_ONCE and self._sweeps(now):
            await self._sweep()
        rooms = self._next(now)
        if rooms:
            await self._index(rooms)
        return bool(rooms)

    def _sweeps(self, now: float) -> bool:
        if self._swept is None and (self._noted.lost or now >= self._next_sweep):
            self._noted.lost = False
            self._swept = 0
        return self._swept is not None

    async def _sweep(self) -> None:
        upto = (self._swept or 0) + self.SWEPT_AT_ONCE
        row = await self._database.fetchrow(BEHIND, self._swept, upto)
        self._due.update(dict.fromkeys(row["behind"]))
        self._swept = upto if upto < row["highest"] else None
        self._next_sweep = trio.current_time() + self.SWEEP_EVERY_S

    def _next(self, now: float) -> list[int]:
        """Some rooms, or a hard one alone whose time has come: in turns, where there are both."""
        others = (room for room in self._due if room not in self._hard)
        some = list(islice(others, self.ROOMS_AT_ONCE))
        hard = [room for room, hard in self._hard.items() if now >= hard.at][:1]
        self._was_hard = bool(hard) and not (some and self._was_hard)
        return hard if self._was_hard else some

    async def _index(self, rooms: list[int]) -> None:
        hard = self._hard.pop(rooms[0], None)  # to the end of their order
        chunks = hard.chunks if hard else self.CHUNKS_AT_ONCE
        for room in rooms:
            self._due.pop(room, None)
        try:
            row = await self._database.fetchrow(INDEX, rooms, chunks, within=self.WITHIN)
        except (AdapterError, *WRONG_DATA):
            self._failed(rooms, chunks, hard)
            raise
        self._due.update(dict.fromkeys(row["behind"]))
        self._noted.again(set(row["locked"]))
        if hard and chunks * 2 < self.CHUNKS_AT_ONCE and row["behind"]:
            self._hard[rooms[0]] = Hard(chunks * 2, 0.0, 0.0)

    def _failed(self, rooms: list[int], chunks: int, hard: Hard | None) -> None:
        now, rest = trio.current_time(), 0.0
        if len(rooms) == 1:
            rest = min(max(self.AGAIN_S, (hard.rest_s if hard else 0.0) * 2), self.AGAIN_MOST_S)
        for room in rooms:
            self._hard[room] = Hard(max(1, chunks // 2), now + rest, rest)

    def _is_busy(self) -> bool:
        """Whether there are many commits since this was last asked."""
        now, commits = trio.current_time(), self._noted.commits
        rate = (commits - self._commits) / max(now - self._at, 0.001)
        self._commits, self._at = commits, now
        return rate > self.BUSY
