"""The composition root: the only place that sees actors and adapters at once."""

from __future__ import annotations

import hmac
import random
import secrets
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import structlog
import trio
import trio_asyncio
from prometheus_client import CollectorRegistry

from actors import ports
from actors.broadcast import BroadcastActor
from actors.node import Node, Ports
from actors.ports import Journal
from actors.rules.pseudonyms import pseudonym
from protocol.codec import JSON, MSGPACK
from protocol.limits import BURST_SECONDS
from server import VERSION
from server.campaigning import Campaigning
from server.clock import SystemClock
from server.coordinating import Coordinating
from server.drain import drain
from server.edge.buckets import Buckets
from server.edge.connection import Connection
from server.edge.desk import Desk
from server.edge.door import Door
from server.edge.fan_out import FanOut
from server.edge.frame_rate import FrameRate
from server.edge.http_lane import HttpLane
from server.edge.hub import Hub
from server.edge.limits import EdgeLimits
from server.edge.proxies import AsgiApp, Trust, behind_proxies
from server.edge.routes import SEEDS, routes
from server.edge.session import ChatSession
from server.files.intake import Intake
from server.files.links import Links
from server.files.places import storage_at
from server.files.spool import Spool
from server.files.upkeep import FileUpkeep
from server.garbage import Pauses, calm_collector
from server.http.admin_addresses import AdminAddresses
from server.http.app import Parts, make_http
from server.http.broadcast_lists import BroadcastLists
from server.http.broadcast_parts import BroadcastParts, Stores
from server.http.campaign_parts import SERVICE
from server.http.ports import Rate
from server.http.schemas import DemoAccount
from server.ids import random_id
from server.lifecycle import Backends
from server.loop_turns import LoopTurns, watched
from server.memory.limits import LocalLimits
from server.metrics import BroadcastCollector, CampaignCollector, NodeCollector, make_metrics
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
from server.postgres.erasure import Erasure
from server.postgres.events import PostgresEvents
from server.postgres.exports import ExportStore
from server.postgres.file_upkeep import FileUpkeepStore
from server.postgres.files import FileStore, PostedFiles
from server.postgres.groups import GroupStore
from server.postgres.idempotency import KeptAnswers
from server.postgres.indexing import Indexer, NotedRooms, NotingJournal
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
from server.recent_broadcasts import RecentBroadcasts
from server.redis.cache import RedisCache
from server.redis.client import RedisClient, open_redis
from server.redis.limits import RedisLimits
from server.redis.presences import RedisPresences
from server.rounds import rounds
from server.selection.asking import SelectionProcess
from server.settings import Settings
from server.tokens import Tokens
from server.told_blocks import ToldBlocks

WEB = Path(__file__).parent / "web"
SEED_BITS = 63
BACKLOG = 4096  # connections the kernel keeps while the door is busy


class OwnJournal(Journal, Protocol):
    """The journal of one node, which closes it at the end."""

    async def aclose(self) -> None:
        """Let go of what it holds."""


def stored(database: Database) -> OwnJournal:
    """The journal that serves people: in PostgreSQL, under an owner of its own."""
    return PostgresJournal(database, owner=secrets.randbits(62))


async def serve(
    settings: Settings,
    backends: Backends,
    *,
    demo: Sequence[DemoAccount],
    ready: Callable[[str], None],
    journal: Callable[[Database], OwnJournal] = stored,
) -> None:
    """Serve until SIGINT or SIGTERM; then stop gracefully. *ready* gets the address."""
    log = structlog.get_logger("madang")
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio_asyncio.open_loop() as loop:
            quiet_loop(loop, log)
            async with (
                open_database(backends.database_url, role=APP_ROLE, log=log) as database,
                open_redis(backends.redis_url) as redis,
            ):
                own = journal(database)
                server = Server(settings, database, redis, journal=own, demo=demo, log=log)
                await server.run(signals.__anext__, ready=ready)


