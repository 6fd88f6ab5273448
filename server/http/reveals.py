"""Who is who in a blind room: by mutual consent, or by an order of two admins."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.requests import Requests
from protocol.fields import IdField
from server.http.audit import Audit
from server.http.rooms import PATH
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.postgres.reveals import Consent, Known, Order, RevealStore

ONE = PATH + "/{room}/reveals/{name}"
ADMIN = "/api/v1/admin"


class KnownPerson(msgspec.Struct):
    """Who somebody is."""

    user: str
    username: str
    name: str


class Reveal(msgspec.Struct):
    """Your consent that ``name`` may know who you are; ``person`` once it is mutual."""

    name: str
    mutual: bool
    person: KnownPerson | UnsetType = UNSET


class Reveals(msgspec.Struct):
    """Those you consented to, oldest first."""

    items: list[Reveal]


class NewOrder(msgspec.Struct):
    """Whom the order is about, as the room names him, and why."""

    name: IdField
    reason: Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S")]


class RevealOrder(msgspec.Struct):
    """An order: ``person`` once another admin has approved it."""

    id: str
    room: str
    name: str
    reason: str
    asked_by: str
    asked_at: int
    approved_by: str | UnsetType = UNSET
    approved_at: int | UnsetType = UNSET
    person: KnownPerson | UnsetType = UNSET


class RevealOrders(msgspec.Struct):
    """Orders, newest first."""

    items: list[RevealOrder]


class RevealRoutes:
    """The routes of reveals."""

    def __init__(self, *, reveals: RevealStore, requests: Requests, audit: Audit) -> None:
        self._reveals, self._requests, self._audit = reveals, requests, audit

    async def consent(self, call: Call[None, NoQuery]) -> Answer:
        """Let somebody know who you are, if he lets you know too. Until then he learns nothing."""
        name = call.path["name"]
        if await self._reveals.consent(call.room, call.caller.user_no, name):
            await self._requests.reveal(call.caller, call.room, name)
        return await self._answer(call, name)

    async def withdraw(self, call: Call[None, NoQuery]) -> Answer:
        """Take that back, while it is not mutual."""
        await self._reveals.withdraw(call.room, call.caller.user_no, call.path["name"])
        return Answer(204)

    async def list_mine(self, call: Call[None, NoQuery]) -> Answer:
        """To whom one has consented, and who they are."""
        found = await self._reveals.mine(call.room, call.caller.user_no)
        return Answer(200, Reveals([_reveal(each) for each in found]))

    async def _answer(self, call: Call[None, NoQuery], name: str) -> Answer:
        found = await self._reveals.mine(call.room, call.caller.user_no)
        gone = Reveal(name, mutual=False)  # taken back at the same time
        return Answer(200, next((_reveal(each) for each in found if each.shown == name), gone))

    async def ask(self, call: Call[NewOrder, NoQuery]) -> Answer:
        """Ask for the identity behind a pseudonym, for moderation."""
        order = await self._reveals.ask(
            call.room, call.body.name, reason=call.body.reason, by=self._audit.by(call)
        )
        return Answer(201, _order(order))

    async def approve(self, call: Call[None, NoQuery]) -> Answer:
        """Approve what another admin asked for."""
        order = await self._reveals.approve(call.path["order"], by=self._audit.by(call))
        return Answer(200, _order(order))

    async def orders(self, call: Call[None, NoQuery]) -> Answer:
        """Every order there was."""
        orders = await self._reveals.orders()
        await self._audit.seen(call, "reveal.list", count=len(orders))
        return Answer(200, RevealOrders([_order(each) for each in orders]))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH + "/{room}/reveals",
                name="list_reveals",
                summary="To whom one has consented in a blind room, and who they are",
                handler=self.list_mine,
                answers={200: Reveals},
                refusals=(403,),
            ),
            Route(
                method="PUT",
                path=ONE,
                name="consent_to_reveal",
                summary="Let somebody of a blind room know who you are, if he lets you know too",
                handler=self.consent,
                answers={200: Reveal},
                refusals=(403,),
            ),
            Route(
                method="DELETE",
                path=ONE,
                name="withdraw_reveal",
                summary="Take a consent back that is not mutual yet",
                handler=self.withdraw,
                answers={204: None},
                refusals=(403, 409),
            ),
            *self._admin_routes(),
        )

    def _admin_routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="POST",
                path=ADMIN + "/rooms/{room}/reveals",
                name="order_reveal",
                summary="Ask who is behind a pseudonym; another admin must approve",
                handler=self.ask,
                body=NewOrder,
                answers={201: RevealOrder},
                access=Access.ADMIN,
                refusals=(404,),
            ),
            Route(
                method="GET",
                path=ADMIN + "/reveals",
                name="list_reveal_orders",
                summary="Every order to reveal somebody",
                handler=self.orders,
                answers={200: RevealOrders},
                access=Access.ADMIN,
            ),
            Route(
                method="POST",
                path=ADMIN + "/reveals/{order}/approve",
                name="approve_reveal",
                summary="Approve what another admin asked for",
                handler=self.approve,
                answers={200: RevealOrder},
                access=Access.ADMIN,
                refusals=(403, 404, 410),
            ),
        )


def _person(known: Known | None) -> KnownPerson | UnsetType:
    return UNSET if known is None else KnownPerson(*known)


def _reveal(consent: Consent) -> Reveal:
    return Reveal(consent.shown, consent.mutual, _person(consent.person))


def _order(order: Order) -> RevealOrder:
    return RevealOrder(
        order.order,
        order.room,
        order.shown,
        order.reason,
        order.asked_by,
        order.asked_at,
        order.approved_by or UNSET,
        order.approved_at or UNSET,
        _person(order.person),
    )
