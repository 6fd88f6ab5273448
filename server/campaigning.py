"""Campaigns of one node, wired: their store, their actor, and whom they reach over HTTP."""

from __future__ import annotations

import random
import ssl
from typing import Final

import trio
from structlog.typing import FilteringBoundLogger

from actors.campaign import CampaignActor
from actors.campaign_attendant import Alert
from actors.campaign_channels import CampaignSurroundings
from actors.campaign_ports import MessageProvider
from actors.campaign_records import Channel
from actors.node import Node
from actors.ports import WallClock
from server.http.campaign_parts import CampaignParts, CampaignTerms
from server.http.ports import Limits, Rate
from server.ids import random_id
from server.postgres.campaign_making import CampaignMaking
from server.postgres.campaign_views import CampaignViews
from server.postgres.campaigns import CampaignStore
from server.postgres.consents import ConsentStore
from server.postgres.pool import Database
from server.providers.addresses import GuardedBackend
from server.providers.message_api import MessageApi
from server.providers.posting import Poster
from server.providers.webhook import Webhook
from server.settings import Settings

IN_APP_PER_SECOND: Final = 5_000.0
"""Messages in the app, until it was measured how many this machine makes."""
PROVIDER_PER_SECOND: Final = 50.0
"""Messages through a provider whose rate is not limited, in the same way."""
BURSTS_A_SECOND: Final = 20
RATE: Final = "campaign messages"


class SharedRate:
    """The provider's rate: that of all nodes together."""

    def __init__(self, limits: Limits, per_second: int) -> None:
        """Without a limit where *per_second* is 0. A burst makes up for a late turn of the loop."""
        self._limits = limits
        self._rate = Rate(per_second, max(1, per_second // BURSTS_A_SECOND))

    async def take(self) -> float:
        """Take a token, or say after how many seconds to come again."""
        if not self._rate.per_second:
            await trio.lowlevel.checkpoint()
            return 0.0
        return await self._limits.take(RATE, self._rate)


class Campaigning:
    """What a node has of campaigns. To be made before the node runs."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        node: Node,
        limits: Limits,
        *,
        clock: WallClock,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings, self._database = settings, database
        self._clock, self._log = clock, log
        self._posters: list[Poster] = []
        self._stopping = trio.Event()
        api = settings.message_api
        around = CampaignSurroundings(
            audience=node.campaign_audience,
            provider=self._provider(),
            rate=SharedRate(limits, api.rate if api else 0),
            commits=lambda: node.journal.commits,
            progress=node.job_watchers.changed,
            alert=self._alerts(node),
            clock=clock,
            random=random.Random(),  # noqa: S311 - the jitter of retries
            log=log,
        )
        numbers = settings.campaigns.numbers
        store = CampaignStore(database, new_id=random_id, within=numbers.statement_s)
        self.actor = CampaignActor(store, around, numbers=numbers)
        node.also("campaigns", self.actor.run)

    def parts(self) -> CampaignParts:
        """What the routes need of it."""
        terms = self._settings.campaigns
        return CampaignParts(
            making=CampaignMaking(self._database),
            views=CampaignViews(self._database),
            consents=ConsentStore(self._database),
            running=self.actor,
            terms=CampaignTerms(terms.service_name, terms.zone, terms.cost, self._pace()),
            stopping=self._stopping,
        )

    async def drain(self) -> None:
        """Begin nothing more; finish what was begun with, and hang up."""
        self._stopping.set()
        await self.actor.drain()
        for poster in self._posters:
            await poster.aclose()

    def _pace(self) -> dict[Channel, float]:
        pace: dict[Channel, float] = {"in_app": IN_APP_PER_SECOND}
        if api := self._settings.message_api:
            pace["http"] = float(api.rate) or PROVIDER_PER_SECOND
        return pace

    def _provider(self) -> MessageProvider | None:
        api = self._settings.message_api
        if api is None:
            return None
        poster = self._poster(self._settings.campaigns.numbers.connections)
        return MessageApi(
            poster, api.endpoint, api.key, idempotent=api.idempotent, clock=self._clock
        )

    def _alerts(self, node: Node) -> Alert:
        """Every alert is in the log, and is posted where the settings say."""
        log, alerts = self._log, self._settings.alerts
        webhook = alerts and Webhook(
            self._poster(1),  # one alert after the other
            alerts.endpoint,
            alerts.secrets,
            clock=self._clock,
            new_id=random_id,
            log=log,
        )
        if webhook:
            node.also("alerts", webhook.run)

        def alert(key: str, event: str, **data: object) -> None:
            log.warning("alert", key=key, alert=event, **data)
            if webhook:
                webhook.alert(key, event, **data)

        return alert

    def _poster(self, connections: int) -> Poster:
        backend = GuardedBackend(private=self._settings.private_addresses)
        poster = Poster(backend, tls=ssl.create_default_context(), connections=connections)
        self._posters.append(poster)
        return poster