class Server:
    """One node with its edges, wired."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        redis: RedisClient,
        *,
        journal: OwnJournal,
        demo: Sequence[DemoAccount],
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._settings, self._database, self._log = settings, database, log
        self._demo = demo
        self._clock = SystemClock()
        self._limits = EdgeLimits()
        self._turns, self._pauses = LoopTurns(log), Pauses(log)
        self._journal, self._noted = journal, NotedRooms()
        users, events = UserStore(database), PostgresEvents(database)
        rooms = RoomStore(database, new_id=random_id)
        self._names_key = _derived(settings, b"pseudonyms")
        self._ids_key = _derived(settings, b"ids of repeats")
        self._spool = Spool(settings.place.data / "uploads")
        self._storage = storage_at(settings.place.data, settings.files_url)
        self._files = FileStore(database)
        self._posted = PostedFiles(database, key=_derived(settings, b"files in blind rooms"))
        self._intake = self._take_in()
        self._tokens = Tokens(settings.token_key, clock=self._clock, new_id=random_id)
        self._hub = Hub(self._limits, random=random.Random(), log=log)  # noqa: S311 - ping jitter
        self._runs = self._stored_broadcasts(RedisCache(redis, log=log))
        self._node = Node(self._outside(users, rooms, events, redis), log=log)
        self._broadcasts = self._broadcasting()
        limits = RedisLimits(redis, fallback=LocalLimits(), log=log)
        self._campaigning = Campaigning(
            settings, database, self._node, limits, clock=self._clock, log=log
        )
        self._notifying = Notifying(
            settings, database, redis, self._node, limits, clock=self._clock, log=log
        )
        self._notifying.run_with(self._node)
        self._coordinating = Coordinating(database, self._node, self._notifying, log=log)
        http = make_http(self._parts(users, rooms, events, limits))
        self._http = behind_proxies(cast(AsgiApp, http), settings.trusted_proxies)

    def _outside(
        self, users: UserStore, rooms: RoomStore, events: PostgresEvents, redis: RedisClient
    ) -> Ports:
        return Ports(
            journal=NotingJournal(self._journal, self._noted),
            log=events,
            files=self._posted,
            people=StoredPeople(users, rooms),
            blocks=ToldBlocks(BlockStore(self._database), self._runs.blocks_changed),
            presences=RedisPresences(redis, node=random_id()),
            notifications=NotificationStore(self._database),
            fan_out=cast(ports.FanOut, FanOut(self._hub.mark_dirty)),  # to ChatSessions alone
            clock=self._clock,
            turn_ended=self._hub.flush,
            jobs=WatchedJobs(self._database),
            service=SERVICE,
        )

    def _parts(
        self, users: UserStore, rooms: RoomStore, events: PostgresEvents, limits: RedisLimits
    ) -> Parts:
        return Parts(
            users=users,
            rooms=rooms,
            events=events,
            messages=MessageStore(self._database),
            matching=MatchingStore(self._database, pseudonym=partial(pseudonym, self._names_key)),
            reveals=RevealStore(self._database, clock=self._clock, new_id=random_id),
            exports=ExportStore(self._database),
            blocks=BlockStore(self._database),
            blocking=self._node.blocking,
            reports=ReportStore(self._database),
            audit=AuditStore(self._database),
            present=AttendanceStore(self._database),
            attendance=self._node.attendance,
            threads=ThreadStore(self._database),
            readers=ReaderStore(self._database),
            search=SearchStore(self._database),
            kept_answers=KeptAnswers(self._database),
            files=self._files,
            intake=self._intake,
            storage=self._storage,
            links=Links(_derived(self._settings, b"links to files"), clock=self._clock),
            ids_key=self._ids_key,
            requests=self._node.requests,
            tokens=self._tokens,
            passwords=Passwords(),
            limits=limits,
            clock=self._clock,
            new_id=random_id,
            registry=self._metrics(),
            checks={"PostgreSQL": self._journal.probe},
            web=WEB,
            demo=self._demo,
            rate=_rate(self._settings.rate_per_user),
            admin_addresses=self._settings.admin_addresses,
            broadcasts=self._broadcast_parts(),
            campaigns=self._campaigning.parts(),
            notifications=self._notifying.parts(),
            meetings=self._coordinating.parts(),
            log=self._log,
            version=VERSION,
        )

    def _metrics(self) -> CollectorRegistry:
        turns, pauses = self._turns, self._pauses
        return make_metrics(
            NodeCollector(self._node, self._hub, turns, pauses, self._intake),
            BroadcastCollector(self._broadcasts.figures, self._recent),
            CampaignCollector(self._campaigning.actor),
            self._notifying.collector(),
        )

    def _stored_broadcasts(self, cache: RedisCache) -> BroadcastStore:
        self._views = BroadcastViews(self._database)
        self._lists = BroadcastLists(self._views, cache, clock=self._clock)
        return BroadcastStore(self._database, cache, new_id=random_id, changed=self._lists.changed)

    def _broadcasting(self) -> BroadcastActor:
        prefix, url = self._settings.test_phone_prefix, self._database.url
        self._selection = SelectionProcess(url, test_prefix=prefix, log=self._log)
        self._figures = BroadcastFigures(self._database)
        self._recent = RecentBroadcasts(self._figures, self._selection, clock=self._clock)
        broadcasts = BroadcastActor(
            self._runs,
            self._selection,
            notices=self._node.notices,
            clock=self._clock,
            log=self._log,
            progress=self._node.job_watchers.changed,
        )
        self._node.also("broadcasts", broadcasts.run)
        self._node.also("selection", self._selection.run)
        return broadcasts

    def _broadcast_parts(self) -> BroadcastParts:
        return BroadcastParts(
            stores=Stores(
                making=BroadcastMaking(self._database),
                views=self._views,
                lists=self._lists,
                replies=BroadcastReplies(self._database),
                groups=GroupStore(self._database),
                figures=self._figures,
                files=self._files,
                posted=self._posted,
            ),
            runs=self._runs,
            selection=self._selection,
            notices=self._node.notices,
            wake=self._broadcasts.wake,
            new_seed=partial(secrets.randbits, SEED_BITS),
        )

    async def run(self, signalled: Callable[[], object], *, ready: Callable[[str], None]) -> None:
        """Serve until *signalled* returns, then drain."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hub.run)
            await nursery.start(self._node.run)
            self._start_rounds(nursery)
            door = self._door(self._desk(nursery))
            listeners = await trio.open_tcp_listeners(
                self._settings.port, host=self._settings.host, backlog=BACKLOG
            )
            await nursery.start(door.serve, listeners)
            with calm_collector(self._pauses), watched(self._turns):
                ready(_address(self._settings.host, listeners))
                await signalled()  # type: ignore[misc]
            others = (self._campaigning, self._notifying)
            await drain(self._node, self._hub, door, self._intake, *others)
            await self._journal.aclose()
            nursery.cancel_scope.cancel()

    def _take_in(self) -> Intake:
        return Intake(
            self._files,
            self._spool,
            self._storage,
            quota=self._settings.files_quota,
            clock=self._clock,
            new_id=random_id,
        )

    def _start_rounds(self, nursery: trio.Nursery) -> None:
        """What is done beside the chats."""
        clock, log = self._clock, self._log
        rows = FileUpkeepStore(self._database)
        files = FileUpkeep(rows, self._spool, self._storage, clock=clock, log=log)
        erasure = Erasure(self._database, clock=clock, log=log)
        indexer = Indexer(self._database, self._noted)
        for name, work, again_s in (
            ("erasure", erasure.round, 60.0),
            ("indexing", indexer.round, 5.0),
            ("files", files.round, 60.0),
            ("broadcasts", self._recent.round, 60.0),
        ):
            nursery.start_soon(partial(rounds, name, work, again_s=again_s, log=log))

    def _door(self, desk: Desk) -> Door:
        return Door(
            hub=self._hub,
            http=HttpLane(self._http, self._limits),
            routes=routes(partial(_open_session, desk), self._limits, echo=self._settings.echo),
            limits=self._limits,
            trust=Trust(frozenset(self._settings.origins), self._settings.trusted_proxies),
            log=self._log,
        )

    def _desk(self, nursery: trio.Nursery) -> Desk:
        settings = self._settings
        rate = settings.rate_per_user
        buckets = Buckets(rate, rate * BURST_SECONDS)
        return Desk(
            node=self._node,
            vote=self._coordinating.vote,
            verify=self._tokens.verify,
            new_id=random_id,
            user_bucket=buckets.of,
            admits_admins=AdminAddresses(settings.admin_addresses).admit,
            nursery=nursery,
            flush=self._hub.flush,
            log=self._log,
            now_ms=self._clock.now_ms,
            ping_ms=self._limits.ping_ms,
            frame_rate=self._frame_rate,
        )

    def _frame_rate(self) -> FrameRate | None:
        rate = self._settings.rate_per_connection
        if not rate and not self._settings.rate_per_user:
            return None
        return FrameRate(rate, rate * BURST_SECONDS, trio.current_time())


def _rate(per_second: int) -> Rate:
    return Rate(per_second, per_second * BURST_SECONDS)


def _derived(settings: Settings, purpose: bytes) -> bytes:
    """A key of its own for each purpose."""
    return hmac.digest(settings.token_key, purpose, "sha256")


def _open_session(desk: Desk, connection: Connection) -> ChatSession:
    session = ChatSession(connection, JSON if connection.text else MSGPACK, desk)
    session.start(at_once=connection.path in SEEDS)
    return session


def _address(host: str, listeners: Sequence[trio.SocketListener]) -> str:
    port = listeners[0].socket.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
