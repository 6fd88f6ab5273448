"""How one is reached beside the page: by browsers, webhooks of Discord, a phone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.notification_records import Platform
from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import UserId
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.notification_parts import PATH, NotificationParts
from server.http.notification_phones import NewPhoneEndpoint, PhoneCodeSent
from server.http.notification_schemas import utc
from server.http.ports import Limits, Rate
from server.http.route import Answer, Call, NoQuery, Route
from server.postgres.notification_endpoints import EndpointSummary
from server.postgres.users import UserStore
from server.providers.outside_addresses import KeysRefused, NewAddress

ENDPOINTS: Final = PATH + "/endpoints"
CHANGES: Final = Rate(per_second=1 / 30, burst=20)
"""Endpoints that one user adds: a row of each is kept for good."""


class EndpointShown(msgspec.Struct, kw_only=True, rename="camel"):
    """A way to somebody; its ``label`` tells him which it is, and nobody how to use it."""

    id: str
    platform: Platform
    kind: str
    label: str
    created_at: datetime
    last_used_at: datetime | UnsetType = UNSET


Way = Literal[
    "web_push", "discord_webhook", "discord_link", "kakao_link", "kakao_login", "alimtalk"
]


class Endpoints(msgspec.Struct):
    """The ways to oneself, the oldest first; ``ways`` are those that one can add here: a ``link``
    is one by a code that is told the bot.
    """

    endpoints: list[EndpointShown]
    ways: list[Way]


class PushKeys(msgspec.Struct, forbid_unknown_fields=True):
    """The browser's, in base64url."""

    p256dh: Annotated[str, Meta(min_length=1, max_length=128)]
    auth: Annotated[str, Meta(min_length=1, max_length=64)]


