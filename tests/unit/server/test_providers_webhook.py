"""Alerts: that they are signed as the scheme has it, bounded, and told again where they must be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
import trio
from provider_server import Exchange, Received, serving

from protocol.ids import Millis
from server.providers.addresses import GuardedBackend
from server.providers.endpoints import read_endpoint
from server.providers.posting import Deadlines, Poster
from server.providers.signing import read_secrets, signature
from server.providers.webhook import Webhook

NEW, OLD = (f"whsec_{base64.b64encode(bytes([byte]) * 32).decode()}" for byte in (1, 2))


class SteppingClock:
    """A second later each time."""

    def __init__(self) -> None:
        self._seconds = count(1_700_000_000)

    def now_ms(self) -> Millis:
        return Millis(next(self._seconds) * 1000)


class KeptLog:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **values: object) -> None:
        self.lines.append((event, values))

    warning = error = info


@asynccontextmanager
async def webhook(
    port: int, *, patience: float = 20, most_waiting: int = 100
) -> AsyncIterator[tuple[Webhook, KeptLog]]:
    backend = GuardedBackend(private=True)
    deadlines = Deadlines(leaving=20, answer=patience)
    tls = ssl.create_default_context()
    poster = Poster(backend, tls=tls, connections=1, deadlines=deadlines)
    ids, log = count(1), KeptLog()
    hook = Webhook(
        poster,
        read_endpoint(f"http://127.0.0.1:{port}/hook?room=5", private=True),
        read_secrets(f"{NEW} {OLD}"),
        clock=SteppingClock(),
        new_id=lambda: str(next(ids)),
        log=log,
        waits=(0.01, 0.01),
        most_waiting=most_waiting,
    )
    try:
        yield hook, log
    finally:
        await poster.aclose()


async def ran(hook: Webhook, until: int) -> None:
    """Run until so many alerts have been told or given up."""
    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hook.run)
            while hook.sent + hook.failed < until:  # noqa: ASYNC110 - it tells nobody
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()


async def take(exchange: Exchange) -> bool:
    return bool(await exchange.request()) and await exchange.answer(204)


def verified(received: Received, secret: str) -> Any:
    """What was told, as somebody who goes by the scheme's text reads it."""
    key = base64.b64decode(secret[len("whsec_") :])
    headers = received.headers
    signed = b".".join(
        (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), received.body)
    )
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in headers["webhook-signature"].split(" ")
    return received.json()


# ---- signatures


def test_the_signature_is_that_of_the_published_vector() -> None:
    secrets = read_secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(
        secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_hunter2",
        "whsec_!!!KQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        f"whsec_{base64.b64encode(b'x' * 23).decode()}",
        f"whsec_{base64.b64encode(b'x' * 65).decode()}",
        f"{NEW} hunter2",
    ],
)
def test_a_secret_that_is_none_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refused:
        read_secrets(text)
    assert "hunter2" not in str(refused.value) and NEW not in str(refused.value)


async def test_an_alert_is_told_and_signed_with_each_secret() -> None:
    async with serving(take) as server, webhook(server.port) as (hook, _):
        hook.alert("job-1", "campaign.stalled", seconds=90, title="봄 세일")
        await ran(hook, 1)
        (received,) = server.received
    assert received.target == "/hook?room=5"
    for secret in (NEW, OLD):
        assert verified(received, secret) == {
            "type": "campaign.stalled",
            "timestamp": "2023-11-14T22:13:20.000+00:00",
            "data": {"key": "job-1", "seconds": 90, "title": "봄 세일"},
        }
    assert received.headers["webhook-id"] == "msg_1"
    assert received.headers["webhook-timestamp"] == "1700000001"


# ---- again, and no more


