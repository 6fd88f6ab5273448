"""Why a broadcast went to whom it went: for admins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.broadcast import asked_of
from actors.ports import Broadcasts, Selection
from actors.rules.recipients.selecting import CHOSEN, Why
from actors.selection_records import Audience, SelectionAsked, Told
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import IdField
from protocol.ids import Millis
from server.http.audit import Audit
from server.http.bodies import invalid
from server.http.names import normal
from server.http.route import Access, Answer, Call, Route
from server.postgres.broadcast_views import BroadcastViews
from server.postgres.people_rows import Person
from server.postgres.users import UserStore

UNCHOSEN = {
    "failed": "nobody was chosen: it failed",
    "cancelled": "nobody was chosen: it was taken back",
}
"""Why there is nothing to explain, by status."""


class ExplainQuery(msgspec.Struct):
    """``user``: somebody in particular, by user id or username."""

    user: Annotated[IdField, Meta(description="a user id or a username")] | None = None


class Explained(msgspec.Struct, kw_only=True):
    """One person: ``why`` he was chosen or not, and the numbers, each from 0 to 1, that it came
    from. ``status`` where he received it.

    ``scores`` weigh together into ``total``, ``parts`` into scores; ``lot``: his in the draw.
    """

    user: str
    why: Why
    total: float
    scores: dict[str, float]
    parts: dict[str, float]
    lot: float
    status: str | UnsetType = UNSET


class Explanation(msgspec.Struct, kw_only=True):
    """How the recipients of a broadcast were chosen: by what ``strategy``, how many passed each
    stage (``counts``), who was chosen, and who was ``near``, the best of the others.

    ``asked_about``: the one the query names. Where he is neither of these, what is known of him now
    is put in place of what was known then.
    """

    id: str
    seed: str
    recipient_count: int
    took_ms: int
    strategy: dict[str, Any]
    counts: dict[str, int]
    chosen: list[Explained]
    near: list[Explained]
    asked_about: Explained | UnsetType = UNSET


class _Kept(msgspec.Struct):
    """What a broadcast keeps of its selection: nothing where nobody was chosen."""

    strategy: dict[str, Any] | None = None
    counts: dict[str, int] = {}
    near: list[Told] = []


class ExplainRoutes:
    """The route that explains."""

    def __init__(
        self,
        *,
        views: BroadcastViews,
        store: Broadcasts,
        selection: Selection,
        users: UserStore,
        audit: Audit,
    ) -> None:
        self._views, self._store, self._selection = views, store, selection
        self._users, self._audit = users, audit

    async def explain(self, call: Call[None, ExplainQuery]) -> Answer:
        """Why each was chosen, or not."""
        broadcast = call.path["broadcast"]
        row = await self._views.explained(broadcast)
        if row is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        kept = msgspec.json.decode(row["selection"] or "{}", type=_Kept)
        if kept.strategy is None:
            text = UNCHOSEN.get(row["status"], "nobody was chosen yet")
            raise ProtocolError(ErrorCode.CONFLICT, text)
        ids = await self._views.ids_of([told.user_no for told in kept.near])
        chosen = [_chosen(each) for each in await self._views.chosen(row["broadcast_no"])]
        near = [_explained(ids[told.user_no], told) for told in kept.near if told.user_no in ids]
        explanation = Explanation(
            id=broadcast,
            seed=str(row["seed"]),
            recipient_count=row["recipient_count"],
            took_ms=row["took_ms"],
            strategy=kept.strategy,
            counts=kept.counts,
            chosen=sorted(chosen, key=lambda each: -each.total),
            near=near,
        )
        person = None if call.query.user is None else await self._person(call.query.user)
        if person is not None:
            explanation.asked_about = await self._about(person, row, explanation)
        await self._audit.seen(
            call,
            "broadcast.explain",
            subject_no=None if person is None else person.user_no,
            count=len(chosen) + len(near),
            broadcast=broadcast,
        )
        return Answer(200, explanation)

    async def _person(self, asked: str) -> Person:
        person = (await self._users.named([normal(asked)])).get(normal(asked))
        if person is None:
            raise invalid("user", "no such user")
        return person

    async def _about(
        self, person: Person, row: Mapping[str, Any], explanation: Explanation
    ) -> Explained:
        for each in (*explanation.chosen, *explanation.near):
            if each.user == person.user_id:
                return each
        told = await self._selection.explain(await self._asked(row), person.user_no)
        if told is None:
            raise ProtocolError(ErrorCode.UNAVAILABLE, "he is not among the candidates yet")
        if told.why in CHOSEN:  # among the people of now; those it went to are known
            told = msgspec.structs.replace(told, why=Why.UNDRAWN)
        return _explained(person.user_id, told)

    async def _asked(self, row: Mapping[str, Any]) -> SelectionAsked:
        """The same question once more."""
        audience = row["audience"]
        return await asked_of(
            self._store,
            sender_no=row["user_no"],
            asked=row["recipient_count"],
            seed=row["seed"],
            audience=None if audience is None else msgspec.json.decode(audience, type=Audience),
            now=Millis(row["delivered_at"]),
        )

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path="/api/v1/broadcasts/{broadcast}/explain",
                name="explain_broadcast",
                summary="Why a broadcast went to whom it went",
                access=Access.ADMIN,
                handler=self.explain,
                query=ExplainQuery,
                answers={200: Explanation},
                refusals=(409,),
            ),
        )


def _explained(user: str, told: Told) -> Explained:
    return Explained(
        user=user,
        why=Why(told.why),
        total=told.total,
        scores=dict(told.scores),
        parts=dict(told.parts),
        lot=told.lot,
    )


def _chosen(row: Mapping[str, Any]) -> Explained:
    numbers = msgspec.json.decode(row["explained"])
    return Explained(user=row["user_id"], why=Why(row["why"]), status=row["status"], **numbers)
