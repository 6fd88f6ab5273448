"""What bots and browsers ask of notifications, over real stores; all answers are declared."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from itertools import count
from typing import Any, NamedTuple

import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_world import HttpWorld, Person, Reply, open_http
from prometheus_client import CollectorRegistry, Histogram
from quart_trio import QuartTrio

from actors.notification_records import Decision, NewNotification, WaitingLeg
from actors.sessions import Sessions
from protocol.frames import ServerFrame
from protocol.notices import NotificationGone
from server.http.admin_addresses import AdminAddresses
from server.http.auth import Gate
from server.http.blueprints import blueprint_of
from server.http.bodies import pace_bodies
from server.http.errors import answer_failures
from server.http.kakao_connect import KakaoConnectRoutes, KakaoLogin
from server.http.notification_links import LinkRoutes
from server.http.notification_sessions import SessionRoutes
from server.http.openapi import openapi_document, tag_of
from server.http.ports import Rate
from server.http.route import Route
from server.http.webhooks_discord import DiscordWebhook
from server.http.webhooks_kakao import SECRET, KakaoWebhook
from server.ids import random_id
from server.inbound import Inbound
from server.live_sessions import LiveSessions
from server.memory.limits import LocalLimits
from server.notification_reading import Reading
from server.postgres.notification_endpoints import NotificationEndpoints
from server.postgres.notification_inbox import NotificationInbox
from server.postgres.notification_links import NotificationLinks
from server.postgres.notification_queue import PostgresNotifications
from server.postgres.realtime_sessions import RealtimeSessions
from server.promptly import Promptly
from server.providers.endpoints import read_endpoint
from server.providers.outside_addresses import AddressReader
from server.providers.sealing import SealKey, Seals
from server.redis.client import open_redis
from server.redis.realtime_sessions import RedisSessions

KEY = b"i" * 32
KAKAO_SECRET = "the skill's header"
DISCORD_KEY = Ed25519PrivateKey.from_private_bytes(b"d" * 32)
PUBLIC_KEY = DISCORD_KEY.public_key().public_bytes_raw()
DISCORD, KAKAO = "/api/webhooks/discord", "/api/webhooks/kakao"
ADDRESSES = AddressReader(discord=read_endpoint("http://127.0.0.1:1/api/v10", private=True))


class NotedErrors:
    def __init__(self) -> None:
        self.events: list[str] = []

    def error(self, event: str, **fields: object) -> None:
        self.events.append(event)

    warning = exception = error


class Wire(NamedTuple):
    since: float
    last_heard: float
    text: bool = True


class Socket:
    """What the node keeps of a socket, without one."""

    def __init__(self, session_id: str, user_no: int, claims: Any, *, text: bool = True) -> None:
        self.session_id, self.user_no, self.user_id = session_id, user_no, claims.user
        self.claims, self.opened, self.gone = claims, True, False
        self.connection = Wire(trio.current_time(), trio.current_time(), text)
        self.told: list[ServerFrame] = []
        self.closed: list[tuple[int, str]] = []

    def offer(self, frame: ServerFrame) -> None:
        self.told.append(frame)

    def close(self, code: int, reason: str) -> None:
        self.gone = True
        self.closed.append((int(code), reason))

    @property
    def gone_ids(self) -> list[str]:
        gone = [each for each in self.told if isinstance(each, NotificationGone)]
        return [notification for each in gone for notification in each.ids]


class InboundWorld:
    """``http`` has people, ``bots`` the routes that are tried here."""

    def __init__(self, http: HttpWorld, redis: Any, login: KakaoLogin | None) -> None:
        self.http, self.parts, self.database = http, http.parts, http.database
        self.clock: Any = http.parts.clock
        self.log, self.changes = NotedErrors(), 0
        database = http.database
        self.queue = PostgresNotifications(database)
        self.inbox = NotificationInbox(database)
        self.links = NotificationLinks(database, key=KEY)
        self.endpoints = NotificationEndpoints(database, Seals([SealKey("a", KEY)]))
        self.sockets: Sessions = http.requests._sessions
        self.store = RealtimeSessions(database)
        self.cache = RedisSessions(redis)
        self.live = LiveSessions(
            self.sockets, store=self.store, cache=self.cache, clock=self.clock, log=self.log
        )
        self.reading = Reading(
            self.inbox,
            http.parts.broadcasts.notices,
            changed=self._changed,
            befriended=lambda users: None,
            clock=self.clock,
            new_id=random_id,
        )
        self.limits = LocalLimits()
        self.inbound = Inbound(
            links=self.links,
            endpoints=self.endpoints,
            inbox=self.inbox,
            reading=self.reading,
            sessions=self.live,
            limits=self.limits,
            clock=self.clock,
            key=KEY,
        )
        self.promptly = Promptly(log=self.log)
        self.bots = _served(http, self._routes(login))
        self._ids = count(1)

    def _changed(self) -> None:
        self.changes += 1

    def served(self, routes: Sequence[Route]) -> HttpWorld:
        """These routes, instead."""
        return _served(self.http, routes)

    def _routes(self, login: KakaoLogin | None) -> list[Route]:
        discord = DiscordWebhook(
            self.inbound, self.promptly, public_key=PUBLIC_KEY, clock=self.clock
        )
        kakao = KakaoWebhook(self.inbound, self.promptly, secret=KAKAO_SECRET)
        links = LinkRoutes(
            self.links, platforms=("kakao", "discord"), limits=self.limits, clock=self.clock
        )
        sessions = SessionRoutes(self.live, users=self.parts.users, requests=self.parts.requests)
        connect = KakaoConnectRoutes(
            login,
            addresses=ADDRESSES,
            endpoints=self.endpoints,
            people=self.links,
            limits=self.limits,
            state_key=KEY,
            clock=self.clock,
            new_id=random_id,
        )
        subjects = (discord, kakao, links, sessions, connect)
        return [route for subject in subjects for route in subject.routes()]

    # ---- asking

    async def discord(
        self, body: object, *, at: int | None = None, signed: bytes | None = None, **more: Any
    ) -> Reply:
        """One interaction, as Discord sends it. *signed*: what the signature is of, if not that."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        timestamp = str(self.clock.now_ms() // 1000 if at is None else at)
        signature = DISCORD_KEY.sign(timestamp.encode() + (data if signed is None else signed))
        headers = {
            "X-Signature-Ed25519": signature.hex(),
            "X-Signature-Timestamp": timestamp,
        } | more.pop("headers", {})
        return await self.bots.ask("POST", DISCORD, raw=data, headers=headers, **more)

    async def command(
        self, name: str, *values: object, user: str = "80351110224678912", locale: str = "ko"
    ) -> Any:
        """What the bot says to a command."""
        options = [{"name": "it", "type": 3, "value": value} for value in values]
        data = {"id": "1", "name": name, "type": 1, "options": options}
        return await self._said(2, data, user, locale)

    async def press(
        self, custom_id: str, *, user: str = "80351110224678912", locale: str = "ko"
    ) -> Any:
        """What the bot says to a button."""
        return await self._said(3, {"custom_id": custom_id, "component_type": 2}, user, locale)

    async def _said(self, kind: int, data: object, user: str, locale: str) -> Any:
        about = {"id": f"11{next(self._ids)}", "locale": locale, "version": 1}
        body = {"type": kind, "data": data, "user": {"id": user}, **about}
        reply = await self.discord(body)
        assert (reply.status, reply.json["type"]) == (200, 4), reply
        assert reply.json["data"]["flags"] == 64
        assert reply.json["data"]["allowed_mentions"] == {"parse": []}
        return reply.json["data"]

    async def kakao(
        self, utterance: str, *, user: str = "bot-user-key-1", params: object = None
    ) -> tuple[str, list[str]]:
        """What the channel's bot says, and its quick replies."""
        reply = await self.skill(payload(utterance, user, params))
        assert (reply.status, reply.json["version"]) == (200, "2.0"), reply
        template = reply.json["template"]
        [output] = template["outputs"]
        quick = template.get("quickReplies", [])
        assert all(each["action"] == "message" for each in quick)
        return output["simpleText"]["text"], [each["messageText"] for each in quick]

    async def skill(self, body: object, *, secret: str = KAKAO_SECRET) -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.bots.ask("POST", KAKAO, raw=data, headers={SECRET: secret})

    # ---- people and what they are told

    async def number(self, person: Person) -> int:
        found = await self.parts.users.by_id(person.id)  # type: ignore[arg-type]
        assert found is not None
        return found.user_no

    async def code(self, person: Person, platform: str) -> str:
        path = "/api/notifications/links"
        reply = await self.bots.ask("POST", path, {"platform": platform}, token=person.token)
        assert reply.status == 201, reply
        return str(reply.json["code"])

    async def linked(self, platform: str, user: str, **profile: Any) -> Person:
        """Somebody who is known to that bot as *user*."""
        person = await self.http.person(**profile)
        code = await self.code(person, platform)
        if platform == "discord":
            await self.command("link", code, user=user)
        else:
            await self.kakao(f"연결 {code}", user=user)
        return person

    async def tell(self, person: Person, kind: str, title: str, **fields: Any) -> str:
        """A notification that is on somebody's list now."""
        made = await self.keep(person, kind, title, **fields)
        await self.place()
        return made

    async def keep(self, person: Person, kind: str, title: str, **fields: Any) -> str:
        """One that waits to be decided."""
        at, number = self.clock.now_ms(), next(self._ids)
        new = NewNotification(
            id=f"note{number:012}",
            recipient_no=await self.number(person),
            type=kind,
            title=title,
            **(PLAIN | {"scheduled_at": at, "created_at": at} | fields),
        )
        await self.queue.enqueue([new])
        return new.id

    async def place(self) -> None:
        """Show everything that is due on the web."""
        await self.queue.place(_go, now=self.clock.now_ms(), most=100)

    async def listed(self, person: Person) -> Sequence[Any]:
        now = self.clock.now_ms()
        return await self.inbox.page(await self.number(person), now=now, limit=50)

    async def unread(self, person: Person) -> list[str]:
        return [each.title for each in await self.listed(person) if not each.is_read]

    async def socket(self, person: Person, session_id: str = "socket1") -> Socket:
        """A socket of somebody's that is open here."""
        claims = self.parts.tokens.verify(person.token)
        socket: Any = Socket(session_id, await self.number(person), claims)
        assert self.sockets.add(socket)
        self.sockets.admitted(socket)
        return socket  # type: ignore[no-any-return]


