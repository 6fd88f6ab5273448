"""Webhooks of Discord, against a server that behaves as its documents say."""

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
    NOW_MS,
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
from server.providers.discord_limits import DiscordLimits
from server.providers.discord_webhook import DiscordWebhook
from server.providers.endpoints import read_endpoint
from server.providers.outside_addresses import (
    AddressBroken,
    AddressReader,
    OpenedEndpoint,
    WebhookAddress,
    label_of,
    read_webhook,
)
from server.providers.posting import Deadlines

ID, TOKEN = "223704706495545344", f"{CANARY}-aBcD_0123456789-aBcD_0123456789"
PUBLIC = AddressReader(discord=read_endpoint("https://discord.com/api/v10", private=False))


class World(NamedTuple):
    hook: DiscordWebhook
    discord: Discord
    reader: AddressReader
    base: str

    def endpoint(self, webhook_id: str = ID) -> OpenedEndpoint:
        url = f"{self.base}/api/v10/webhooks/{webhook_id}/{TOKEN}"
        return opened("discord_webhook", self.reader.discord_webhook(url).address)

    async def send(self, **fields: object) -> Attempt:
        return await self.hook.send(self.endpoint(), note(**fields), Words())


@asynccontextmanager
async def world(deadlines: Deadlines = PATIENT, *, limit: int = 5) -> AsyncIterator[World]:
    discord = Discord(limit=limit, window_s=0.5)
    discord.webhooks = {ID: TOKEN}
    async with provided(discord) as base, posting(deadlines) as poster:
        api = read_endpoint(f"{base}/api/v10", private=True)
        hook = DiscordWebhook(
            DiscordApi(poster, api, DiscordLimits(patience_s=10)), clock=SetClock()
        )
        with trio.fail_after(30):
            yield World(hook, discord, AddressReader(discord=api), base)


# ---- what is sent


async def test_a_notification_is_an_embed_that_mentions_nobody() -> None:
    async with world() as made:
        attempt = await made.send()
        (received,) = made.discord.received
        assert attempt.kind == "sent" and attempt.provider_ref in made.discord.messages
    assert received.method == "POST"
    assert received.target == f"/api/v10/webhooks/{ID}/{TOKEN}?wait=true"
    assert received.headers["content-type"] == "application/json"
    assert "authorization" not in received.headers
    assert received.json() == {
        "embeds": [
            {
                "title": TITLE,
                "description": BODY,
                "timestamp": "2023-11-14T22:13:19.000+00:00",
                "footer": {"text": "김하늘"},
            }
        ],
        "allowed_mentions": {"parse": []},
    }
    assert NOW_MS == 1_700_000_000_000


async def test_an_embed_has_the_bounds_that_discord_sets() -> None:
    async with world() as made:
        words = Words("t" * 300, "b" * 5000)
        await made.hook.send(made.endpoint(), note(sender="s" * 2000), words)
        (embed,) = made.discord.received[0].json()["embeds"]
    assert (len(embed["title"]), len(embed["description"])) == (256, 4096)
    assert sum(map(len, (embed["title"], embed["description"], embed["footer"]["text"]))) <= 6000


async def test_nobody_makes_a_link_or_a_mention() -> None:
    evil = r"[bank](http://evil.example) <@1> @everyone <#2> ||x|| **b** \[a](b)"
    async with world() as made:
        await made.hook.send(made.endpoint(), note(sender="[s](http://x)"), Words(evil, evil))
        body = made.discord.received[0].json()
        (embed,) = body["embeds"]
    escaped = (
        r"\[bank\]\(http\://evil.example\) \<\@1\> \@everyone \<\#2\>"
        r" \|\|x\|\| \*\*b\*\* \\\[a\]\(b\)"
    )
    assert embed["title"] == embed["description"] == escaped
    assert embed["footer"] == {"text": "[s](http://x)"}, "a footer is shown as it is"
    assert body["allowed_mentions"] == {"parse": []}


async def test_no_escape_is_cut_in_two() -> None:
    async with world() as made:
        await made.hook.send(made.endpoint(), note(), Words("a" + "*" * 255, "*" * 4_096))
        (embed,) = made.discord.received[0].json()["embeds"]
    assert embed["title"] == "a" + r"\*" * 127 and embed["description"] == r"\*" * 2_048


