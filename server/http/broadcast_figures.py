"""How broadcasts do: for admins."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.ports import Selection, StoreUnavailable, WallClock
from protocol.ids import Millis
from server.http.audit import Audit
from server.http.route import Access, Answer, Call, Route
from server.postgres.broadcast_figures import BroadcastFigures

DAY_MS = 86_400_000
GOAL = 0.3
"""The rate of replies that specification 001 wants."""


class FiguresQuery(msgspec.Struct):
    """Of how many ``days`` up to now."""

    days: Annotated[int, Meta(ge=1, le=90)] = 30


class BroadcastDay(msgspec.Struct):
    """What came of the broadcasts of a day (YYYY-MM-DD, in UTC)."""

    day: str
    recipients: int
    read: int
    replied: int


class Figures(msgspec.Struct, kw_only=True):
    """Broadcasts of the last ``days``: ``broadcasts`` that went out, and beside these the
    ``failed``. Rates are from 0 to 1: of both together how many went out, and of recipients how
    many have heard, or answered.

    ``goal`` is the rate of replies that is wanted, ``selection_ms`` how long a selection takes on
    average. ``exposure``: how many people who may receive got none, one, two, …, ten or more.
    ``gini`` is the diversity index of all there ever were: 0 where everybody received the same.
    """

    days: int
    broadcasts: int
    failed: int
    success_rate: float
    recipients: int
    read_rate: float
    reply_rate: float
    goal: float
    selection_ms: float
    exposure: list[int]
    daily: list[BroadcastDay]
    gini: float | UnsetType = UNSET


class FiguresRoutes:
    """The route of the figures."""

    def __init__(
        self, *, figures: BroadcastFigures, selection: Selection, clock: WallClock, audit: Audit
    ) -> None:
        self._figures, self._selection = figures, selection
        self._clock, self._audit = clock, audit

    async def show(self, call: Call[None, FiguresQuery]) -> Answer:
        """How broadcasts do."""
        since = Millis(self._clock.now_ms() - call.query.days * DAY_MS)
        reached = await self._figures.reached(since)
        figures = Figures(
            days=call.query.days,
            broadcasts=reached.sent,
            failed=reached.failed,
            success_rate=reached.success_rate,
            recipients=reached.recipients,
            read_rate=reached.read_rate,
            reply_rate=reached.reply_rate,
            goal=GOAL,
            selection_ms=reached.took_ms,
            exposure=list(await self._figures.exposure(since)),
            daily=[BroadcastDay(*day) for day in await self._figures.daily(since)],
        )
        with suppress(StoreUnavailable):
            figures.gini = (await self._selection.figures()).gini
        await self._audit.seen(call, "broadcast.figures")
        return Answer(200, figures)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path="/api/v1/admin/broadcasts/figures",
                name="show_broadcast_figures",
                summary="How broadcasts do",
                access=Access.ADMIN,
                handler=self.show,
                query=FiguresQuery,
                answers={200: Figures},
            ),
        )