PLAIN: dict[str, Any] = {
    "sender_no": None,
    "message": "",
    "data": {},
    "platforms": ("web",),
    "routing": "all",
    "unread_after_ms": 0,
    "priority": 1,
    "expires_at": None,
    "dedupe_key": None,
    "collapse_key": None,
}


def payload(utterance: str, user: str, params: object = None) -> dict[str, Any]:
    """The request of a skill, as Kakao sends it."""
    properties = {"botUserKey": user, "plusfriendUserKey": "friend", "isFriend": True}
    return {
        "intent": {"id": "i", "name": "block"},
        "userRequest": {
            "timezone": "Asia/Seoul",
            "params": {"surface": "Kakaotalk.plusfriend"},
            "block": {"id": "b", "name": "block"},
            "utterance": utterance + "\n",
            "lang": None,
            "user": {"id": user, "type": "botUserKey", "properties": properties},
        },
        "bot": {"id": "bot", "name": "bot"},
        "action": {"name": "skill", "clientExtra": None, "params": params or {}, "id": "a"},
    }


def _go(legs: Sequence[WaitingLeg]) -> Sequence[Decision]:
    return [Decision(leg_no=leg.leg_no, kind="go") for leg in legs]


def _served(http: HttpWorld, routes: Sequence[Route]) -> HttpWorld:
    """An application of these routes alone."""
    app = QuartTrio("inbound", static_folder=None)
    pace_bodies(app)
    answer_failures(app, log=http.log)
    took = Histogram("took", "took", labelnames=["route"], registry=CollectorRegistry())
    gate = Gate(
        tokens=http.parts.tokens,
        people=http.parts.users,
        rate=Rate(0, 0),
        limits=LocalLimits(),
        admins=AdminAddresses(()),
    )
    for subject in dict.fromkeys(map(tag_of, routes)):
        chosen = [route for route in routes if tag_of(route) == subject]
        app.register_blueprint(blueprint_of(subject, chosen, gate, took))
    served = copy(http)
    served.app, served.client, served.routes = app, app.test_client(), list(routes)
    served.document = openapi_document(routes, version="0")
    return served


@asynccontextmanager
async def open_inbound(
    database_url: str,
    redis_url: str,
    login: Callable[[HttpWorld], KakaoLogin] | None = None,
) -> AsyncIterator[InboundWorld]:
    async with open_http(database_url) as http, open_redis(redis_url) as redis:
        world = InboundWorld(http, redis, login and login(http))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.promptly.run)
            await trio.testing.wait_all_tasks_blocked()
            yield world
            nursery.cancel_scope.cancel()
