"""KakaoTalk and its tokens, against a server that behaves as its documents say."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
import pytest
import trio
from msgspec import structs
from notification_providers import (
    BODY,
    CANARY,
    NOW_MS,
    PATIENT,
    TITLE,
    Instead,
    Kakao,
    KeptAddresses,
    SetClock,
    Words,
    answers,
    cut,
    deadlines_of,
    note,
    opened,
    posting,
    provided,
    stall,
)
from provider_server import Exchange, Received

from actors.notification_records import Attempt
from protocol.ids import Millis
from server.providers.endpoints import read_endpoint
from server.providers.kakao_talk import KakaoTalk
from server.providers.kakao_tokens import KakaoApp, KakaoTokens
from server.providers.outside_addresses import (
    AddressBroken,
    AddressReader,
    KakaoAccount,
    identity,
    kept_account,
)
from server.providers.posting import Deadlines

SENT = Attempt(kind="sent")
GONE = Attempt(kind="gone", reason="endpoint_gone")
HOUR_MS = 3_600_000
MEMO = "/v2/api/talk/memo/default/send"


class World(NamedTuple):
    talk: KakaoTalk
    tokens: KakaoTokens
    kakao: Kakao
    kept: KeptAddresses
    clock: SetClock

    async def send(self, words: Words = Words()) -> Attempt:  # noqa: B008 - does not change
        return await self.talk.send(self.kept.kept[7], note(platform="kakao"), words)

    def account(self) -> KakaoAccount:
        return msgspec.json.decode(self.kept.kept[7].address, type=KakaoAccount)


def account(*, left_ms: int = HOUR_MS, number: int = 0) -> KakaoAccount:
    return KakaoAccount(
        id="123456789",
        access=f"access-{CANARY}-{number}",
        refresh=f"refresh-{CANARY}-{number}",
        until=Millis(NOW_MS + left_ms),
    )


@asynccontextmanager
async def world(
    deadlines: Deadlines = PATIENT,
    *,
    has: KakaoAccount | None = None,
    rotates: bool = False,
    template: str | None = None,
) -> AsyncIterator[World]:
    has, kakao, clock = has or account(), Kakao(rotates=rotates), SetClock()
    kakao.access.add(has.access)
    kakao.refresh.add(has.refresh)
    kept = KeptAddresses(opened("kakao_talk", kept_account(has)))
    async with provided(kakao) as base, posting(deadlines) as poster:
        at = read_endpoint(base, private=True)
        app = KakaoApp(
            auth=at,
            api=at,
            rest_key=Kakao.KEY,
            secret=Kakao.SECRET,
            redirect="https://example.org/back",
        )
        tokens = KakaoTokens(poster, app, kept, clock=clock)
        link = "https://example.org/"
        talk = KakaoTalk(poster, app, tokens, link=link, template=template, clock=clock)
        with trio.fail_after(30):
            yield World(talk, tokens, kakao, kept, clock)


# ---- what is sent


async def test_a_notification_is_a_text_with_a_link() -> None:
    async with world() as made:
        assert await made.send() == SENT
        (sent,), (received,) = made.kakao.sent, made.kakao.received
    assert sent["path"] == MEMO and received.method == "POST"
    assert received.headers["authorization"] == f"Bearer access-{CANARY}-0"
    assert json.loads(sent["template_object"]) == {
        "object_type": "text",
        "text": f"{TITLE}\n{BODY}",
        "link": {"web_url": "https://example.org/", "mobile_web_url": "https://example.org/"},
    }


async def test_a_text_is_no_longer_than_kakao_shows() -> None:
    async with world() as made:
        await made.send(Words("t" * 50, "b" * 149))
        await made.send(Words("t" * 50, "글" * 150))
        one, two = (json.loads(each["template_object"])["text"] for each in made.kakao.sent)
    assert one == "t" * 50 + "\n" + "b" * 149 and len(two) == 200 and two.endswith("글…")


async def test_the_apps_own_template_gets_its_arguments() -> None:
    async with world(template="4711") as made:
        assert await made.send() == SENT
        (sent,) = made.kakao.sent
    assert sent["path"] == "/v2/api/talk/memo/send" and sent["template_id"] == "4711"
    assert json.loads(sent["template_args"]) == {"title": TITLE, "body": BODY}


async def test_nothing_can_be_taken_back() -> None:
    async with world() as made:
        attempt = await made.talk.take_back(made.kept.kept[7], note(take_back="x"))
        assert attempt.kind == "refused" and made.kakao.received == []


# ---- tokens


async def test_a_token_that_is_over_is_not_shown_and_the_new_one_is_kept() -> None:
    async with world(has=account(left_ms=59_000)) as made:
        assert [await made.send(), await made.send()] == [SENT, SENT]
        assert made.kakao.refreshed == made.kept.replaced == 1
        assert made.account() == KakaoAccount(
            id="123456789",
            access=f"access-{CANARY}-1",
            refresh=f"refresh-{CANARY}-0",
            until=Millis(NOW_MS + 21_599_000),
        )
        assert [each.target for each in made.kakao.received] == ["/oauth/token", MEMO, MEMO]


async def test_a_new_refresh_token_takes_the_place_of_the_old_one() -> None:
    async with world(has=account(left_ms=0), rotates=True) as made:
        assert await made.send() == SENT
        assert made.account().refresh == f"refresh-{CANARY}-1"
        made.clock.ms += 24 * HOUR_MS
        assert await made.send() == SENT
        assert made.account().refresh == f"refresh-{CANARY}-2"


async def test_a_token_that_is_not_believed_is_refreshed_and_it_is_sent_once() -> None:
    async with world() as made:
        made.kakao.access.clear()
        assert await made.send() == SENT
        assert made.kakao.refreshed == 1 and len(made.kakao.sent) == 1
        targets = [each.target for each in made.kakao.received]
    assert targets == [MEMO, "/oauth/token", MEMO]


async def test_one_that_is_not_believed_either_is_not_shown_for_ever() -> None:
    refusal = answers(401, {"code": -401, "msg": CANARY})
    async with world() as made:
        made.kakao.next.extend(
            [refusal, answers(200, {"access_token": "x", "expires_in": 9}), refusal]
        )
        assert await made.send() == Attempt(kind="again", reason="not_authorized", of_one=True)
        assert len(made.kakao.received) == 3


async def test_two_at_once_refresh_once() -> None:
    for is_over in (False, True):
        has = account(left_ms=0 if is_over else HOUR_MS)
        async with world(has=has, rotates=True) as made:
            made.kakao.access.clear()
            found: list[Attempt] = []

            async def send(made: World = made, found: list[Attempt] = found) -> None:
                found.append(await made.send())

            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(send)
            asked = [each for each in made.kakao.received if each.target == "/oauth/token"]
            assert found == [SENT] * 5 and len(asked) == made.kakao.refreshed == 1


async def test_a_refresh_token_that_was_revoked_is_the_end() -> None:
    async with world(has=account(left_ms=0)) as made:
        made.kakao.refresh.clear()
        assert await made.send() == GONE
        assert made.kakao.sent == []


async def test_what_another_server_got_for_the_same_token_is_used() -> None:
    """Both ask at once, and only one of them gets an answer."""
    async with world(has=account(left_ms=0), rotates=True) as made:
        old = made.kept.kept[7]
        made.kakao.refresh = {f"refresh-{CANARY}-9"}
        new = account(number=9)
        made.kakao.access.add(new.access)

        async def other_server() -> None:
            await trio.sleep(0.3)
            await made.kept.replace(old, kept_account(new))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other_server)
            assert await made.send() == SENT
        assert made.kakao.refreshed == 0


async def test_a_new_refresh_token_is_not_lost_where_the_store_is_away() -> None:
    async with world(has=account(left_ms=0), rotates=True) as made:
        made.kept.is_away = True
        assert await made.send() == SENT
        made.clock.ms += 24 * HOUR_MS
        assert await made.send() == SENT
        assert made.account().refresh == f"refresh-{CANARY}-0"
        made.kept.is_away = False
        assert await made.send() == SENT
        assert made.account().refresh == f"refresh-{CANARY}-2"
        assert made.kept.replaced == 1


async def test_what_was_not_kept_gives_way_to_what_its_owner_linked_anew() -> None:
    async with world(has=account(left_ms=0), rotates=True) as made:
        made.kept.is_away = True
        assert await made.send() == SENT
        made.kept.is_away = False
        linked, endpoint = account(number=9), made.kept.kept[7]
        made.kakao.access = {linked.access}  # those from before he took it away are over
        await made.kept.replace(endpoint, kept_account(linked))
        assert [await made.send(), await made.send()] == [SENT, SENT]
        assert made.account() == linked and made.kept.replaced == 1


async def test_what_is_got_for_an_old_link_gives_way_to_a_new_one() -> None:
    async with world(has=account(left_ms=0), rotates=True) as made:
        linked, endpoint = account(number=9), made.kept.kept[7]
        made.kakao.access.add(linked.access)

        async def link_again(exchange: Exchange, request: Received) -> bool:
            await made.kept.replace(endpoint, kept_account(linked))
            said = {"access_token": "x", "refresh_token": "y", "expires_in": 9_999}
            return await answers(200, said)(exchange, request)

        made.kakao.next.append(link_again)
        assert await made.send() == SENT
        assert made.account() == linked and made.kakao.refreshed == 0


async def test_who_was_ended_meanwhile_is_not_written_to() -> None:
    async with world() as made:
        endpoint = made.kept.kept.pop(7)
        assert await made.talk.send(endpoint, note(), Words()) == GONE
        assert made.kakao.received == []


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answers(500), Attempt(kind="again", reason="provider_error")),
        (
            answers(429, None, Retry_After="9"),
            Attempt(kind="again", reason="limited", retry_after_ms=9000),
        ),
        (stall, Attempt(kind="again", reason="no_answer")),
        (cut, Attempt(kind="again", reason="no_answer")),
        (answers(200, {"no": "token"}), Attempt(kind="again", reason="bad_answer")),
        (answers(401, {"error": "invalid_client"}), Attempt(kind="again", reason="not_authorized")),
        (
            answers(400, {"error": "invalid_request"}),
            Attempt(kind="refused", reason="provider_refused"),
        ),
    ],
)
async def test_without_a_token_nothing_was_sent(play: Instead, expected: Attempt) -> None:
    async with world(deadlines_of(play), has=account(left_ms=0)) as made:
        made.kakao.next.append(play)
        assert await made.send() == expected
        assert made.kakao.sent == []


# ---- what is answered


def fault(status: int, code: int) -> Instead:
    return answers(status, {"code": code, "msg": CANARY})


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (fault(403, -402), Attempt(kind="refused", reason="not_authorized", of_one=True)),
        (fault(400, -10), Attempt(kind="again", reason="limited")),
        (fault(429, -10), Attempt(kind="again", reason="limited")),
        (fault(503, -9798), Attempt(kind="again", reason="provider_error")),
        (fault(400, -101), GONE),
        (fault(400, -103), GONE),
        (fault(400, -1), Attempt(kind="unknown", reason="provider_error")),
        (fault(400, -603), Attempt(kind="unknown", reason="provider_error")),
        (fault(400, -2), Attempt(kind="refused", reason="provider_refused")),
        (fault(403, -5), Attempt(kind="refused", reason="not_authorized")),
        (answers(500), Attempt(kind="unknown", reason="provider_error")),
        (
            answers(503, None, Retry_After="4"),
            Attempt(kind="again", reason="provider_error", retry_after_ms=4000),
        ),
        (answers(200, {"result_code": -5}), Attempt(kind="refused", reason="provider_refused")),
        (answers(200, ["?"]), Attempt(kind="unknown", reason="bad_answer")),
        (answers(302), Attempt(kind="unknown", reason="bad_answer")),
        (stall, Attempt(kind="unknown", reason="no_answer")),
        (cut, Attempt(kind="unknown", reason="no_answer")),
    ],
)
async def test_each_answer_has_its_outcome(play: Instead, expected: Attempt) -> None:
    async with world(deadlines_of(play)) as made:
        made.kakao.next.append(play)
        assert await made.send() == expected
        assert len(made.kakao.received) == 1


# ---- the first token


async def test_who_comes_back_with_a_code_has_an_account() -> None:
    async with world() as made:
        made.kakao.codes.add("code")
        found = await made.tokens.first("code")
        assert found is not None and found.id == "123456789"
        assert found.until == NOW_MS + 21_599_000
        form = made.kakao.received[0].body.decode()
        assert "redirect_uri=https%3A%2F%2Fexample.org%2Fback" in form
        assert await made.tokens.first("code") is None  # once


@pytest.mark.parametrize(
    "play", [stall, answers(500), answers(200, {"access_token": "x", "expires_in": 9})]
)
async def test_a_code_that_gives_nothing_gives_no_account(play: Instead) -> None:
    async with world(deadlines_of(play)) as made:
        made.kakao.codes.add("code")
        made.kakao.next.append(play)
        assert await made.tokens.first("code") is None


# ---- addresses


def test_an_account_is_the_same_with_other_tokens() -> None:
    one, two = kept_account(account()), kept_account(account(number=2, left_ms=5))
    assert one != two and identity("kakao_talk", one) == identity("kakao_talk", two) == "123456789"
    reader = AddressReader(discord=read_endpoint("https://x", private=False))
    assert reader.kakao_account(account()).label == "…6789"


async def test_what_is_no_account_is_told() -> None:
    async with world() as made:
        made.kept.kept[7] = structs.replace(made.kept.kept[7], address=f'{{"id": "{CANARY}"}}')
        with pytest.raises(AddressBroken) as broken:
            await made.send()
        assert CANARY not in str(broken.value)


async def test_no_secret_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with world() as made:
        made.kakao.access.clear()
        made.kakao.next.append(fault(401, -401))
        shown = [repr(await made.send()), repr(made.account()), repr(made.tokens), caplog.text]
    app = KakaoApp(
        auth=read_endpoint("https://kauth.kakao.com", private=False),
        api=read_endpoint("https://kapi.kakao.com", private=False),
        rest_key=Kakao.KEY,
        secret=Kakao.SECRET,
        redirect="https://example.org/",
    )
    shown.append(repr(app))
    assert not [each for each in shown if CANARY in each or BODY in each]
