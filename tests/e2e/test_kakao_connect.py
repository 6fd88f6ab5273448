"""Going to Kakao and coming back: whose KakaoTalk it becomes, and whose it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest
import trio
from http_world import HttpWorld, Person
from inbound_world import InboundWorld, open_inbound
from notification_providers import (
    CANARY,
    Kakao,
    KeptAddresses,
    answers,
    posting,
    provided,
    stall,
)

from server.http import kakao_connect
from server.http.kakao_connect import COOKIE, GOING, PAGE, REFUSED, KakaoLogin, SignedState
from server.providers.endpoints import read_endpoint
from server.providers.kakao_tokens import KakaoApp, KakaoTokens
from server.providers.outside_addresses import KakaoAccount

CONNECT, CALLBACK = "/api/notifications/kakao/connect", "/api/notifications/kakao/callback"
OURS = "https://madang.example.org/api/notifications/kakao/callback"
KAKAO_ID = "123456789"


@asynccontextmanager
async def at_kakao(database_url: str, redis_url: str) -> AsyncIterator[tuple[InboundWorld, Kakao]]:
    kakao = Kakao()
    kakao.codes |= {"code1", "code2"}
    async with provided(kakao) as url, posting() as poster:
        base = read_endpoint(url, private=True)
        app = KakaoApp(auth=base, api=base, rest_key=Kakao.KEY, secret=Kakao.SECRET, redirect=OURS)

        def login(http: HttpWorld) -> KakaoLogin:
            tokens = KakaoTokens(poster, app, KeptAddresses(), clock=http.parts.clock)
            return KakaoLogin(app, tokens)

        async with open_inbound(database_url, redis_url, login) as world:
            yield world, kakao


class Going(NamedTuple):
    """A browser that goes to Kakao: where to, and what it holds."""

    url: str
    cookie: str
    attributes: set[str]

    @property
    def asked(self) -> dict[str, str]:
        return {name: each[0] for name, each in parse_qs(urlsplit(self.url).query).items()}


async def go(world: InboundWorld, person: Person) -> Going:
    reply = await world.bots.ask("GET", CONNECT, token=person.token)
    assert reply.status == 200, reply
    cookie, *attributes = reply.headers["Set-Cookie"].split("; ")
    kept = {each for each in attributes if not each.startswith("Expires=")}
    return Going(reply.json["url"], cookie, kept)


async def back(world: InboundWorld, cookie: str | None, **said: str) -> str:
    """Where the browser is sent on to."""
    headers = {} if cookie is None else {"Cookie": cookie}
    reply = await world.bots.ask("GET", f"{CALLBACK}?{urlencode(said)}", headers=headers)
    assert reply.status == 303, reply
    assert f"{COOKIE}=;" in reply.headers["Set-Cookie"]  # it is of no use any more
    assert "Max-Age=0" in reply.headers["Set-Cookie"]
    return str(reply.headers["Location"])


async def kinds(world: InboundWorld, person: Person) -> list[tuple[str, str]]:
    found = await world.endpoints.of_user(await world.number(person))
    return [(each.kind, each.label) for each in found]


async def test_one_is_sent_to_kakao_with_what_it_wants(database_url: str, redis_url: str) -> None:
    async with at_kakao(database_url, redis_url) as (world, _):
        going = await go(world, await world.http.person())
        assert urlsplit(going.url).path == "/oauth/authorize"
        state = going.asked["state"]
        assert going.asked == {
            "response_type": "code",
            "client_id": Kakao.KEY,
            "redirect_uri": OURS,
            "scope": "talk_message",
            "state": state,
        }
        assert going.attributes == {
            *("Secure", "HttpOnly", "Max-Age=600", "SameSite=Lax"),
            "Path=/api/notifications/kakao",
        }
        anybody = await world.bots.ask("GET", CONNECT)
        assert anybody.status == 401


async def test_who_comes_back_is_reached_in_kakaotalk(database_url: str, redis_url: str) -> None:
    async with at_kakao(database_url, redis_url) as (world, kakao):
        ann = await world.http.person()
        going = await go(world, ann)
        to = await back(world, going.cookie, code="code1", state=going.asked["state"])
        assert to == PAGE == "/#/notifications"
        assert await kinds(world, ann) == [("kakao_talk", "…6789")]
        found = await world.endpoints.find("kakao", "kakao_talk", KAKAO_ID)
        assert found == await world.number(ann)
        sql = "SELECT endpoint_no, sealed FROM notification_endpoints"
        [row] = await world.database.fetch(sql)
        assert CANARY.encode() not in row["sealed"]
        opened = await world.endpoints.address(row["endpoint_no"])
        assert opened is not None
        account = msgspec.json.decode(opened.address, type=KakaoAccount)
        assert account.access in kakao.access and account.refresh in kakao.refresh


async def test_another_browser_cannot_bring_it(database_url: str, redis_url: str) -> None:
    async with at_kakao(database_url, redis_url) as (world, _):
        ann, eve = await world.http.person(), await world.http.person()
        going, other = await go(world, eve), await go(world, ann)
        state = going.asked["state"]
        for cookie in (None, other.cookie, f"{COOKIE}=", f"{COOKIE}=x", "other=1"):
            assert await back(world, cookie, code="code1", state=state) == REFUSED
        assert await kinds(world, ann) == await kinds(world, eve) == []
        assert await back(world, going.cookie, code="code1", state=state) == PAGE


async def test_a_state_that_is_late_or_was_not_made_here_is_worth_nothing(
    database_url: str, redis_url: str
) -> None:
    async with at_kakao(database_url, redis_url) as (world, _):
        ann, eve = await world.http.person(), await world.http.person()
        going = await go(world, eve)
        state, nonce = going.asked["state"], going.cookie.partition("=")[2]
        _, until, *_ = state.split(".")
        as_ann = f"{await world.number(ann)}{state[state.index('.') :]}"
        forged = SignedState(b"x" * 32).made(await world.number(eve), int(until), nonce)
        for said in (
            as_ann,
            forged,
            "",
            ".",
            "1.2.3",
            state[:-1],
            state + "0",
            "\u0661.2.x." + "0" * 64,
        ):
            assert await back(world, going.cookie, code="code1", state=said) == REFUSED
        world.clock.ms += 600_000
        assert await back(world, going.cookie, code="code1", state=state) == REFUSED
        world.clock.ms -= 1
        assert await back(world, going.cookie, code="code1", state=state) == PAGE


async def test_who_does_not_agree_is_sent_back_as_he_was(database_url: str, redis_url: str) -> None:
    async with at_kakao(database_url, redis_url) as (world, kakao):
        ann = await world.http.person()

        async def to(**said: str) -> str:
            going = await go(world, ann)
            return await back(world, going.cookie, state=going.asked["state"], **said)

        said = {"error": "access_denied", "error_description": "User denied access"}
        assert await to(**said) == REFUSED
        assert await to(code="never given") == REFUSED
        kakao.next.append(answers(503))
        assert await to(code="code1") == REFUSED
        going = await go(world, ann)
        sql = "UPDATE users SET status = 'suspended' WHERE user_id = $1"
        await world.database.execute(sql, ann.id)
        state = going.asked["state"]
        assert await back(world, going.cookie, state=state, code="code2") == REFUSED
        assert "code2" in kakao.codes  # nobody was asked for it
        assert await kinds(world, ann) == []


async def test_one_comes_back_once(database_url: str, redis_url: str) -> None:
    async with at_kakao(database_url, redis_url) as (world, kakao):
        ann = await world.http.person()
        for said in ({"code": "code1"}, {"error": "access_denied"}, {"code": "never given"}):
            going = await go(world, ann)
            state = going.asked["state"]
            first = await back(world, going.cookie, state=state, **said)
            assert first == (PAGE if said == {"code": "code1"} else REFUSED)
            asked = len(kakao.received)
            assert await back(world, going.cookie, state=state, code="code2") == REFUSED
            assert len(kakao.received) == asked and "code2" in kakao.codes


async def test_one_goes_to_kakao_so_often_and_no_more(database_url: str, redis_url: str) -> None:
    async with at_kakao(database_url, redis_url) as (world, _):
        ann, ben = await world.http.person(), await world.http.person()
        for _ in range(int(GOING.burst)):
            await go(world, ann)
        reply = await world.bots.ask("GET", CONNECT, token=ann.token)
        assert reply.status == 429 and "Set-Cookie" not in reply.headers
        await go(world, ben)


async def test_who_waits_for_kakao_waits_so_long(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kakao_connect, "WITHIN_S", 0.3)
    async with at_kakao(database_url, redis_url) as (world, kakao):
        ann = await world.http.person()
        going = await go(world, ann)
        kakao.next.append(stall)
        with trio.fail_after(4):  # less than a provider may take
            to = await back(world, going.cookie, code="code1", state=going.asked["state"])
        assert to == REFUSED and await kinds(world, ann) == []


async def test_without_an_app_there_is_nowhere_to_go(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person()
        assert (await world.bots.ask("GET", CONNECT, token=ann.token)).status == 404
        assert (await world.bots.ask("GET", f"{CALLBACK}?code=c&state=s")).status == 404
