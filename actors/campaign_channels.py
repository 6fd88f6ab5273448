"""The ways of campaigns to people: a reader, a crew and a sender for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from actors.campaign_attendant import Alert
from actors.campaign_crew import Crew, Sender
from actors.campaign_gate import Gate, Rate
from actors.campaign_http import HttpSender
from actors.campaign_in_app import Audience, InAppSender
from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import Campaigns, MessageProvider
from actors.campaign_reader import Reader
from actors.campaign_records import Channel
from actors.message import message
from actors.ports import WallClock
from actors.rules.circuit_breaker import CircuitBreaker
from actors.supervisor import Log
from protocol.notices import Progress


@message
class CampaignSurroundings:
    """What campaigns reach beside their store. Without a *provider* those by it are paused."""

    audience: Audience
    provider: MessageProvider | None
    rate: Rate
    commits: Callable[[], int]
    """How many the chat of this node has had."""
    progress: Callable[[Progress], None]
    alert: Alert
    clock: WallClock
    random: Random
    log: Log


def make_readers(
    store: Campaigns, around: CampaignSurroundings, numbers: CampaignNumbers, names: Iterator[str]
) -> dict[Channel, Reader]:
    """Those of all channels that there are."""
    log, clock = around.log, around.clock
    senders: dict[Channel, Sender] = {
        "in_app": InAppSender(
            store, around.audience, commits=around.commits, numbers=numbers, clock=clock
        )
    }
    if around.provider is not None:
        senders["http"] = HttpSender(
            store,
            around.provider,
            Gate(around.rate, breaker=CircuitBreaker(), numbers=numbers, log=log),
            numbers=numbers,
            clock=clock,
            random=around.random,
            log=log,
        )
    return {
        channel: Reader(
            Crew(sender, numbers=numbers, names=names, log=log), batch=numbers.batch, log=log
        )
        for channel, sender in senders.items()
    }
