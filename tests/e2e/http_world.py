"""The HTTP application on a real node and database; every answer is held to its document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

import jsonschema  # type: ignore[import-untyped]
import structlog
import trio
import trio_asyncio
from prometheus_client import CollectorRegistry
from werkzeug.datastructures import Headers

from actors.broadcast import BroadcastActor
from actors.node import Node, Ports
from actors.ports import People, Selection, WallClock
from actors.requests import Requests
from actors.rules.pseudonyms import pseudonym
from protocol.close import CloseCode
from protocol.ids import Millis, RoomId, UserId
from server.campaigning import Campaigning
from server.coordinating import Coordinating
from server.edge.proxies import AsgiApp, Network, behind_proxies
from server.files.folder import FolderStorage
from server.files.intake import Intake
from server.files.links import Links
from server.files.spool import Spool
from server.http.app import Parts, make_http, make_routes
from server.http.broadcast_lists import BroadcastLists
from server.http.broadcast_parts import BroadcastParts, Stores
from server.http.campaign_events import EVENTS
from server.http.campaign_parts import SERVICE
from server.http.ports import Rate
from server.http.route import Route
from server.http.schemas import DemoAccount
from server.ids import random_id
from server.memory.cache import LocalCache
from server.memory.limits import LocalLimits
from server.memory.presences import MemoryPresences, Shared
from server.memory.selection import LocalSelection
from server.notifying import Notifying
from server.passwords import Passwords
from server.postgres.attendance import AttendanceStore
from server.postgres.audit import AuditStore
from server.postgres.blocks import BlockStore
from server.postgres.broadcast_figures import BroadcastFigures
from server.postgres.broadcast_making import BroadcastMaking
from server.postgres.broadcast_replies import BroadcastReplies
from server.postgres.broadcast_views import BroadcastViews
from server.postgres.broadcasts import BroadcastStore
from server.postgres.events import PostgresEvents
from server.postgres.exports import ExportStore
from server.postgres.files import FileStore, PostedFiles
from server.postgres.groups import GroupStore
from server.postgres.idempotency import KeptAnswers
from server.postgres.journal import PostgresJournal
from server.postgres.matching import MatchingStore
from server.postgres.messages import MessageStore
from server.postgres.notifications import NotificationStore
from server.postgres.people import StoredPeople
from server.postgres.pool import APP_ROLE, Database, open_database, quiet_loop
from server.postgres.readers import ReaderStore
from server.postgres.reports import ReportStore
from server.postgres.reveals import RevealStore
from server.postgres.rooms import RoomStore
from server.postgres.searching import SearchStore
from server.postgres.threads import ThreadStore
from server.postgres.users import UserStore
from server.postgres.watched_jobs import WatchedJobs
from server.redis.client import RedisClient, open_redis
from server.settings import Place, Settings, read_settings
from server.tokens import Tokens
from server.told_blocks import ToldBlocks

KEY = b"k" * 32
NO_RATE = Rate(0, 0)
NO_REDIS = "redis://127.0.0.1:1"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PASSWORD = "a long enough secret"
WEB = Path(__file__).parents[2] / "server" / "web"


class MovableClock:
    """Stands until a test moves it."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now_ms(self) -> Millis:
        return Millis(self.ms)


class NotedRequests(Requests):
    """Also remembers whom it was told to sign out, and of which rooms."""

    def __init__(self, node: Node, people: People) -> None:
        super().__init__(rooms=node.rooms, users=node.users, sessions=node.sessions, people=people)
        self.signed_out: list[tuple[str, str | None, int]] = []
        self.told: list[tuple[str, list[str]]] = []

    def sign_out(self, user: UserId, *, jti: str | None, code: CloseCode) -> None:
        self.signed_out.append((user, jti, int(code)))
        super().sign_out(user, jti=jti, code=code)

    def room_created(self, room: RoomId, members: Sequence[UserId], *, blind: bool = False) -> None:
        self.told.append((room, list(members)))
        super().room_created(room, members, blind=blind)


