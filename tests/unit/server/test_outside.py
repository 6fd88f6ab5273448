"""A platform outside: who is asked to send, and what is said where nobody is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
from notification_providers import BODY, CANARY, Browser, KeptAddresses, Words, note, opened

from actors.notification_ports import NotificationProvider
from actors.notification_records import Attempt, OutgoingNotification
from actors.ports import StoreUnavailable
from actors.rules.notification_text import Text
from server.providers.outside import Outside
from server.providers.outside_addresses import AddressBroken, OpenedEndpoint
from server.providers.sealing import NotOpened
from server.providers.service_circuits import ServiceCircuits

SENT, WITHDRAWN = Attempt(kind="sent", provider_ref="7"), Attempt(kind="withdrawn")


class Asked:
    """An adapter that notes what it is asked."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Text]] = []
        self.taken_back: list[str | None] = []
        self.answer = SENT

    async def send(
        self, endpoint: OpenedEndpoint, message: OutgoingNotification, text: Text
    ) -> Attempt:
        await trio.lowlevel.checkpoint()
        if endpoint.address == "broken":
            raise AddressBroken(endpoint.kind)
        self.sent.append((endpoint.address, message.id, text))
        return self.answer

    async def take_back(self, endpoint: OpenedEndpoint, message: OutgoingNotification) -> Attempt:
        await trio.lowlevel.checkpoint()
        self.taken_back.append(message.take_back)
        return WITHDRAWN


class KeptLog:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **values: object) -> None:
        self.lines.append((event, values))

    warning = error = info


def told(message: OutgoingNotification) -> Text:
    return Text(*Words(message.title, "told"))


def platform(kept: KeptAddresses, bot: Asked, hook: Asked) -> tuple[NotificationProvider, KeptLog]:
    log = KeptLog()
    adapters = {"discord_bot": bot, "discord_webhook": hook}
    return Outside(kept, adapters, circuits={}, text=told, log=log), log


async def test_the_kind_of_its_endpoint_says_who_sends_it() -> None:
    bot, hook = Asked(), Asked()
    kept = KeptAddresses(
        opened("discord_bot", "user"), opened("discord_webhook", "hook", endpoint_no=8)
    )
    outside, _ = platform(kept, bot, hook)
    assert await outside.send(note(title="T")) == SENT
    assert await outside.send(note(endpoint_no=8, id="n2:8")) == SENT
    assert bot.sent == [("user", "n1:7", Text("T", "told"))]
    assert [each[:2] for each in hook.sent] == [("hook", "n2:8")]


async def test_what_was_read_elsewhere_is_taken_back_by_the_same() -> None:
    bot, hook = Asked(), Asked()
    outside, _ = platform(KeptAddresses(opened("discord_bot", "user")), bot, hook)
    assert await outside.send(note(take_back="1:2")) == WITHDRAWN
    assert (bot.taken_back, bot.sent, hook.taken_back) == (["1:2"], [], [])


async def test_of_what_a_service_that_is_left_alone_is_not_sent_no_text_is_made() -> None:
    """It may be long, and there may be many."""
    made: list[str] = []

    def noted(message: OutgoingNotification) -> Text:
        made.append(message.id)
        return told(message)

    hook, log = Asked(), KeptLog()
    hook.answer = Attempt(kind="again", reason="provider_error")
    address = Browser("https://fcm.googleapis.com").address()
    kept = KeptAddresses(
        *(opened("web_push", address, endpoint_no=number, user_no=number) for number in range(8))
    )
    circuits = {"web_push": ServiceCircuits(log=log)}
    outside = Outside(kept, {"web_push": hook}, circuits=circuits, text=noted, log=log)
    for number in range(8):
        attempt = await outside.send(note(endpoint_no=number, id=f"n{number}"))
        assert attempt.was_asked is (number < 5)
    assert made == ["n0", "n1", "n2", "n3", "n4"] and len(hook.sent) == 5
    back = await outside.send(note(take_back="1:2"))
    assert not back.was_asked and hook.taken_back == []


async def test_an_endpoint_that_was_ended_is_gone() -> None:
    outside, _ = platform(KeptAddresses(), Asked(), Asked())
    assert await outside.send(note()) == Attempt(kind="gone", reason="endpoint_gone")


async def test_what_nobody_sends_to_is_refused() -> None:
    """A bot that only answers, or a provider that was switched off."""
    outside, log = platform(KeptAddresses(opened("kakao_bot", "user")), Asked(), Asked())
    assert await outside.send(note()) == Attempt(kind="refused", reason="no_provider")
    assert log.lines == []


class Failing(KeptAddresses):
    def __init__(self, error: Callable[[], Exception]) -> None:
        super().__init__()
        self._error = error

    async def address(self, endpoint_no: int) -> OpenedEndpoint | None:
        await trio.lowlevel.checkpoint()
        raise self._error()


async def test_a_store_that_is_away_sends_nothing_and_is_asked_again() -> None:
    kept = Failing(lambda: StoreUnavailable("away"))
    outside, _ = platform(kept, Asked(), Asked())
    later = Attempt(kind="again", reason="not_connected", was_asked=False)
    assert await outside.send(note()) == later


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        (Failing(lambda: NotOpened(CANARY)), "no_provider"),
        (KeptAddresses(opened("discord_bot", "broken")), "address_refused"),
    ],
)
async def test_an_address_that_cannot_be_read_is_noted_without_showing_it(
    kept: KeptAddresses, reason: str
) -> None:
    outside, log = platform(kept, Asked(), Asked())
    assert await outside.send(note()) == Attempt(kind="refused", reason=reason)
    ((event, values),) = log.lines
    assert event == "endpoint_not_read" and values["endpoint"] == 7
    assert CANARY not in repr(log.lines) and BODY not in repr(log.lines)
