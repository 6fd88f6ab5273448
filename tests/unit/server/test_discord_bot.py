"""The bot of Discord, against a server that behaves as its documents say."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
import trio
from notification_providers import (
    BODY,
    CANARY,
    PATIENT,
    TITLE,
    Discord,
    Instead,
    SetClock,
    Words,
    answers,
    cut,
    deadlines_of,
    note,
    opened,
    posting,
    provided,
    redirect,
    stall,
)

from actors.notification_records import Attempt
from server.providers.discord_api import DiscordApi
from server.providers.discord_bot import DiscordBot, nonce_of
from server.providers.discord_limits import DiscordLimits
from server.providers.endpoints import read_endpoint
from server.providers.outside_addresses import label_of, read_discord_user
from server.providers.posting import Deadlines

USER, CHANNEL = "80351110224678912", "70351110224678912"
TOKEN = f"{CANARY}.bot.token"
GONE = Attempt(kind="gone", reason="endpoint_gone")
NOT_AUTHORIZED = Attempt(kind="refused", reason="not_authorized")
ROW = {"type": 1, "components": []}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.providers.discord_bot.PAUSES_S", (0.01, 0.02))


class World(NamedTuple):
    bot: DiscordBot
    discord: Discord

    async def send(self, user: str = USER, **fields: object) -> Attempt:
        return await self.bot.send(opened("discord_bot", user), note(**fields), Words())


@asynccontextmanager
async def world(
    deadlines: Deadlines = PATIENT, *, limit: int = 50, most: int = 10
) -> AsyncIterator[World]:
    discord = Discord(limit=limit, window_s=0.5)
    discord.token = TOKEN
    async with provided(discord) as base, posting(deadlines) as poster:
        api = read_endpoint(f"{base}/api/v10", private=True)
        bot = DiscordBot(
            DiscordApi(poster, api, DiscordLimits(patience_s=10)),
            TOKEN,
            buttons=lambda message: [ROW] if message.type == "meeting.invitation" else [],
            clock=SetClock(),
            most=most,
        )
        with trio.fail_after(30):
            yield World(bot, discord)


# ---- what is sent


async def test_a_channel_is_opened_once_and_written_to() -> None:
    async with world() as made:
        first, second = await made.send(), await made.send(id="n2:7", type="friend.accepted")
        opening, message, another = made.discord.received
        (one, two) = made.discord.messages
    assert first == Attempt(kind="sent", provider_ref=f"{CHANNEL}:{one}")
    assert second == Attempt(kind="sent", provider_ref=f"{CHANNEL}:{two}")
    assert opening.target == "/api/v10/users/@me/channels"
    assert opening.json() == {"recipient_id": USER}
    assert message.target == another.target == f"/api/v10/channels/{CHANNEL}/messages"
    assert {each.headers["authorization"] for each in (opening, message)} == {f"Bot {TOKEN}"}
    body = message.json()
    assert body["embeds"][0]["title"] == TITLE and body["embeds"][0]["description"] == BODY
    assert body["allowed_mentions"] == {"parse": []} and body["enforce_nonce"] is True
    assert body["components"] == [ROW] and another.json()["components"] == []


def test_a_nonce_is_the_same_for_every_attempt_and_fits() -> None:
    assert nonce_of(note()) == nonce_of(note(attempt=2, lease=9)) != nonce_of(note(id="n2:7"))
    assert len(nonce_of(note(id="x" * 100))) == 25


async def test_what_was_not_answered_is_asked_again_and_made_once() -> None:
    async def taken_and_cut(exchange: object, request: object) -> bool:
        await made.discord.respond(request)  # type: ignore[arg-type]
        return await cut(exchange, request)  # type: ignore[arg-type]

    async with world() as made:
        await made.send(id="n0:7")
        made.discord.next.extend([taken_and_cut, answers(502)])
        sent = await made.send()
        _, message = made.discord.messages
        assert sent == Attempt(kind="sent", provider_ref=f"{CHANNEL}:{message}")


async def test_a_nonce_is_not_trusted_for_longer_than_it_is_known() -> None:
    async with world() as made:
        await made.send(id="n0:7")
        for attempt in (1, 2, 3):
            made.discord.next.extend([answers(502)] * 3)
            found = await made.send(attempt=attempt)
            assert found == Attempt(kind="unknown", reason="provider_error")
        assert len(made.discord.received) == 2 + 3 * 3 and not made.discord.next


@pytest.mark.parametrize("status", [403, 404, 429, 503])
async def test_what_is_refused_after_doubt_is_in_doubt(status: int) -> None:
    async with world() as made:
        await made.send(id="n0:7")
        made.discord.next.extend([cut, answers(status), answers(status)])
        assert await made.send() == Attempt(kind="unknown", reason="no_answer")


async def test_opening_a_channel_may_be_done_twice() -> None:
    for play in (stall, cut, answers(500), answers(200, {"no": "id"})):
        async with world(deadlines_of(play)) as made:
            made.discord.next.append(play)
            assert (await made.send(attempt=5)).kind == "again"
            assert (await made.send(attempt=5)).kind == "sent"


async def test_known_channels_are_bounded() -> None:
    async with world(most=2) as made:
        for user in (USER, "80351110224678913", "80351110224678914", USER):
            assert (await made.send(user)).kind == "sent"
        openings = [each for each in made.discord.received if each.target.endswith("/channels")]
    assert len(openings) == 4


async def test_a_channel_that_is_no_more_is_opened_anew() -> None:
    async with world() as made:
        await made.send()
        made.discord.next.append(answers(404, {"code": 10003}))
        assert await made.send() == Attempt(kind="again", reason="provider_error")
        assert (await made.send()).kind == "sent"
        targets = [each.target for each in made.discord.received]
    assert targets.count("/api/v10/users/@me/channels") == 2


# ---- what is answered


async def test_who_takes_no_messages_is_not_asked_again() -> None:
    async with world() as made:
        made.discord.closed.add(CHANNEL)
        assert await made.send() == GONE


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answers(400, {"code": 10013}), GONE),
        (answers(403, {"code": 50007}), GONE),
        (answers(403, {"code": 50001}), NOT_AUTHORIZED),
        (answers(400, {"code": 50035}), Attempt(kind="refused", reason="provider_refused")),
        (redirect, Attempt(kind="refused", reason="provider_refused")),
        (answers(503), Attempt(kind="again", reason="provider_error")),
        (
            answers(429, {"retry_after": 0.7}, X_RateLimit_Scope="user"),
            Attempt(kind="again", reason="limited", retry_after_ms=700),
        ),
    ],
)
async def test_each_answer_has_its_outcome(play: Instead, expected: Attempt) -> None:
    for is_known in (False, True):  # it may be said of the channel, and of the message
        async with world() as made:
            if is_known:
                await made.send(id="n0:7")
            made.discord.next.append(play)
            assert await made.send() == expected


async def test_a_token_that_is_not_believed_is_not_shown_again_and_again() -> None:
    async with world() as made:
        made.discord.token = "another"
        for _ in range(5):
            assert await made.send() == NOT_AUTHORIZED
            assert await made.bot.take_back(opened("discord_bot", USER), note(take_back="1:2")) == (
                NOT_AUTHORIZED
            )
        assert len(made.discord.received) == 1


async def test_a_token_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.providers.discord_bot.DISTRUSTED_S", 0.2)
    async with world() as made:
        made.discord.next.append(answers(401))
        assert await made.send() == NOT_AUTHORIZED
        await trio.sleep(0.25)
        assert (await made.send()).kind == "sent"


async def test_many_at_once_stay_within_the_limits() -> None:
    async with world(limit=5) as made:
        await made.send()
        sent: list[str] = []

        async def send(number: int) -> None:
            sent.append((await made.send(id=f"n{number}:7")).kind)

        async with trio.open_nursery() as nursery:
            for number in range(2, 12):
                nursery.start_soon(send, number)
        assert sent == ["sent"] * 10 and made.discord.over == 0


# ---- taking it back


async def test_a_reference_has_no_secret_and_takes_it_back() -> None:
    async with world() as made:
        sent = await made.send()
        endpoint, back = opened("discord_bot", USER), note(take_back=sent.provider_ref)
        for _ in range(2):  # the second time it is not there any more
            assert await made.bot.take_back(endpoint, back) == Attempt(kind="withdrawn")
        received = made.discord.received[2]
        assert made.discord.messages == {}
    channel, _, message = (sent.provider_ref or "").partition(":")
    assert received.method == "DELETE"
    assert received.target == f"/api/v10/channels/{channel}/messages/{message}"


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answers(500), Attempt(kind="again", reason="provider_error")),
        (cut, Attempt(kind="again", reason="no_answer")),
        (answers(403, {"code": 50013}), NOT_AUTHORIZED),
    ],
)
async def test_taking_back_may_be_done_twice(play: Instead, expected: Attempt) -> None:
    async with world() as made:
        made.discord.next.append(play)
        back = note(take_back="1:2", attempt=4)
        assert await made.bot.take_back(opened("discord_bot", USER), back) == expected


# ---- whom


@pytest.mark.parametrize("text", ["", "1", "x" * 18, "１" * 18, USER + "\n", f"{USER}/.."])  # noqa: RUF001
def test_only_ids_of_discord_are_users(text: str) -> None:
    with pytest.raises(ValueError, match="must be an id"):
        read_discord_user(text)
    assert read_discord_user(USER) == USER and label_of("discord_bot", USER) == "…8912"


async def test_no_secret_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with world() as made:
        made.discord.next.append(answers(500, {"message": CANARY}))
        shown = [repr(await made.send()), repr(await made.send()), repr(made.bot), caplog.text]
    assert not [each for each in shown if CANARY in each or BODY in each]
