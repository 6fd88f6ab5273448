"""What the routes of campaigns are put together from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import trio

from actors.campaign_figures import ChannelFigures, JobFigures
from actors.campaign_records import Channel
from protocol.ids import UserId
from server.http.campaign_envelope import PATH
from server.postgres.campaign_making import CampaignMaking
from server.postgres.campaign_views import CampaignViews
from server.postgres.consents import ConsentStore

SEND = PATH + "/send"
ONE = SEND + "/{job}"
SERVICE = UserId("madang")
"""The account that campaigns are sent by."""
CURRENCY = "KRW"
SLOWEST = 0.1
"""Messages a second that a forecast goes by at least."""


class Running(Protocol):
    """The campaigns that this node runs."""

    def wake(self) -> None:
        """There is a new one, or one goes on."""

    def channels(self) -> Mapping[Channel, ChannelFigures]:
        """How each channel does here."""

    def jobs(self) -> Mapping[str, JobFigures]:
        """How each job does that is here now."""


class CampaignTerms(NamedTuple):
    """What is set for all campaigns."""

    service_name: str
    zone: str
    """Whose calendar says how old people are, and by whose clock times are told."""
    cost: float
    """Of one message through the provider."""
    per_second: Mapping[Channel, float]
    """Messages, where nothing was measured yet; without a channel nothing can be sent by it."""


class CampaignParts(NamedTuple):
    """What the routes of campaigns are put together from.

    ``stopping`` is set when the server goes away.
    """

    making: CampaignMaking
    views: CampaignViews
    consents: ConsentStore
    running: Running
    terms: CampaignTerms
    stopping: trio.Event

    async def per_second(self, channel: Channel) -> float:
        """Messages a second: as measured now, else in the last jobs, else as set."""
        figures = self.running.channels().get(channel)
        now = figures.per_second if figures else 0.0
        measured = now or await self.views.measured(channel) or self.terms.per_second[channel]
        return max(measured, SLOWEST)