class NotedLog:
    """Keeps what failed."""

    def __init__(self) -> None:
        self.errors: list[dict[str, object]] = []

    def error(self, event: str, **fields: object) -> None:
        self.errors.append({"event": event, **fields})

    def warning(self, event: str, **fields: object) -> None:
        """Connections that come and go."""


class Reply(NamedTuple):
    status: int
    json: Any
    headers: Any
    text: str


class Person(NamedTuple):
    id: str
    username: str
    token: str


class Streaming:
    """An answer as it comes."""

    def __init__(self) -> None:
        self.begun, self.status, self.headers = trio.Event(), 0, Headers()
        self._say, self._parts = trio.open_memory_channel[bytes](10)

    async def told(self, message: Any) -> None:
        """What the application sends."""
        if message["type"] == "http.response.start":
            named = [(name.decode(), value.decode()) for name, value in message["headers"]]
            self.status, self.headers = message["status"], Headers(named)
            self.begun.set()
        elif message["type"] == "http.response.body":
            await self._say.send(message["body"])

    async def part(self) -> str:
        """The next part; "" at the end."""
        with trio.fail_after(10):
            return (await self._parts.receive()).decode()


class HttpWorld:
    """The application, and somebody to ask it."""

    def __init__(
        self, parts: Parts, requests: NotedRequests, log: NotedLog, database: Database
    ) -> None:
        self.parts, self.requests, self.log, self.database = parts, requests, log, database
        self.app = make_http(parts)
        self.address, self.proxies = "127.0.0.1", tuple[Network, ...]()
        self._see_clients()
        self.client = self.app.test_client()
        self.routes = make_routes(parts)
        self.document: dict[str, Any] = {}
        self.other_node: MemoryPresences
        self.folder: Path
        self._numbers = count(1)

    def _see_clients(self) -> None:
        """Requests come from ``address``, through the edge that knows ``proxies``."""
        inside = cast(AsgiApp, self.app.asgi_app)

        async def seen(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                scope["client"] = (self.address, 50_000)
            await behind_proxies(inside, self.proxies)(scope, receive, send)

        self.app.asgi_app = seen  # type: ignore[method-assign]

    async def ask(  # noqa: PLR0913 - each is a part of a request
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        key: str | None = None,
    ) -> Reply:
        """One request; whatever comes back has to be declared."""
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        sent |= {"Idempotency-Key": key} if key is not None else {}
        if body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        data = json.dumps(body).encode() if body is not None else raw
        said = sent | (headers or {})
        route = self.route_of(method, path.split("?", maxsplit=1)[0])
        if route is not None and route.text == EVENTS:
            async with self.stream(path, said) as stream:
                status, answered, text = stream.status, stream.headers, await stream.part()
        else:
            response = await self.client.open(path, method=method, data=data, headers=said)  # type: ignore[call-arg]
            text = (await response.get_data(as_text=False)).decode(errors="replace")
            status, answered = response.status_code, response.headers
        kind = answered.get("Content-Type", "")
        first = text.partition("\n")[0] if "ndjson" in kind else text
        reply = Reply(status, json.loads(first) if "json" in kind else None, answered, text)
        await self._hold_to_document(method, path.split("?", maxsplit=1)[0], reply)
        return reply

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[Streaming]:
        """GET an answer that may have no end; at the end of the block one goes away."""
        asked: Any = self.client.request(path, method="GET", headers=headers)  # type: ignore[arg-type]
        say, said = trio.open_memory_channel[dict[str, Any]](2)
        stream = Streaming()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.app, asked.scope, said.receive, stream.told)
            await say.send({"type": "http.request", "body": b"", "more_body": False})
            with trio.fail_after(10):
                await stream.begun.wait()
            yield stream
            await say.send({"type": "http.disconnect"})

    async def _hold_to_document(self, method: str, path: str, reply: Reply) -> None:
        self.document = self.document or await self.openapi()
        route = self.route_of(method, path)
        if route is None:
            return
        responses = self.document["paths"][route.path][method.lower()]["responses"]
        assert str(reply.status) in responses, (method, path, reply)
        content = responses[str(reply.status)].get("content", {})
        by_tus = "Tus-Resumable" in reply.headers and not reply.text
        if method == "HEAD" or "*/*" in content or by_tus:
            return
        if not content:
            assert reply.text == ""
            return
        assert reply.headers["Content-Type"] in content, reply
        value = reply.text if reply.json is None else reply.json
        schema = next(iter(content.values()))["schema"] | {
            "components": self.document["components"]
        }
        jsonschema.Draft202012Validator(schema).validate(value)

    async def openapi(self) -> dict[str, Any]:
        response = await self.client.get("/openapi.json")
        return json.loads(await response.get_data())  # type: ignore[no-any-return]

    def route_of(self, method: str, path: str) -> Route | None:
        adapter = self.app.url_map.bind("localhost")
        if not adapter.test(path, method):
            return None
        endpoint, _ = adapter.match(path, method)
        return next((r for r in self.routes if endpoint.endswith(f".{r.name}")), None)

    async def person(self, username: str | None = None, **fields: Any) -> Person:
        """Somebody who has signed up."""
        name = username or f"person{next(self._numbers)}"
        body = {"username": name, "password": PASSWORD, **fields}
        reply = await self.ask("POST", "/api/v1/users", body)
        assert reply.status == 201, reply
        return Person(reply.json["user"]["id"], name, reply.json["token"])

    async def admin(self) -> Person:
        admin = await self.person()
        await self.parts.users.grant(admin.username, "admin")
        return admin

    async def team(self, owner: Person, *others: Person) -> str:
        """A team room's id."""
        body = {"type": "team", "name": "Team", "members": [other.id for other in others]}
        reply = await self.ask("POST", "/api/v1/chats/rooms", body, token=owner.token)
        assert reply.status == 201, reply
        return str(reply.json["id"])


