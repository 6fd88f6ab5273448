"""Notifications of one node, wired: their queue and router, who sends them outside, what people ask
over HTTP, and what bots hear.
"""

from __future__ import annotations

import hmac
import random
import secrets
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import Final

import trio
from structlog.typing import FilteringBoundLogger

from actors.node import Node
from actors.notification_records import OUTSIDE, Outside, Platform
from actors.notification_router import NotificationRouter
from actors.notifier import NotifierActor
from actors.ports import StoreUnavailable, WallClock
from actors.rules.routing import RoutingLimits, decide
from server.friending import Friending
from server.http.notification_inbound import InboundParts
from server.http.notification_parts import NotificationParts, NotificationTerms
from server.http.notification_phones import PhoneProof
from server.http.notification_recipients import Recipients
from server.http.ports import Limits
from server.ids import random_id
from server.inbound import Inbound
from server.live_sessions import LiveSessions
from server.notification_expiry import NotificationExpiry
from server.notification_metrics import NotificationCollector
from server.notification_providers import NotificationProviders
from server.notification_reading import Reading
from server.notification_upkeep import NotificationUpkeep
from server.postgres.blocks import BlockStore
from server.postgres.friends import FriendStore
from server.postgres.notification_inbox import NotificationInbox
from server.postgres.notification_links import BotPlatform, NotificationLinks
from server.postgres.notification_log import NotificationLog
from server.postgres.notification_queue import PostgresNotifications
from server.postgres.notification_settings import NotificationSettings
from server.postgres.notification_templates import NotificationTemplates
from server.postgres.phone_codes import PhoneCodes
from server.postgres.pool import Database
from server.postgres.realtime_sessions import RealtimeSessions
from server.postgres.relations import Relations
from server.postgres.users import UserStore
from server.promptly import Promptly
from server.redis.client import RedisClient
from server.redis.realtime_sessions import RedisSessions
from server.rounds import rounds
from server.settings import Settings

LEASE_BITS: Final = 62
AGAIN_S: Final = 15.0
LAST_WORD_S: Final = 1.0
SEALS_S: Final = 3_600.0


