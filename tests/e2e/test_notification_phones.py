"""Phones over HTTP: who says the code that was sent to one has it, and nobody else does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from http_world import KEY, HttpWorld, Person, open_http
from notification_calls import ask, good, refused
from notification_providers import Sens, answers, provided

from server.settings import Place, read_settings

PATH = "/endpoints/kakao"
PHONE, DIGITS, LABEL = "010-1234-5678", "01012345678", "010…5678"


class World:
    """People, and a server of AlimTalk that their codes go through."""

    def __init__(self, http: HttpWorld, sens: Sens) -> None:
        self.http, self.sens = http, sens

    async def person(self, phone: str | None = PHONE) -> Person:
        person = await self.http.person()
        await self.has(person, phone)
        return person

    async def has(self, person: Person, phone: str | None) -> None:
        """What is in somebody's profile."""
        reply = await self.http.ask("PATCH", "/api/v1/me", {"phone": phone}, token=person.token)
        assert reply.status == 200

    async def begin(self, person: Person) -> str:
        """The code that the phone is sent."""
        reply = await ask(self.http, person, "POST", PATH, {})
        assert reply.status == 202, reply
        code = self.code()
        assert code not in reply.text
        return code

    def code(self) -> str:
        found = re.search(r"\b\d{6}\b", self.sens.sent[-1]["content"])
        assert found is not None
        return found[0]

    async def say(self, person: Person, code: str) -> int:
        """The status of what is answered to a code."""
        return (await ask(self.http, person, "POST", PATH, {"code": code})).status

    async def labels(self, person: Person) -> list[str]:
        endpoints = (await good(self.http, person, "GET", "/endpoints"))["endpoints"]
        return [each["label"] for each in endpoints]


@asynccontextmanager
async def open_world(
    database_url: str, templates: str = f"verification={Sens.TEMPLATE}"
) -> AsyncIterator[World]:
    clock: Any = None
    sens = Sens(clock)
    async with provided(sens) as base:
        environ = {
            "MADANG_PRIVATE_ADDRESSES": "1",
            "MADANG_SENS_API_URL": base,
            "MADANG_SENS_ACCESS_KEY": Sens.ACCESS,
            "MADANG_SENS_SECRET_KEY": Sens.SECRET,
            "MADANG_SENS_SERVICE_ID": Sens.SERVICE,
            "MADANG_SENS_CHANNEL": Sens.CHANNEL,
            "MADANG_SENS_TEMPLATES": templates,
        }
        place = Place(Path("data"), None, None)
        settings = read_settings(environ, place, host="127.0.0.1", port=0, token_key=KEY)
        async with open_http(database_url, settings=settings) as http:
            clock = http.parts.clock
            sens._clock = clock
            yield World(http, sens)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_alimtalk_goes_to_a_phone_whose_code_was_said(database_url: str) -> None:
    async with open_world(database_url) as world:
        bob = await world.person()
        begun = await ask(world.http, bob, "POST", PATH, {})
        assert (begun.status, begun.json["label"]) == (202, LABEL)
        [told] = world.sens.sent
        assert told["to"] == DIGITS and "인증번호" in told["content"]
        assert await world.labels(bob) == []
        assert await refused(world.http, bob, "POST", PATH, {"code": "12345"}) == (400, "code")
        wrong = {"code": other_than(world.code())}
        assert await refused(world.http, bob, "POST", PATH, wrong) == (400, "code")
        made = await good(world.http, bob, "POST", PATH, {"code": world.code()})
        assert (made["platform"], made["kind"], made["label"]) == ("kakao", "alimtalk", LABEL)
        assert await world.labels(bob) == [LABEL]
        assert await world.say(bob, world.code()) == 400


async def test_a_number_in_a_profile_takes_nothing_from_who_has_the_phone(
    database_url: str,
) -> None:
    async with open_world(database_url) as world:
        ann, thief = await world.person(), await world.person()
        assert await world.say(ann, await world.begin(ann)) == 201
        code = await world.begin(thief)
        assert await world.say(thief, other_than(code)) == 400
        assert (await world.labels(ann), await world.labels(thief)) == ([LABEL], [])
        assert await world.say(thief, code) == 201  # it is his phone now
        assert (await world.labels(ann), await world.labels(thief)) == ([], [LABEL])


