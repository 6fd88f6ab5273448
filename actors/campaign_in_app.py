"""Campaigns in the app: a message of the service in the room of each recipient."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

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
    """Few calls at once, each of many recipients: fewer while the store is short of breath.

    Whoever writes to somebody goes first: after a call during which the chat had a commit, too, the
    next is a small one, and there is a rest before it.
    """

    REST_MOST_S: Final = 0.5

    def __init__(
        self,
        store: Campaigns,
        audience: Audience,
        *,
        commits: Callable[[], int],
        numbers: CampaignNumbers,
        clock: WallClock,
    ) -> None:
        """*commits* says how many the chat of this node has had."""
        self._store, self._audience, self._clock = store, audience, clock
        self._commits, self._beside, self._rest = commits, numbers.beside, numbers.rest
        self._is_beside, self.is_ill = False, False
        self.sends = Sends()
        self._size = CallSize(numbers.joined, slow=numbers.slow_s)
        self.at_once, self.linger_s = numbers.calls, numbers.linger_s

    @property
    def size(self) -> int:
        """Recipients of one call at most."""
        return min(self._size.now, self._beside) if self._is_beside else self._size.now

    async def send(self, run: JobRun, hand: list[int]) -> None:
        """Deliver to all in *hand*, or to nobody."""
        began, commits = trio.current_time(), self._commits()
        watching = self._audience.watching(hand)
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
        self._is_beside = self._commits() != commits
        if self._is_beside:
            await trio.sleep(min(self._rest * (now - began), self.REST_MOST_S))

    def stop(self) -> None:
        """A call is whole: there is nothing to leave out."""