class NewPushEndpoint(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A browser's subscription, as its ``PushSubscription.toJSON()`` says it."""

    endpoint: Annotated[str, Meta(min_length=1, max_length=2_048)]
    keys: PushKeys
    expiration_time: Annotated[float, Meta(description="a time, or null")] | None = None


class NewDiscordEndpoint(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A webhook of one's own server at Discord."""

    webhook_url: Annotated[str, Meta(min_length=1, max_length=500)]


class PushKey(msgspec.Struct):
    """The server's public key, which a browser subscribes with, in base64url."""

    key: str


class NotificationEndpointRoutes:
    """The routes of one's own endpoints."""

    def __init__(
        self, parts: NotificationParts, *, users: UserStore, limits: Limits, clock: WallClock
    ) -> None:
        self._endpoints, self._addresses = parts.endpoints, parts.addresses
        self._phones, self._terms, self._users = parts.phones, parts.terms, users
        self._parts = parts
        self._limits, self._clock = limits, clock

    async def list_mine(self, call: Call[None, NoQuery]) -> Answer:
        """The ways to oneself, by what may be shown of them."""
        found = await self._endpoints.of_user(call.caller.user_no)
        return Answer(200, Endpoints([shown(each) for each in found], ways_of(self._parts)))

    async def end(self, call: Call[None, NoQuery]) -> Answer:
        """Be reached no more by one; nothing of its address is kept."""
        user_no, id = call.caller.user_no, call.path["endpoint"]  # noqa: A001 - the field's name
        if not await self._endpoints.end(user_no, id, self._clock.now_ms()):
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return Answer(204)

    async def push_key(self, call: Call[None, NoQuery]) -> Answer:
        """What a browser subscribes with."""
        if self._terms.push_key is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "this server pushes nothing to browsers")
        return Answer(200, PushKey(self._terms.push_key))

    async def add_push(self, call: Call[NewPushEndpoint, NoQuery]) -> Answer:
        """Be reached by a browser, while no window of the page is open."""
        said = call.body
        try:
            address = self._addresses.push(said.endpoint, said.keys.p256dh, said.keys.auth)
        except ValueError as error:
            field = "keys" if isinstance(error, KeysRefused) else "endpoint"
            raise invalid(field, str(error)) from None
        return await self._add(call.caller.user_no, address)

    async def add_discord(self, call: Call[NewDiscordEndpoint, NoQuery]) -> Answer:
        """Be reached by a webhook of Discord. Whoever is in its channel reads what comes there."""
        try:
            address = self._addresses.discord_webhook(call.body.webhook_url)
        except ValueError as error:
            raise invalid("webhookUrl", str(error)) from None
        return await self._add(call.caller.user_no, address)

    async def add_kakao(self, call: Call[NewPhoneEndpoint, NoQuery]) -> Answer:
        """Be reached by AlimTalk at the phone of one's profile: a code is sent there, and who says
        it here has that phone. It stays the endpoint's, whatever the profile says later.
        """
        if self._phones is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "this server sends no codes to phones")
        user_no, code = call.caller.user_no, call.body.code
        phone = await self._phone_of(call.caller.user_id)
        if code is None:
            return Answer(202, await self._phones.begin(user_no, phone))
        await self._phones.check(user_no, phone, code)
        return await self._keep(user_no, phone)

    async def _phone_of(self, user: UserId) -> NewAddress:
        person = await self._users.by_id(user)
        if person is None or person.phone is None:
            raise ProtocolError(ErrorCode.CONFLICT, "there is no phone in your profile")
        try:
            return self._addresses.phone(person.phone)
        except ValueError as error:
            raise ProtocolError(ErrorCode.CONFLICT, f"the phone {error}") from None

    async def _add(self, user_no: int, address: NewAddress) -> Answer:
        if address.kind not in self._terms.kinds:
            raise ProtocolError(ErrorCode.CONFLICT, "this server sends nothing to such")
        if wait := await self._limits.take(f"endpoints:{user_no}", CHANGES):
            raise rate_limited(wait)
        return await self._keep(user_no, address)

    async def _keep(self, user_no: int, address: NewAddress) -> Answer:
        made = await self._endpoints.add(
            user_no,
            address.platform,
            address.kind,
            address.address,
            address.label,
            self._clock.now_ms(),
        )
        found = await self._endpoints.of_user(user_no)
        kept = next((each for each in found if each.id == made), None)
        if kept is None:
            raise ProtocolError(ErrorCode.CONFLICT, "it was removed at the same time")
        return Answer(201, shown(kept))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=ENDPOINTS,
                name="list_endpoints",
                summary="How one is reached",
                handler=self.list_mine,
                answers={200: Endpoints},
            ),
            Route(
                method="DELETE",
                path=ENDPOINTS + "/{endpoint}",
                name="end_endpoint",
                summary="Be reached by one no more",
                handler=self.end,
                answers={204: None},
            ),
            Route(
                method="GET",
                path=PATH + "/push-key",
                name="show_push_key",
                summary="What a browser subscribes with",
                handler=self.push_key,
                answers={200: PushKey},
                refusals=(404,),
            ),
            Route(
                method="POST",
                path=ENDPOINTS + "/push",
                name="add_push_endpoint",
                summary="Be reached by a browser",
                handler=self.add_push,
                body=NewPushEndpoint,
                answers={201: EndpointShown},
                refusals=(409,),
            ),
            Route(
                method="POST",
                path=ENDPOINTS + "/discord",
                name="add_discord_endpoint",
                summary="Be reached by a webhook of Discord",
                handler=self.add_discord,
                body=NewDiscordEndpoint,
                answers={201: EndpointShown},
                refusals=(409,),
            ),
            Route(
                method="POST",
                path=ENDPOINTS + "/kakao",
                name="add_kakao_endpoint",
                summary="Be reached by AlimTalk",
                handler=self.add_kakao,
                body=NewPhoneEndpoint,
                answers={201: EndpointShown, 202: PhoneCodeSent},
                refusals=(404, 409),
            ),
        )


def ways_of(parts: NotificationParts) -> list[Way]:
    """How one may be reached by what is set."""
    kinds, inbound = parts.terms.kinds, parts.inbound
    there: dict[Way, bool] = {
        "web_push": "web_push" in kinds,
        "discord_webhook": "discord_webhook" in kinds,
        "discord_link": "discord" in inbound.bots,
        "kakao_link": "kakao" in inbound.bots,
        "kakao_login": inbound.kakao_login is not None,
        "alimtalk": parts.phones is not None,
    }
    return [way for way, is_there in there.items() if is_there]


def shown(endpoint: EndpointSummary) -> EndpointShown:
    """An endpoint as its owner sees it."""
    return EndpointShown(
        id=endpoint.id,
        platform=endpoint.platform,
        kind=endpoint.kind,
        label=endpoint.label,
        created_at=utc(endpoint.created_at),
        last_used_at=UNSET if endpoint.used_at is None else utc(endpoint.used_at),
    )