@asynccontextmanager
async def open_http(  # noqa: PLR0913 - each is a setting
    database_url: str,
    *,
    demo: Sequence[DemoAccount] = (),
    rate: Rate = NO_RATE,
    ids_key: bytes = KEY,
    quota: int = 0,
    admins_from: Sequence[Network] = LOOPBACK,
    settings: Settings | None = None,
    notifies: bool = False,
) -> AsyncIterator[HttpWorld]:
    """*notifies*: notifications that are due are sent, not only kept."""
    log, clock = NotedLog(), MovableClock()
    with (
        TemporaryDirectory(prefix="madang-files-") as home,
        TemporaryDirectory(prefix="madang-keys-") as keys,
    ):
        async with trio_asyncio.open_loop() as loop, trio.open_nursery() as nursery:
            quiet_loop(loop, log)
            async with (
                open_database(database_url, size=4, role=APP_ROLE, log=log) as database,
                open_database(database_url, size=2, log=log) as own_database,
                open_redis(NO_REDIS) as redis,
            ):
                users, rooms = UserStore(database), RoomStore(database, new_id=random_id)
                events, journal = PostgresEvents(database), PostgresJournal(database, owner=1)
                people, shared = StoredPeople(users, rooms), Shared()
                lists, runs = _stored_broadcasts(database, clock)
                node = Node(
                    Ports(
                        journal=journal,
                        log=events,
                        files=PostedFiles(database, key=KEY),
                        people=people,
                        blocks=ToldBlocks(BlockStore(database), runs.blocks_changed),
                        presences=MemoryPresences(shared, node="node"),
                        notifications=NotificationStore(database),
                        fan_out=_fan_out,
                        clock=clock,
                        turn_ended=lambda: None,
                        jobs=WatchedJobs(database),
                        service=SERVICE,
                    ),
                    log=structlog.get_logger(),
                )
                files, folder = FileStore(database), Path(home)
                storage, spool = FolderStorage(folder / "files"), Spool(folder / "uploads")
                intake = Intake(files, spool, storage, quota=quota, clock=clock, new_id=random_id)
                requests = NotedRequests(node, people)
                selection = LocalSelection(database_url, test_prefix="")
                broadcasts = BroadcastParts(
                    stores=_stores(database, lists, files),
                    runs=runs,
                    selection=selection,
                    notices=node.notices,
                    wake=_broadcasting(runs, node, clock, selection),
                    new_seed=count(1).__next__,
                )
                campaigning = Campaigning(
                    settings or _settings(folder),
                    database,
                    node,
                    LocalLimits(),
                    clock=clock,
                    log=structlog.get_logger(),
                )
                notifying = _notifying(
                    settings or _settings(folder),
                    Path(keys),
                    database,
                    redis,
                    node,
                    clock,
                    runs=notifies,
                )
                coordinating = Coordinating(database, node, notifying, log=structlog.get_logger())
                await nursery.start(node.run)
                parts = Parts(
                    users=users,
                    rooms=rooms,
                    events=events,
                    messages=MessageStore(database),
                    matching=MatchingStore(database, pseudonym=partial(pseudonym, KEY)),
                    reveals=RevealStore(database, clock=clock, new_id=random_id),
                    exports=ExportStore(database),
                    blocks=BlockStore(database),
                    blocking=node.blocking,
                    reports=ReportStore(database),
                    audit=AuditStore(database),
                    present=AttendanceStore(database),
                    attendance=node.attendance,
                    threads=ThreadStore(database),
                    readers=ReaderStore(database),
                    search=SearchStore(database),
                    kept_answers=KeptAnswers(database),
                    files=files,
                    intake=intake,
                    storage=storage,
                    links=Links(KEY, clock=clock),
                    ids_key=ids_key,
                    requests=requests,
                    tokens=Tokens(KEY, clock=clock, new_id=random_id),
                    passwords=Passwords(time_cost=1, memory_kib=64),
                    limits=LocalLimits(),
                    clock=clock,
                    new_id=random_id,
                    registry=CollectorRegistry(),
                    checks={"PostgreSQL": journal.probe},
                    web=WEB,
                    demo=demo,
                    rate=rate,
                    admin_addresses=admins_from,
                    log=log,
                    broadcasts=broadcasts,
                    campaigns=campaigning.parts(),
                    notifications=notifying.parts(),
                    meetings=coordinating.parts(),
                    version="0.0.0",
                )
                world = HttpWorld(parts, requests, log, own_database)
                world.folder, world.other_node = folder, MemoryPresences(shared, node="other")
                yield world
                await campaigning.drain()
                await notifying.drain()
                await journal.aclose()
                selection.close()
            nursery.cancel_scope.cancel()