class Notifying:
    """What a node has of notifications. To be made before the node runs."""

    def __init__(  # noqa: PLR0913 - where everything is that it is made of
        self,
        settings: Settings,
        database: Database,
        redis: RedisClient,
        node: Node,
        limits: Limits,
        *,
        clock: WallClock,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings, self._wanted = settings, settings.notifying
        self._database, self._node, self._limits = database, node, limits
        self._clock, self._log = clock, log
        self._queue = PostgresNotifications(database)
        self._inbox, self._history = NotificationInbox(database), NotificationLog(database)
        self._templates = NotificationTemplates(database)
        self._links = NotificationLinks(database, key=self._derived(b"codes of links"))
        self._providers = NotificationProviders(
            settings, database, self._templates, clock=clock, log=log
        )
        self.notifiers = self._made_notifiers()
        self.router = self._made_router()
        self.reading = Reading(
            self._inbox,
            node.notices,
            changed=self.wake,
            befriended=node.befriended,
            clock=clock,
            new_id=random_id,
        )
        self._live = LiveSessions(
            node.sessions,
            store=RealtimeSessions(database),
            cache=RedisSessions(redis),
            clock=clock,
            log=log,
        )
        self._promptly = Promptly(log=log)

    def parts(self) -> NotificationParts:
        """What the routes need of it."""
        users, blocks = UserStore(self._database), BlockStore(self._database)
        relations = Relations(self._database)
        return NotificationParts(
            queue=self._queue,
            inbox=self._inbox,
            reading=self.reading,
            friending=self._friending(),
            settings=NotificationSettings(self._database),
            log=self._history,
            recipients=Recipients(users=users, blocks=blocks, relations=relations),
            endpoints=self._providers.endpoints,
            addresses=self._providers.addresses,
            phones=self._phones(),
            templates=self._templates,
            feed=self._node.feed,
            inbound=self._inbound(),
            wake=self.wake,
            terms=self._terms(),
        )

    def _friending(self) -> Friending:
        node = self._node
        return Friending(
            FriendStore(self._database),
            node.notices,
            changed=self.wake,
            befriended=node.befriended,
            clock=self._clock,
            new_id=random_id,
        )

    def collector(self) -> NotificationCollector:
        """How they do."""
        return NotificationCollector(
            self.router, self.notifiers, self._node.feed, clock=self._clock
        )

    def wake(self) -> None:
        """There may be something to be decided, sent or taken back."""
        self.router.wake()
        for notifier in self.notifiers.values():
            notifier.wake()

    async def drain(self) -> None:
        """Begin nothing more; finish what was begun with, and hang up."""
        self._node.feed.end()
        async with trio.open_nursery() as nursery:
            for notifier in self.notifiers.values():
                nursery.start_soon(notifier.drain)
        await self._providers.aclose()
        with trio.move_on_after(LAST_WORD_S), suppress(StoreUnavailable):
            await self._live.end()

    def _next_turn(self) -> None:
        self.router.wake()

    # ---- wiring

    def _made_notifiers(self) -> dict[Outside, NotifierActor]:
        return {
            platform: NotifierActor(
                platform,
                self._queue,
                provider,
                next_turn=self._next_turn,
                new_lease=partial(secrets.randbits, LEASE_BITS),
                clock=self._clock,
                random=random.Random(),  # noqa: S311 - the jitter of retries
                log=self._log,
            )
            for platform, provider in self._providers.platforms().items()
        }

    def _made_router(self) -> NotificationRouter:
        per_hour: dict[Platform, int] = {
            of: most for of, most in self._wanted.per_hour.items() if most
        }
        limits = RoutingLimits(digest_ms=self._wanted.digest_s * 1_000, per_hour=per_hour)
        return NotificationRouter(
            self._queue,
            partial(decide, online=self._node.online.is_looking, limits=limits),
            notices=self._node.notices,
            notifiers={platform: each.wake for platform, each in self.notifiers.items()},
            clock=self._clock,
            random=random.Random(),  # noqa: S311 - the jitter of retries
            log=self._log,
        )

    def run_with(self, node: Node) -> None:
        """Have all of it at work while *node* runs."""
        node.also("notifications", self.router.run)
        for platform, notifier in self.notifiers.items():
            node.also(f"notifier of {platform}", notifier.run)
        node.also("answers to bots", self._promptly.run)
        for name, work in (
            ("sessions", self._live.round),
            ("templates", self._templates.look),
            ("notifications kept", self._upkeep().round),
            ("notifications expired", self._expiry().round),
            ("seals", self._seal_anew),
        ):
            node.also(name, partial(rounds, name, work, again_s=AGAIN_S, log=self._log))

    def _expiry(self) -> NotificationExpiry:
        return NotificationExpiry(self._inbox, self._node.notices.gone, clock=self._clock)

    def _upkeep(self) -> NotificationUpkeep:
        return NotificationUpkeep(
            self._queue,
            self._history,
            abandoned=[platform for platform in OUTSIDE if platform not in self.notifiers],
            kept_days=self._wanted.kept_days,
            clock=self._clock,
        )

    async def _seal_anew(self) -> float:
        """What older keys have sealed, so that they can be taken away."""
        if self._providers.reaches:
            done = await self._providers.endpoints.rekey()
            if any(done):
                self._log.info("addresses_sealed_anew", sealed=done.sealed, unopened=done.unopened)
        return SEALS_S

    def _terms(self) -> NotificationTerms:
        vapid = self._providers.vapid
        return NotificationTerms(
            push_key=None if vapid is None else vapid.public_key,
            kinds=self._providers.kinds,
            forbidden=self._wanted.blocked_words,
        )

    def _phones(self) -> PhoneProof | None:
        sender = self._providers.codes
        if sender is None:
            return None
        codes = PhoneCodes(self._database, key=self._derived(b"codes to phones"))
        return PhoneProof(codes, sender, limits=self._limits, clock=self._clock)

    def _inbound(self) -> InboundParts:
        wanted, reaches = self._wanted, self._providers.reaches
        inbound = Inbound(
            links=self._links,
            endpoints=self._providers.endpoints,
            inbox=self._inbox,
            reading=self.reading,
            sessions=self._live,
            limits=self._limits,
            clock=self._clock,
            key=self._derived(b"names of bots' users"),
        )
        return InboundParts(
            links=self._links,
            bots=self._bots(),
            inbound=inbound,
            promptly=self._promptly,
            live=self._live,
            requests=self._node.requests,
            kakao_secret=wanted.kakao_bot_secret if reaches else None,
            discord_key=wanted.discord.public_key if reaches else None,
            kakao_login=self._providers.kakao_login,
            state_key=self._derived(b"who went to Kakao"),
        )

    def _bots(self) -> Collection[BotPlatform]:
        """Those that hear what people say."""
        wanted, bots = self._wanted, list[BotPlatform]()
        if not self._providers.reaches:
            return bots
        if wanted.kakao_bot_secret is not None:
            bots.append("kakao")
        if wanted.discord.public_key is not None:
            bots.append("discord")
        return bots

    def _derived(self, purpose: bytes) -> bytes:
        """A key of its own for each purpose."""
        return hmac.digest(self._settings.token_key, b"notifications: " + purpose, "sha256")
