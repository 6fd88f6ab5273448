"""A campaign through the real client, to a provider that is slow and well."""

from __future__ import annotations

import ssl
from typing import Any

import trio
from campaign_world import CampaignWorld
from provider_server import Exchange, serving

from actors.campaign_numbers import CampaignNumbers
from server.clock import SystemClock
from server.providers.addresses import GuardedBackend
from server.providers.endpoints import read_endpoint
from server.providers.message_api import MessageApi
from server.providers.posting import Deadlines, Poster

NUMBERS = CampaignNumbers(batch=4, chunk=2, connections=2)


async def test_a_slow_provider_is_not_taken_for_one_that_fails() -> None:
    async def play(exchange: Exchange) -> bool:
        if await exchange.request() is None:
            return False
        await trio.sleep(0.25)
        return await exchange.accept("p")

    async with serving(play) as server, trio.open_nursery() as nursery:
        poster = Poster(
            GuardedBackend(private=True),
            tls=ssl.create_default_context(),
            connections=NUMBERS.connections,
            deadlines=Deadlines(leaving=0.5, answer=5.0),
        )
        base = read_endpoint(f"http://127.0.0.1:{server.port}", private=True)
        world: Any = CampaignWorld(nursery, NUMBERS, 0, provider=True)
        world.provider = MessageApi(poster, base, "key", idempotent=False, clock=SystemClock())
        job = world.store.make(24, channel="http")
        nursery.start_soon(world.another().run)
        await world.over(job, within=20)
        assert job.statuses() == {"sent": 24} and "campaign_circuit" not in world.log.events
        assert {row.attempt for row in job.ledger.values()} == {1}, "twelve times as long in all"
        assert server.connections == 2
        await poster.aclose()
        nursery.cancel_scope.cancel()