def _notifying(  # noqa: PLR0913 - what it is made of
    settings: Settings,
    keys: Path,
    database: Database,
    redis: RedisClient,
    node: Node,
    clock: WallClock,
    *,
    runs: bool,
) -> Notifying:
    own = replace(settings, place=settings.place._replace(data=keys))
    log = structlog.get_logger()
    made = Notifying(own, database, redis, node, LocalLimits(), clock=clock, log=log)
    if runs:
        made.run_with(node)
    return made


def _stored_broadcasts(
    database: Database, clock: WallClock
) -> tuple[BroadcastLists, BroadcastStore]:
    cache = LocalCache()
    lists = BroadcastLists(BroadcastViews(database), cache, clock=clock)
    return lists, BroadcastStore(database, cache, new_id=random_id, changed=lists.changed)


def _broadcasting(
    runs: BroadcastStore, node: Node, clock: WallClock, selection: Selection
) -> Callable[[], None]:
    """Run broadcasts with the node; what wakes that."""
    log = structlog.get_logger()
    actor = BroadcastActor(runs, selection, notices=node.notices, clock=clock, log=log)
    node.also("broadcasts", actor.run)
    return actor.wake


def _stores(database: Database, lists: BroadcastLists, files: FileStore) -> Stores:
    return Stores(
        making=BroadcastMaking(database),
        views=BroadcastViews(database),
        lists=lists,
        replies=BroadcastReplies(database),
        groups=GroupStore(database),
        figures=BroadcastFigures(database),
        files=files,
        posted=PostedFiles(database, key=KEY),
    )


def _settings(data: Path) -> Settings:
    place = Place(data, None, None)
    return read_settings({}, place, host="127.0.0.1", port=0, token_key=KEY)


def _fan_out(sessions: Iterable[Any], frame: Any, key: Hashable | None = None) -> None:
    """Nobody is connected by socket here."""
    assert not list(sessions)