async def test_what_is_of_the_server_itself_has_no_footer() -> None:
    async with world() as made:
        await made.send(sender=None)
        assert "footer" not in made.discord.received[0].json()["embeds"][0]


async def test_a_reference_has_no_secret_and_takes_it_back() -> None:
    async with world() as made:
        sent = await made.send()
        assert sent.provider_ref is not None and sent.provider_ref.isdigit()
        back = note(take_back=sent.provider_ref)
        for _ in range(2):  # the second time it is not there any more
            assert await made.hook.take_back(made.endpoint(), back) == Attempt(kind="withdrawn")
        received = made.discord.received[1]
        assert made.discord.messages == {}
    assert received.method == "DELETE" and received.body == b""
    assert received.target == f"/api/v10/webhooks/{ID}/{TOKEN}/messages/{sent.provider_ref}"
    assert "content-type" not in received.headers


async def test_many_at_once_are_sent_without_one_request_too_many() -> None:
    async with world() as made:
        sent: list[Attempt] = []

        async def send(number: int) -> None:
            sent.append(await made.send(id=f"n{number}:7"))

        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(send, number)
        assert [each.kind for each in sent] == ["sent"] * 12
        assert made.discord.over == 0 and len(made.discord.messages) == 12


async def test_those_who_would_wait_too_long_come_again() -> None:
    async with world(limit=1) as made:
        made.discord.window_s = 30.0
        first, second = await made.send(), await made.send()
        assert (first.kind, second.kind, second.reason) == ("sent", "again", "limited")
        assert second.retry_after_ms is not None and 25_000 < second.retry_after_ms <= 30_000
        assert not second.of_all and len(made.discord.received) == 1


# ---- what is answered


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answers(404, {"code": 10015}), Attempt(kind="gone", reason="endpoint_gone")),
        (answers(401, {"code": 50027}), Attempt(kind="gone", reason="endpoint_gone")),
        (answers(403), Attempt(kind="refused", reason="not_authorized")),
        (answers(400, {"code": 50035}), Attempt(kind="refused", reason="provider_refused")),
        (answers(500), Attempt(kind="unknown", reason="provider_error")),
        (answers(502), Attempt(kind="unknown", reason="provider_error")),
        (answers(503), Attempt(kind="again", reason="provider_error")),
        (redirect, Attempt(kind="refused", reason="provider_refused")),
        (stall, Attempt(kind="unknown", reason="no_answer")),
        (cut, Attempt(kind="unknown", reason="no_answer")),
        (
            answers(429, {"retry_after": 1.5}, X_RateLimit_Scope="user", Retry_After="1"),
            Attempt(kind="again", reason="limited", retry_after_ms=1500),
        ),
        (
            answers(429, {"retry_after": 3, "global": True}, X_RateLimit_Scope="global"),
            Attempt(kind="again", reason="limited", retry_after_ms=3000, of_all=True),
        ),
        (answers(200), Attempt(kind="sent")),
        (answers(200, {"id": CANARY}), Attempt(kind="sent")),
        (answers(204), Attempt(kind="sent")),
    ],
)
async def test_each_answer_has_its_outcome(play: Instead, expected: Attempt) -> None:
    async with world(deadlines_of(play)) as made:
        made.discord.next.append(play)
        assert await made.send() == expected
        assert len(made.discord.received) == 1


async def test_a_webhook_that_was_deleted_is_gone() -> None:
    async with world() as made:
        made.discord.webhooks.clear()
        gone = Attempt(kind="gone", reason="endpoint_gone")
        assert await made.send() == gone
        assert await made.hook.take_back(made.endpoint(), note(take_back="1")) == gone


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answers(500), Attempt(kind="again", reason="provider_error")),
        (cut, Attempt(kind="again", reason="no_answer")),
        (answers(403), Attempt(kind="refused", reason="not_authorized")),
    ],
)
async def test_taking_back_may_be_done_twice(play: Instead, expected: Attempt) -> None:
    async with world() as made:
        made.discord.next.append(play)
        assert await made.hook.take_back(made.endpoint(), note(take_back="1")) == expected


async def test_one_that_is_given_up_does_not_keep_its_place() -> None:
    async with world() as made:
        made.discord.next.append(stall)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.send)
            while not made.discord.received:  # noqa: ASYNC110 - it tells nobody
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        assert (await made.send()).kind == "sent"