@pytest.mark.parametrize("failure", ["500", "redirect", "cut", "stall"])
async def test_an_alert_that_was_not_taken_is_told_again_as_the_same(failure: str) -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        if len(server.received) > 1:
            return await exchange.answer(200, b"fine")
        if failure == "500":
            return await exchange.answer(500)
        if failure == "redirect":
            return await exchange.answer(307, b"", [("Location", "http://127.0.0.1/elsewhere")])
        if failure == "stall":
            await trio.sleep_forever()
        return False

    patience = 0.5 if failure == "stall" else 20
    async with serving(play) as server, webhook(server.port, patience=patience) as (hook, log):
        hook.alert("job-1", "campaign.failing")
        await ran(hook, 1)
        first, second = server.received
    assert (hook.sent, hook.failed, log.lines) == (1, 0, [])
    assert first.body == second.body and first.target == second.target
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert verified(first, NEW) == verified(second, NEW)


async def test_an_alert_is_given_up_after_its_waits_and_the_next_one_is_told() -> None:
    async def play(exchange: Exchange) -> bool:
        await exchange.request()
        return await exchange.answer(503 if len(server.received) <= 3 else 200)

    async with serving(play) as server, webhook(server.port) as (hook, log):
        hook.alert("job-1", "campaign.failing", secret="not in the log")
        hook.alert("job-2", "campaign.stalled")
        await ran(hook, 2)
        told = [each.json()["data"]["key"] for each in server.received]
    assert told == ["job-1"] * 3 + ["job-2"]
    assert (hook.sent, hook.failed) == (1, 1)
    assert log.lines == [("alert_failed", {"alert": "campaign.failing", "answered": 503})]


async def test_whose_server_is_gone_is_given_up_too() -> None:
    async with serving(take) as server:
        port = server.port
    async with webhook(port) as (hook, log):
        hook.alert("job-1", "campaign.failing")
        await ran(hook, 1)
    assert log.lines == [("alert_failed", {"alert": "campaign.failing", "answered": None})]


# ---- bounds


async def test_the_newest_alert_of_a_key_is_told_in_the_place_of_the_first() -> None:
    async with serving(take) as server, webhook(server.port) as (hook, _):
        for number, key in enumerate(["a", "b", "a", "a"]):
            hook.alert(key, "campaign.failing", number=number)
        await ran(hook, 2)
        told = [(each.json()["data"]) for each in server.received]
    assert told == [{"key": "a", "number": 3}, {"key": "b", "number": 1}]
    assert (hook.sent, hook.replaced, hook.dropped) == (2, 2, 0)


async def test_of_too_many_the_oldest_go_and_are_counted() -> None:
    async with serving(take) as server, webhook(server.port, most_waiting=3) as (hook, _):
        for key in "abcde":
            hook.alert(key, "campaign.failing")
        await ran(hook, 3)
        assert [each.json()["data"]["key"] for each in server.received] == ["c", "d", "e"]
    assert (hook.sent, hook.dropped, hook.replaced) == (3, 2, 0)


async def test_what_has_become_old_between_two_attempts_is_not_told_again() -> None:
    async def play(exchange: Exchange) -> bool:
        received = await exchange.request()
        if received is None:
            return False
        if received.json()["data"]["percent"] == 5:
            hook.alert("job-1", "campaign.failing", percent=60)
            return await exchange.answer(500)
        return await exchange.answer(204)

    async with serving(play) as server, webhook(server.port) as (hook, _):
        hook.alert("job-1", "campaign.failing", percent=5)
        await ran(hook, 1)
        assert [each.json()["data"]["percent"] for each in server.received] == [5, 60]
    assert (hook.sent, hook.failed, hook.replaced) == (1, 0, 1)


async def test_alerts_that_come_while_nothing_waits_wake_it() -> None:
    async with serving(take) as server, webhook(server.port) as (hook, _):
        with trio.fail_after(15):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hook.run)
                for number in range(3):
                    hook.alert("job-1", "campaign.failing", number=number)
                    while hook.sent <= number:  # noqa: ASYNC110 - it tells nobody
                        await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
        assert len(server.received) == 3
