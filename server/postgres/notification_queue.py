"""The queue of notifications: what is asked for, and what is decided of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from actors.notification_ports import Decide, NotificationQueue
from actors.notification_records import (
    Begun,
    Enqueued,
    LegResult,
    NewNotification,
    Outside,
    Placed,
    Platform,
    Shown,
    WaitingLeg,
)
from protocol.ids import Millis
from server.postgres.notification_decisions import Decided, decided
from server.postgres.notification_enqueuing import enqueued
from server.postgres.notification_legs import NotificationLegs
from server.postgres.notification_placing import (
    FACTS,
    LOG,
    MORE,
    NEXT_DUE,
    PICK,
    REPLACE,
    SHARES,
    SHOW,
    SIBLINGS,
    WINDOWS,
    WRITE,
)
from server.postgres.notification_rows import shown_of, waiting_of
from server.postgres.notification_settling import ADVANCE, ROLL_UP, WORK
from server.postgres.pool import Database, Transaction


class PostgresNotifications(NotificationQueue):
    """The port NotificationQueue in PostgreSQL, for any number of nodes."""

    def __init__(self, database: Database, *, within: float = 30.0) -> None:
        """*within* seconds each statement has its answer."""
        self._database, self._within = database, within
        self._legs = NotificationLegs(database, within=within)

    async def enqueue(self, new: Sequence[NewNotification]) -> Sequence[Enqueued]:
        """Keep them, with a leg for each platform, unless they are there."""
        async with self._database.transaction(within=self._within, begin=WORK) as transaction:
            return await enqueued(transaction, new, within=self._within)

    async def place(self, decide: Decide, *, now: Millis, most: int) -> Placed:
        """Have legs that are due decided, and do what was decided.

        One that somebody else is about to change, or whose recipient another node decides for, is
        left to the next round.
        """
        shown, ready, count = tuple[Shown, ...](), frozenset[Outside](), 0
        async with self._database.transaction(within=self._within, begin=WORK) as transaction:
            rows = await self._due(transaction, now, most)
            if rows:
                legs = [waiting_of(row) for row in rows]
                done = decided(legs, decide(legs))
                count, ready = len(done.legs), done.ready
                shown = await self._write(transaction, rows, done, now)
            due = await transaction.fetchval(NEXT_DUE, within=self._within)
        return Placed(count, shown, None if due is None else Millis(due), ready)

    async def _due(self, transaction: Transaction, now: Millis, most: int) -> list[Any]:
        """Legs that are due, with those that are held back by the same key, and their facts."""
        found = await self._picked(transaction, now, most)
        picked = [row for row in found if row["is_mine"]]
        leg_nos = [row["leg_no"] for row in picked]
        keys = sorted(
            {
                (row["recipient_no"], row["platform"], row["hold_key"])
                for row in picked
                if row["hold_key"] is not None
            }
        )
        if keys:
            columns = [list(column) for column in zip(*keys, strict=True)]
            more = await transaction.fetch(SIBLINGS, *columns, leg_nos, now, within=self._within)
            leg_nos += [row["leg_no"] for row in more]
        if not leg_nos:
            return []
        return await transaction.fetch(FACTS, leg_nos, now, within=self._within)

    async def _picked(self, transaction: Transaction, now: Millis, most: int) -> Sequence[Any]:
        """Those that are due first, and room for others where one recipient has too many."""
        found = await transaction.fetch(PICK, now, most, [], within=self._within)
        counts, some, more = Counter[int](), list[Any](), list[Any]()
        for row in found if len(found) == most else ():
            counts[row["recipient_no"]] += 1
            (some if counts[row["recipient_no"]] <= max(1, most // SHARES) else more).append(row)
        if not more:
            return found
        crowding = sorted({row["recipient_no"] for row in more})
        others = await transaction.fetch(PICK, now, len(more), crowding, within=self._within)
        return [*some, *others, *more][:most]

    async def _write(
        self, transaction: Transaction, rows: Sequence[Any], done: Decided, now: Millis
    ) -> tuple[Shown, ...]:
        if done.others:
            await transaction.execute(WRITE, *done.columns(), now, within=self._within)
        if done.logged:
            await transaction.execute(LOG, *done.log_columns(), now, within=self._within)
        if done.more:
            await transaction.execute(MORE, *done.more_columns())
        if done.windows:
            await transaction.execute(WINDOWS, *done.window_columns())
        shown = await self._show(transaction, rows, done.shown, now)
        ended = {leg.leg_no for leg, _ in done.shown}.intersection(
            row["leg_no"] for row in rows if row["is_only"]
        )
        numbers = sorted({leg.notification_no for leg in done.legs if leg.leg_no not in ended})
        if any(row["is_fallback"] for row in rows):
            await transaction.execute(ADVANCE, numbers, now)
        if numbers:
            await transaction.execute(ROLL_UP, numbers, within=self._within)
        return shown

    async def _show(
        self,
        transaction: Transaction,
        rows: Sequence[Any],
        shown: Sequence[tuple[WaitingLeg, str]],
        now: Millis,
    ) -> tuple[Shown, ...]:
        gone = dict[int, tuple[str, ...]]()
        new = [leg.leg_no for leg, _ in shown if leg.collapse_key is not None]
        if new:
            replaced = await transaction.fetch(REPLACE, new, now)
            gone = {row["leg_no"]: (row["notification_id"],) for row in replaced if row["is_gone"]}
        if shown:
            leg_nos, reasons = [leg.leg_no for leg, _ in shown], [reason for _, reason in shown]
            await transaction.execute(SHOW, leg_nos, now, reasons, within=self._within)
        by_leg = {row["leg_no"]: row for row in rows}
        return tuple(
            shown_of(by_leg[leg.leg_no], leg, gone.get(leg.leg_no, ()), now, is_silent=bool(reason))
            for leg, reason in shown
        )

    async def begin(
        self, platform: Outside, *, now: Millis, until: Millis, most: int, lease: int
    ) -> Begun:
        """Legs to be sent now, for this node alone *until* then."""
        return await self._legs.begin(platform, now=now, until=until, most=most, lease=lease)

    async def abandon(self, platform: Outside, *, before: Millis, now: Millis, most: int) -> int:
        """End legs of a platform to which nothing is sent any more; how many there were."""
        return await self._legs.abandon(platform, before=before, now=now, most=most)

    async def record(self, results: Sequence[LegResult], *, at: Millis) -> Collection[Platform]:
        """What became of attempts, of those legs that are still its lease's."""
        return await self._legs.record(results, at=at)