async def test_nobody_there_is_asked_again() -> None:
    async with world() as made:
        endpoint = made.endpoint()
    async with posting() as poster:
        api = read_endpoint(f"{made.base}/api/v10", private=True)
        hook = DiscordWebhook(DiscordApi(poster, api, DiscordLimits()), clock=SetClock())
        attempt = await hook.send(endpoint, note(), Words())
    assert attempt == Attempt(kind="again", reason="not_connected")


# ---- where it may go


@pytest.mark.parametrize(
    "url",
    [
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}",
        f"https://discordapp.com/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com/api/v10/webhooks/{ID}/{TOKEN}",
        f"https://DISCORD.com/api/webhooks/{ID}/{TOKEN}",
    ],
)
def test_a_webhook_of_discord_is_read(url: str) -> None:
    assert read_webhook(url) == WebhookAddress(ID, TOKEN)
    new = PUBLIC.discord_webhook(url)
    assert (new.platform, new.kind, new.label) == ("discord", "discord_webhook", "…5344")
    assert label_of("discord_webhook", new.address) == new.label


@pytest.mark.parametrize(
    "url",
    [
        "",
        TOKEN,
        f"http://discord.com/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com:443/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com:8443/api/webhooks/{ID}/{TOKEN}",
        f"https://user:{TOKEN}@discord.com/api/webhooks/{ID}/{TOKEN}",
        f"https://@discord.com/api/webhooks/{ID}/{TOKEN}",
        f"https://canary.discord.com/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com.example.org/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com./api/webhooks/{ID}/{TOKEN}",
        f"https://example.org/https://discord.com/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}?wait=true",
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}?",
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}#x",
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}/messages/1",
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}/slack",
        f"https://discord.com/api/webhooks/{ID}/../{TOKEN}",
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}%2f..",
        f"https://discord.com/api//webhooks/{ID}/{TOKEN}",
        f"https://discord.com/webhooks/{ID}/{TOKEN}",
        f"https://discord.com/api/webhooks/1/{TOKEN}",
        f"https://discord.com/api/webhooks/{ID}/{CANARY}",
        f"https://discord.com/api/webhooks/{ID}/",
        f"https://discord.com/api/channels/{ID}/{TOKEN}",
        f"https://127.0.0.1/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com\\@127.0.0.1/api/webhooks/{ID}/{TOKEN}",
        f"https://discord.com/api/webhooks/１２３/{TOKEN}",  # noqa: RUF001
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}\n",
    ],
)
def test_no_other_address_is_taken(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refused:
        PUBLIC.discord_webhook(url)
    assert CANARY not in str(refused.value)


def test_a_webhook_below_the_configured_api_is_taken() -> None:
    api = read_endpoint("http://127.0.0.1:8123/api/v10", private=True)
    reader = AddressReader(discord=api)
    for url in (
        f"http://127.0.0.1:8123/api/v10/webhooks/{ID}/{TOKEN}",
        f"https://discord.com/api/webhooks/{ID}/{TOKEN}",
    ):
        assert read_webhook(url, api) == WebhookAddress(ID, TOKEN)
    for url in (
        f"http://127.0.0.1:8124/api/v10/webhooks/{ID}/{TOKEN}",
        f"http://127.0.0.2:8123/api/v10/webhooks/{ID}/{TOKEN}",
        f"https://127.0.0.1:8123/api/v10/webhooks/{ID}/{TOKEN}",
        f"http://127.0.0.1:8123/api/v10/webhooks/{ID}/{TOKEN}?x",
        f"http://discord.com/api/webhooks/{ID}/{TOKEN}",
    ):
        with pytest.raises(ValueError, match=r"^must "):
            reader.discord_webhook(url)


async def test_what_is_no_webhook_is_told() -> None:
    async with world() as made:
        for address in ("", CANARY, "{}"):
            with pytest.raises(AddressBroken) as broken:
                await made.hook.send(opened("discord_webhook", address), note(), Words())
            assert CANARY not in str(broken.value)


async def test_no_secret_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with world() as made:
        made.discord.next.append(answers(500, {"message": CANARY}))
        shown = [repr(await made.send()), repr(await made.send()), repr(made.endpoint())]
        new = made.reader.discord_webhook(f"{made.base}/api/v10/webhooks/{ID}/{TOKEN}")
    shown += [repr(new), new.label, repr(WebhookAddress(ID, TOKEN)), caplog.text]
    assert not [each for each in shown if CANARY in each or BODY in each or ID in each]
