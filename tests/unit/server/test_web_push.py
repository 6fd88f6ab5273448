"""Web Push, against a push service on loopback and a browser that decrypts by itself."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec
from notification_providers import (
    BODY,
    CANARY,
    NOW_MS,
    PATIENT,
    TITLE,
    Browser,
    Instead,
    PushService,
    SetClock,
    Words,
    answers,
    base64url,
    cut,
    deadlines_of,
    note,
    opened,
    posting,
    provided,
    redirect,
    stall,
    unbase64url,
)

from actors.notification_records import Attempt
from protocol.ids import Millis
from server.providers.endpoints import read_endpoint
from server.providers.outside_addresses import (
    AddressBroken,
    AddressReader,
    Subscription,
    push_endpoint,
    read_subscription,
)
from server.providers.posting import Deadlines
from server.providers.push_encryption import LONGEST_PLAIN, encrypted
from server.providers.vapid import Vapid, read_vapid_key
from server.providers.web_push import WebPush, topic_of

# RFC 8291, section 5 and appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
RECEIVER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER, SALT = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "DGv6ra1nlYgDCS1FRnbzlw"
MESSAGE = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6T"
    "lzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4"
    "a-fN"
)

REF = f"id:{NOW_MS}"


class World(NamedTuple):
    push: WebPush
    service: PushService
    browser: Browser
    clock: SetClock

    async def send(self, **fields: object) -> Attempt:
        endpoint = opened("web_push", self.browser.address())
        return await self.push.send(endpoint, note(**fields), Words())

    def shown(self, number: int = 0) -> object:
        return json.loads(self.browser.decrypted(self.service.received[number].body))


@asynccontextmanager
async def world(deadlines: Deadlines = PATIENT) -> AsyncIterator[World]:
    clock = SetClock()
    vapid = Vapid(read_vapid_key(SENDER), subject="mailto:ops@example.org", clock=clock)
    service = PushService(vapid.public_key, clock)
    async with provided(service) as base, posting(deadlines) as poster:
        service.base = base
        push = WebPush(poster, vapid, service=read_endpoint(base, private=True), clock=clock)
        with trio.fail_after(30):
            yield World(push, service, Browser(base), clock)


async def attempt_of(*plays: Instead, deadlines: Deadlines = PATIENT) -> Attempt:
    async with world(deadlines) as made:
        made.service.next.extend(plays)
        found = await made.send()
        assert len(made.service.received) == 1
        return found


# ---- encryption


def test_the_message_is_that_of_the_published_vector() -> None:
    key, salt = read_vapid_key(SENDER), unbase64url(SALT)
    body = encrypted(PLAIN, unbase64url(RECEIVER), unbase64url(AUTH), key=key, salt=salt)
    assert base64url(body) == MESSAGE


@pytest.mark.parametrize("length", [0, 1, 1000, LONGEST_PLAIN])
def test_a_browser_reads_what_was_encrypted_for_it(length: int) -> None:
    browser = Browser("https://fcm.googleapis.com")
    plain, key = b"x" * length, ec.generate_private_key(ec.SECP256R1())
    subscription = read_subscription(browser.endpoint, browser.p256dh, browser.auth)
    receiver, secret = subscription.keys()
    body = encrypted(plain, receiver, secret, key=key, salt=b"s" * 16)
    assert browser.decrypted(body) == plain and len(body) == length + 103


def test_what_is_too_long_for_a_record_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        encrypted(
            b"x" * (LONGEST_PLAIN + 1),
            unbase64url(RECEIVER),
            unbase64url(AUTH),
            key=read_vapid_key(SENDER),
            salt=b"s" * 16,
        )


async def test_no_two_messages_have_the_same_key_or_salt() -> None:
    async with world() as made:
        for _ in range(3):
            await made.send()
        heads = [each.body[:86] for each in made.service.received]
    assert len({head[:16] for head in heads}) == len({head[21:] for head in heads}) == 3


# ---- what is sent


async def test_a_notification_is_pushed_and_shown() -> None:
    async with world() as made:
        attempt = await made.send()
        (received,) = made.service.received
        assert attempt == Attempt(kind="sent", provider_ref=f"0123456789abcdef:{NOW_MS}")
        assert made.shown() == {
            "id": "0123456789abcdef",
            "title": TITLE,
            "message": BODY,
            "timestamp": "2023-11-14T22:13:19.000+00:00",
        }
    assert (received.method, received.target) == ("POST", f"/push/{CANARY}")
    assert received.headers["content-type"] == "application/octet-stream"
    assert received.headers["ttl"] == "86400"
    assert received.headers["urgency"] == "normal"
    assert len(received.headers["topic"]) == 32
    assert TITLE.encode() not in received.body


@pytest.mark.parametrize(
    ("priority", "urgency"), [(1, "low"), (2, "normal"), (3, "high"), (4, "high")]
)
async def test_its_urgency_follows_its_priority(priority: int, urgency: str) -> None:
    async with world() as made:
        await made.send(priority=priority)
        assert made.service.received[0].headers["urgency"] == urgency


@pytest.mark.parametrize(
    ("left_ms", "ttl"), [(90_500, "90"), (-5_000, "0"), (40 * 86_400_000, "2419200")]
)
async def test_it_is_kept_as_long_as_it_holds(left_ms: int, ttl: str) -> None:
    async with world() as made:
        await made.send(expires_at=Millis(NOW_MS + left_ms))
        assert made.service.received[0].headers["ttl"] == ttl


def test_a_topic_is_of_one_notification_or_of_one_senders_key() -> None:
    assert topic_of(note()) == topic_of(note(id="another attempt", endpoint_no=8))
    assert topic_of(note()) != topic_of(note(notification_id="other"))
    key = topic_of(note(collapse_key="trip"))
    assert key == topic_of(note(collapse_key="trip", notification_id="other"))
    assert len({key, topic_of(note()), topic_of(note(collapse_key="trip", sender_no=8))}) == 3
    assert key == topic_of(note(collapse_key="trip", sender="his new name"))
    assert len({key, topic_of(note(collapse_key="trip", type="y"))}) == 2


@pytest.mark.parametrize("letter", ["x", "글", "😀", '"', "\n", "\x01"])
async def test_a_body_that_does_not_fit_is_cut(letter: str) -> None:
    async with world() as made:
        endpoint = opened("web_push", made.browser.address())
        words = Words("t" * 300, letter * 5000)
        assert (await made.push.send(endpoint, note(), words)).kind == "sent"
        shown = made.shown()
    assert isinstance(shown, dict) and shown["title"] == "t" * 255
    assert set(shown["message"]) == {letter} and len(shown["message"]) > 500


# ---- what is answered


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_success_takes_it(status: int) -> None:
    assert (await attempt_of(answers(status))).kind == "sent"


@pytest.mark.parametrize(
    ("status", "asked", "expected"),
    [
        (404, None, Attempt(kind="gone", reason="endpoint_gone")),
        (410, None, Attempt(kind="gone", reason="endpoint_gone")),
        (413, None, Attempt(kind="refused", reason="provider_refused")),
        (400, None, Attempt(kind="refused", reason="provider_refused")),
        (429, "7", Attempt(kind="again", reason="limited", retry_after_ms=7000)),
        (429, None, Attempt(kind="again", reason="limited")),
        (503, "2", Attempt(kind="again", reason="provider_error", retry_after_ms=2000)),
        (
            429,
            "Tue, 14 Nov 2023 22:13:30 GMT",
            Attempt(kind="again", reason="limited", retry_after_ms=10_000),
        ),
        (500, "2", Attempt(kind="unknown", reason="provider_error")),
        (502, None, Attempt(kind="unknown", reason="provider_error")),
        (302, None, Attempt(kind="unknown", reason="bad_answer")),
    ],
)
async def test_each_status_has_its_outcome(
    status: int, asked: str | None, expected: Attempt
) -> None:
    headers = {"Retry_After": asked} if asked else {}
    assert await attempt_of(answers(status, {"said": CANARY}, **headers)) == expected


async def test_no_redirect_is_followed() -> None:
    assert await attempt_of(redirect) == Attempt(kind="refused", reason="provider_refused")


async def test_a_subscription_that_is_gone_is_told() -> None:
    async with world() as made:
        made.service.gone.add(f"/push/{CANARY}")
        assert await made.send() == Attempt(kind="gone", reason="endpoint_gone")


@pytest.mark.parametrize("play", [stall, cut])
async def test_silence_leaves_it_open(play: Instead) -> None:
    unknown = Attempt(kind="unknown", reason="no_answer")
    assert await attempt_of(play, deadlines=deadlines_of(play)) == unknown


async def test_nobody_there_is_asked_again() -> None:
    async with world() as made:
        pass
    async with posting() as poster:
        vapid = Vapid(read_vapid_key(SENDER), subject=None, clock=made.clock)
        service = read_endpoint(made.service.base, private=True)
        push = WebPush(poster, vapid, service=service, clock=made.clock)
        endpoint = opened("web_push", made.browser.address())
        attempt = await push.send(endpoint, note(), Words())
    assert attempt == Attempt(kind="again", reason="not_connected")


@pytest.mark.parametrize("status", [401, 403])
async def test_who_is_not_believed_tries_once_more_with_a_new_token(status: int) -> None:
    async with world() as made:
        assert (await made.send()).kind == "sent"
        made.service.next.append(answers(status))
        assert (await made.send(attempt=9)).kind == "sent", "it may have been left alone before"
        _, first, second = (each.headers["authorization"] for each in made.service.received)
    assert first != second


@pytest.mark.parametrize("status", [401, 403])
async def test_who_does_not_believe_a_new_token_is_not_asked_again(status: int) -> None:
    refused = Attempt(kind="refused", reason="not_authorized")
    async with world() as made:
        made.service.next.extend([answers(status)] * 4)
        assert await made.send() == refused
        endpoint = opened("web_push", made.browser.address())
        assert await made.push.take_back(endpoint, note(take_back=REF)) == refused
        assert len(made.service.received) == 4


# ---- taking it back


async def test_what_was_read_elsewhere_is_closed_and_replaces_what_was_not_fetched() -> None:
    async with world() as made:
        sent = await made.send()
        endpoint = opened("web_push", made.browser.address())
        attempt = await made.push.take_back(endpoint, note(take_back=sent.provider_ref))
        assert attempt == Attempt(kind="withdrawn")
        assert made.shown(1) == {"gone": "0123456789abcdef"}
        first, second = (each.headers["topic"] for each in made.service.received)
    assert first == second


async def test_it_does_not_replace_what_replaced_it() -> None:
    async with world() as made:
        endpoint = opened("web_push", made.browser.address())
        await made.push.take_back(endpoint, note(take_back=REF, collapse_key="trip"))
        assert "topic" not in made.service.received[0].headers


DAY_MS = 86_400_000
NOT_TAKEN_BACK = Attempt(kind="refused", reason="provider_refused", was_asked=False)


@pytest.mark.parametrize(
    ("later_ms", "expires_ms", "ttl"),
    [
        (0, None, "86400"),
        (DAY_MS - 5_000, None, "5"),
        (DAY_MS - 999, None, None),
        (10_000, 70_000, "60"),
        (70_000, 70_000, None),
        (70_000, 2 * DAY_MS, "86330"),
    ],
)
async def test_it_is_taken_back_while_it_is_likely_to_be_shown(
    later_ms: int, expires_ms: int | None, ttl: str | None
) -> None:
    async with world() as made:
        expires_at = None if expires_ms is None else Millis(NOW_MS + expires_ms)
        sent = await made.send(expires_at=expires_at)
        made.clock.ms += later_ms
        endpoint = opened("web_push", made.browser.address())
        back = note(take_back=sent.provider_ref, expires_at=expires_at)
        attempt = await made.push.take_back(endpoint, back)
        told = [each.headers["ttl"] for each in made.service.received[1:]]
    assert (attempt, told) == (
        (NOT_TAKEN_BACK, []) if ttl is None else (Attempt(kind="withdrawn"), [ttl])
    )


async def test_what_apple_shows_is_not_taken_back() -> None:
    async with world() as made:
        for base in ("https://web.push.apple.com", "https://WEB.push.apple.com:443"):
            endpoint = opened("web_push", Browser(base).address())
            assert await made.push.take_back(endpoint, note(take_back=REF)) == NOT_TAKEN_BACK


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answers(500), Attempt(kind="again", reason="provider_error")),
        (cut, Attempt(kind="again", reason="no_answer")),
        (answers(410), Attempt(kind="gone", reason="endpoint_gone")),
        (answers(413), Attempt(kind="refused", reason="provider_refused")),
    ],
)
async def test_taking_back_may_be_done_twice(play: Instead, expected: Attempt) -> None:
    async with world() as made:
        made.service.next.append(play)
        endpoint = opened("web_push", made.browser.address())
        assert await made.push.take_back(endpoint, note(take_back=REF)) == expected


# ---- where it may go


@pytest.mark.parametrize(
    "url",
    [
        "https://fcm.googleapis.com/fcm/send/abc",
        "https://updates.push.services.mozilla.com/wpush/v2/abc",
        "https://web.push.apple.com/abc",
        "https://wns2-par02p.notify.windows.com/w/?token=abc",
    ],
)
def test_known_push_services_are_allowed(url: str) -> None:
    assert push_endpoint(url).scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/canary",
        "http://fcm.googleapis.com/canary",
        "https://fcm.googleapis.com:25/canary",
        "https://fcm.googleapis.com:8443/canary",
        "https://wns2-par02p.notify.windows.com:8443/canary",
        "https://fcm.googleapis.com.example.org/canary",
        "https://fcm.googleapis.com./canary",
        "https://evilfcm.googleapis.com/canary",
        "https://user:canary@fcm.googleapis.com/x",
        "https://example.org\\@fcm.googleapis.com/canary",
        "https://example.org#@fcm.googleapis.com/canary",
        "https://push.apple.com/canary",
        "https://evilpush.apple.com/canary",
        "https://notify.windows.com.example.org/canary",
        "https://127.0.0.1/canary",
        "https://[::1]/canary",
        "https://169.254.169.254/canary",
        "https://fcm。googleapis.com/canary",
        "file:///canary",
        "canary",
        "",
        "https://fcm.googleapis.com/canary" + "x" * 2048,
    ],
)
def test_no_other_address_is_pushed_to(url: str) -> None:
    browser = Browser("https://fcm.googleapis.com")
    reader = AddressReader(discord=read_endpoint("https://discord.com", private=False))
    with pytest.raises(ValueError, match=r"^must ") as refused:
        reader.push(url, browser.p256dh, browser.auth)
    assert "canary" not in str(refused.value)


def test_of_other_push_services_the_one_that_is_named_is_allowed() -> None:
    service = read_endpoint("http://127.0.0.1:9000/below", private=True)
    assert push_endpoint("http://127.0.0.1:9000/any/path", service).port == 9000
    assert push_endpoint("https://fcm.googleapis.com/x", service).scheme == "https"
    for url in (
        "http://127.0.0.1:9001/canary",
        "https://127.0.0.1:9000/canary",
        "http://127.0.0.2:9000/canary",
        "http://127.0.0.1:9000@169.254.169.254/canary",
        "http://fcm.googleapis.com/canary",
        "https://fcm.googleapis.com:25/canary",
    ):
        with pytest.raises(ValueError, match=r"^must ") as refused:
            push_endpoint(url, service)
        assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", AUTH),
        (RECEIVER, ""),
        ("canary!", AUTH),
        (RECEIVER[:-4], AUTH),
        (base64url(b"\x04" + b"\1" * 64), AUTH),
        (RECEIVER, AUTH + "AAAA"),
        (RECEIVER, "canary"),
        (base64url(unbase64url(RECEIVER)[1:33]), AUTH),
        (base64url(b"\x02" + unbase64url(RECEIVER)[1:33]), AUTH),
    ],
)
def test_keys_that_are_none_are_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(ValueError, match=r"^p256dh ") as refused:
        read_subscription("https://fcm.googleapis.com/x", p256dh, auth)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "p256dh", "auth"),
    [
        ("/x#y", "=", "=="),
        ("/x?", "", ""),
        ("/x?#", "", ""),
        (":443/x", "", ""),
    ],
)
def test_one_subscription_is_written_in_one_way(url: str, p256dh: str, auth: str) -> None:
    plain = read_subscription("https://fcm.googleapis.com/x", RECEIVER, AUTH)
    assert plain == Subscription("https://fcm.googleapis.com/x", RECEIVER, AUTH)
    for host in ("https://fcm.googleapis.com", "HTTPS://FCM.googleapis.COM"):
        assert read_subscription(host + url, RECEIVER + p256dh, AUTH + auth) == plain
    spare = read_subscription("https://fcm.googleapis.com/x", RECEIVER[:-1] + "5", AUTH[:-1] + "h")
    assert spare == plain


async def test_an_address_that_is_allowed_no_more_is_not_asked() -> None:
    async with world() as made, posting() as poster:
        vapid = Vapid(read_vapid_key(SENDER), subject=None, clock=made.clock)
        strict = WebPush(poster, vapid, clock=made.clock)
        endpoint = opened("web_push", made.browser.address())
        refused = Attempt(kind="refused", reason="address_refused", was_asked=False)
        assert await strict.send(endpoint, note(), Words()) == refused
        assert made.service.received == []


async def test_what_is_no_subscription_is_told() -> None:
    async with world() as made:
        for address in ("", "[]", '{"endpoint": "https://x"}', CANARY):
            with pytest.raises(AddressBroken) as broken:
                await made.push.send(opened("web_push", address), note(), Words())
            assert CANARY not in str(broken.value)


async def test_no_secret_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with world() as made:
        made.service.next.append(answers(500, {"said": CANARY}))
        shown = [repr(await made.send()), repr(opened("web_push", made.browser.address()))]
        service = read_endpoint(made.service.base, private=True)
        reader = AddressReader(push=service, discord=read_endpoint("https://x", private=False))
        new = reader.push(made.browser.endpoint, made.browser.p256dh, made.browser.auth)
    shown += [
        repr(new),
        new.label,
        caplog.text,
        repr(
            read_subscription(
                made.browser.endpoint, made.browser.p256dh, made.browser.auth, service
            )
        ),
    ]
    for each in shown:
        assert CANARY not in each and made.browser.auth not in each and BODY not in each
