"""Push services that are ill, and subscriptions that are bad: who else is reached meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import NamedTuple

import pytest
import trio
from notification_providers import (
    Browser,
    KeptAddresses,
    PushService,
    SetClock,
    _tls,
    answers,
    opened,
    provided,
)
from notifier_world import SmallQueue, VirtualClock
from remembering_log import RememberingLog

from actors.notification_records import Attempt
from actors.notifier import NotifierActor
from actors.rules.circuit_breaker import Circuit
from actors.rules.notification_text import Text
from server.providers.addresses import GuardedBackend
from server.providers.endpoints import read_endpoint
from server.providers.outside import Outside
from server.providers.outside_addresses import (
    AddressBroken,
    OpenedEndpoint,
    Subscription,
    kept_as,
)
from server.providers.posting import Poster
from server.providers.service_circuits import ServiceCircuits
from server.providers.vapid import Vapid, read_vapid_key
from server.providers.web_push import WebPush

KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
ILL, WELL = "https://updates.push.services.mozilla.com", "https://fcm.googleapis.com"
BAD = Attempt(kind="again", reason="provider_error")
SENT = Attempt(kind="sent", of_one=True)


class Services:
    """What each host does, and how often it was asked."""

    def __init__(self) -> None:
        self.does: dict[str, Attempt] = {}
        self.asked: Counter[str] = Counter()
        self.took_s = 0.0

    async def ask(self, endpoint: OpenedEndpoint) -> Attempt:
        host = read_endpoint(kept_as(Subscription, endpoint).endpoint, private=True).host
        self.asked[host] += 1
        attempt = self.does.get(host, Attempt(kind="sent"))
        await trio.sleep(self.took_s)
        return attempt


class Virtual(NamedTuple):
    services: Services
    circuits: ServiceCircuits
    log: RememberingLog

    async def send(self, base: str, user_no: int = 1) -> Attempt:
        endpoint = opened("web_push", Browser(base).address(), user_no=user_no)
        return await self.circuits.asked(endpoint, partial(self.services.ask, endpoint))


def virtual(*, most: int = 256) -> Virtual:
    services, log = Services(), RememberingLog()
    return Virtual(services, ServiceCircuits(log=log, most=most), log)


async def test_a_service_that_is_ill_is_left_alone_and_tried_by_one(autojump_clock):
    made = virtual()
    made.services.does["updates.push.services.mozilla.com"] = BAD
    for user_no in range(5):
        assert (await made.send(ILL, user_no)).was_asked
    left_alone = await made.send(ILL)
    assert (left_alone.kind, left_alone.reason) == ("again", "not_connected")
    assert left_alone.retry_after_ms == 10_000 and left_alone.of_one and not left_alone.was_asked
    assert await made.send(WELL) == SENT
    await trio.sleep(10.1)
    made.services.took_s = 1.0
    told: list[Attempt] = []

    async def send() -> None:
        told.append(await made.send(ILL))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(send)
    assert [each.was_asked for each in told].count(True) == 1
    assert made.services.asked["updates.push.services.mozilla.com"] == 6
    await trio.sleep(20.1)
    made.services.does.clear()
    assert await made.send(ILL) == await made.send(ILL) == SENT
    assert made.log.events == ["push_service_circuit"] * 3, "it opens twice, and closes"


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt(kind="again", reason="limited"),
        Attempt(kind="again", reason="address_refused"),
        Attempt(kind="unknown", reason="bad_answer"),
        Attempt(kind="refused", reason="not_authorized"),
        Attempt(kind="refused", reason="provider_refused"),
        Attempt(kind="gone", reason="endpoint_gone"),
    ],
)
async def test_what_is_wrong_with_a_subscription_is_no_illness(autojump_clock, attempt: Attempt):
    made = virtual()
    made.services.does["fcm.googleapis.com"] = attempt
    for user_no in range(50):
        await made.send(WELL, user_no)
    assert made.services.asked["fcm.googleapis.com"] == 50 and made.log.events == []


async def test_one_person_tells_nothing_of_a_service_and_five_do(autojump_clock):
    """Where at it he has subscriptions is his choice, and so what is answered there."""
    made = virtual()
    made.services.does["fcm.googleapis.com"] = Attempt(kind="unknown", reason="provider_error")
    for user_no in (1, 2, 3, 4, *[1, 2, 3, 4] * 10):
        assert (await made.send(WELL, user_no)).was_asked
    assert (await made.send(WELL, 5)).was_asked
    assert not (await made.send(WELL, 6)).was_asked
    assert made.log.events == ["push_service_circuit"]


async def test_one_person_keeps_no_service_from_the_others(autojump_clock):
    """It is well again, but not where he has his subscriptions."""
    made = virtual()
    ill = {"fcm.googleapis.com": BAD}
    made.services.does |= ill
    for user_no in range(5):
        await made.send(WELL, user_no)
    await trio.sleep(10.1)
    assert (await made.send(WELL, 7)).was_asked
    await trio.sleep(20.1)
    assert [(await made.send(WELL, 7)).was_asked for _ in range(3)] == [True] * 3
    made.services.does.clear()
    assert await made.send(WELL, 8) == SENT
    made.services.does |= ill
    for user_no in (7, 7, 7, 7, 7, 8, 9, 10):
        assert (await made.send(WELL, user_no)).was_asked
    assert made.log.events == ["push_service_circuit"] * 3, "it opens twice, and closes"


async def test_services_are_bounded_and_those_asked_last_are_known(autojump_clock):
    made = virtual(most=10)
    made.services.does = {"updates.push.services.mozilla.com": BAD}
    for number in range(100):
        await made.send(f"https://x{number}.notify.windows.com")
        await made.send(ILL, number)
        assert len(made.circuits._services) <= 10
    assert made.services.asked["updates.push.services.mozilla.com"] == 5


async def test_an_answer_that_is_late_tells_nothing_of_now(autojump_clock):
    made = virtual()
    made.services.does["updates.push.services.mozilla.com"] = BAD
    made.services.took_s = 12.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.send, ILL)
        await trio.sleep(0.1)
        made.services.took_s = 0.0
        for user_no in range(5):
            await made.send(ILL, user_no)
        await trio.sleep(10.1)
        made.services.does.clear()
        made.services.took_s = 3.0
        assert await made.send(ILL) == SENT
    made.services.took_s = 0.0
    assert await made.send(ILL) == SENT


async def test_what_is_no_subscription_is_told() -> None:
    made, endpoint = virtual(), opened("web_push", "{}")
    with pytest.raises(AddressBroken):
        await made.circuits.asked(endpoint, partial(made.services.ask, endpoint))


# ---- over real connections


class Sending(NamedTuple):
    service: PushService
    notifier: NotifierActor
    queue: SmallQueue

    async def heard(self, leg_nos: Sequence[int], attempts: int = 1) -> set[str]:
        """What the last of so many attempts came to."""
        legs = [self.queue.legs[no] for no in leg_nos]
        while any(len(leg.results) < attempts for leg in legs):  # noqa: ASYNC110 - a look
            await trio.sleep(0.02)
        return {leg.results[attempts - 1].reason or leg.state for leg in legs}


async def names(host: str, _port: int) -> Sequence[str]:
    """Where hosts are: some nowhere, and some where clouds keep credentials."""
    if host.startswith("none"):
        raise OSError(host)
    return ["169.254.169.254"] if host.startswith("near") else ["127.0.0.1"]


@asynccontextmanager
async def sending(paths: Sequence[str]) -> AsyncIterator[Sending]:
    """Somebody who sends to subscriptions; those that begin with ``/`` are at one service."""
    clock, queue, log = SetClock(), SmallQueue(), RememberingLog()
    leases = count(1)
    vapid = Vapid(read_vapid_key(KEY), subject=None, clock=clock)
    service = PushService(vapid.public_key, clock)
    poster = Poster(GuardedBackend(private=True, resolve=names), tls=_tls(), connections=20)
    async with provided(service) as base, trio.open_nursery() as nursery:
        service.base = base
        push = WebPush(poster, vapid, service=read_endpoint(base, private=True), clock=clock)
        kept = KeptAddresses(
            *(
                opened(
                    "web_push",
                    _browser(base, path).address(),
                    endpoint_no=number,
                    user_no=number,
                )
                for number, path in enumerate(paths, 1)
            )
        )
        outside = Outside(
            kept,
            {"web_push": push},
            circuits={"web_push": ServiceCircuits(log=log)},
            text=lambda _: Text("t", "b"),
            log=log,
        )
        notifier = NotifierActor(
            "push",
            queue,
            outside,
            next_turn=lambda: None,
            new_lease=lambda: next(leases),
            clock=VirtualClock(86_400.0),
            random=random.Random(3),  # noqa: S311 - of back-off
            log=log,
        )
        queue.ready(len(paths))
        nursery.start_soon(notifier.run)
        with trio.fail_after(30):
            yield Sending(service, notifier, queue)
        nursery.cancel_scope.cancel()
    await poster.aclose()


def _browser(base: str, path: str) -> Browser:
    return Browser(base, path) if path.startswith("/") else Browser(path, "/x")


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("https://none.notify.windows.com", "not_connected"),
        ("https://near.notify.windows.com", "address_refused"),
        ("/gone", "endpoint_gone"),
        ("/forbidden", "not_authorized"),
    ],
)
async def test_fifty_bad_subscriptions_keep_nobody_from_the_others(bad: str, expected: str) -> None:
    async with sending([bad] * 50 + ["/well"] * 10) as it:
        it.service.gone.add("/gone")
        it.service.forbidden.add("/forbidden")
        assert await it.heard(range(1, 51)) == {expected}
        assert await it.heard(range(51, 61)) == {"sent"}
        assert it.notifier.circuit is Circuit.CLOSED


async def test_a_service_that_takes_nothing_is_left_alone_over_real_connections() -> None:
    async with sending(["/x"] * 60) as it:
        it.service.next.extend([answers(503)] * 60)
        await it.heard(range(1, 61))
        first = len(it.service.received)
        assert 5 <= first <= 50
        it.queue.legs[1].due_at = 0
        it.notifier.wake()
        assert await it.heard([1], 2) == {"not_connected"}
        assert not it.queue.legs[1].results[1].was_asked and len(it.service.received) == first
        assert it.notifier.circuit is Circuit.CLOSED
