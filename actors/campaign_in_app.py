"""Campaigns in the app: a message of the service in the room of each recipient."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import trio

from actors.campaign_figures import Sends
from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import Campaigns
from actors.campaign_records import Arrived
from actors.campaign_run import JobRun, Settled
from actors.ports import StoreUnavailable, WallClock
from actors.rules.call_size import CallSize


class Audience(Protocol):
    """Who is here while messages are stored."""

    def watching(self, user_nos: Sequence[int]) -> Collection[int]:
        """Those of them who are to be shown what they get."""

    def arrived(self, arrived: Sequence[Arrived]) -> None:
        """Show it to them."""


class InAppSender:
    """Few calls at once, each of many recipients: fewer while the store is short of breath."""

    def __init__(
        self,
        store: Campaigns,
        audience: Audience,
        *,
        numbers: CampaignNumbers,
        clock: WallClock,
    ) -> None:
        self._store, self._audience, self._clock = store, audience, clock
        self.sends = Sends()
        self._size = CallSize(numbers.joined, slow=numbers.slow_s)
        self.at_once, self.linger_s = numbers.calls, numbers.linger_s

    @property
    def size(self) -> int:
        """Recipients of one call at most."""
        return self._size.now

    async def send(self, run: JobRun, hand: list[int]) -> None:
        """Deliver to all in *hand*, or to nobody."""
        began, watching = trio.current_time(), self._audience.watching(hand)
        try:
            delivered = await self._store.deliver(
                run.job, hand, watching=watching, at=self._clock.now_ms()
            )
        except StoreUnavailable:
            self._size.failed()
            raise
        now, count = trio.current_time(), len(hand)
        hand.clear()
        self._size.took(now - began)
        self.sends.took(now - began)
        self.sends.settled(delivered.delivered, 0, now)
        run.lay_down(count)
        run.settle(Settled(success=delivered.delivered, skipped=sum(delivered.skipped.values())))
        self._audience.arrived(delivered.live)

    def stop(self) -> None:
        """A call is whole: there is nothing to leave out."""