async def test_a_code_is_of_the_phone_that_it_was_sent_to(database_url: str) -> None:
    async with open_world(database_url) as world:
        bob = await world.person("010-8765-4321")
        code = await world.begin(bob)
        await world.has(bob, PHONE)
        assert await world.say(bob, code) == 400
        assert await world.labels(bob) == []


async def test_an_endpoint_keeps_the_phone_that_was_proven(database_url: str) -> None:
    async with open_world(database_url) as world:
        bob = await world.person()
        assert await world.say(bob, await world.begin(bob)) == 201
        await world.has(bob, "010-8765-4321")
        assert await world.labels(bob) == [LABEL]
        await world.has(bob, None)
        assert await world.labels(bob) == [LABEL]


async def test_a_phone_is_sent_two_codes_at_once_whoever_asks(database_url: str) -> None:
    async with open_world(database_url) as world:
        ann, bob, chris = [await world.person() for _ in range(3)]
        for person in (ann, bob):
            await world.begin(person)
        for person in (bob, chris):
            assert await refused(world.http, person, "POST", PATH, {}) == (429, "rate_limited")
        assert len(world.sens.sent) == 2
        assert await world.say(bob, world.code()) == 201


async def test_one_asks_for_two_codes_at_once_whatever_the_phone(database_url: str) -> None:
    async with open_world(database_url) as world:
        bob = await world.person()
        for number in range(2):
            await world.has(bob, f"010-0000-000{number}")
            await world.begin(bob)
        await world.has(bob, "010-0000-0009")
        assert await refused(world.http, bob, "POST", PATH, {}) == (429, "rate_limited")
        assert len(world.sens.sent) == 2


async def test_without_a_phone_there_is_none_to_prove(database_url: str) -> None:
    async with open_world(database_url) as world:
        bob = await world.person(None)
        assert await refused(world.http, bob, "POST", PATH, {}) == (409, "conflict")
        await world.has(bob, "+1 202 555 0100")
        assert await refused(world.http, bob, "POST", PATH, {}) == (409, "conflict")
        assert world.sens.sent == []


@pytest.mark.parametrize("templates", ["*=any", "calendar.reminder=remind"])
async def test_without_a_template_for_codes_no_phone_is_added(
    database_url: str, templates: str
) -> None:
    async with open_world(database_url, templates) as world:
        bob = await world.person()
        for body in ({}, {"code": "123456"}):
            assert await refused(world.http, bob, "POST", PATH, body) == (404, "not_found")
        assert len(world.sens.received) == 0


async def test_what_could_not_be_sent_is_said(database_url: str) -> None:
    async with open_world(database_url) as world:
        for number, status in enumerate((401, 503)):
            bob = await world.person(f"010-0000-000{number}")
            world.sens.next.append(answers(status))
            assert await refused(world.http, bob, "POST", PATH, {}) == (503, "unavailable")
        world.sens.next.append(answers(500))  # nobody knows: he may have it
        assert (await ask(world.http, bob, "POST", PATH, {})).status == 202


async def test_a_code_is_in_no_log_and_in_no_data(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    async with open_world(database_url) as world:
        with structlog.testing.capture_logs() as logs:
            bob = await world.person()
            code = await world.begin(bob)
            await world.say(bob, other_than(code))
            kept = await world.http.database.fetch("SELECT l::text FROM notification_links l")
            assert len(kept) == 1
            assert await world.say(bob, code) == 201
        rows = await world.http.database.fetch("SELECT e::text FROM notification_endpoints e")
    for each in (str(kept), str(rows), str(logs), str(world.http.log.errors), caplog.text):
        assert not re.search(rf"\b{code}\b", each) and DIGITS not in each and PHONE not in each
