"""AlimTalk, against a server that checks signatures and templates."""

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
    Instead,
    Sens,
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
from server.providers.alimtalk import AlimTalk, SensAccount
from server.providers.endpoints import read_endpoint
from server.providers.outside_addresses import AddressReader, read_phone
from server.providers.posting import Deadlines

PHONE = "01098765432"
REMINDER = note(platform="kakao", type="calendar.reminder")


class World(NamedTuple):
    talk: AlimTalk
    sens: Sens
    clock: SetClock

    async def send(self, type: str = "calendar.reminder", words: Words = Words()) -> Attempt:  # noqa: A002, B008
        return await self.talk.send(opened("alimtalk", PHONE), note(type=type), words)


def account(base: str, **fields: object) -> SensAccount:
    given: dict[str, object] = {
        "api": read_endpoint(base, private=True),
        "access_key": Sens.ACCESS,
        "secret_key": Sens.SECRET,
        "service_id": Sens.SERVICE,
        "channel": Sens.CHANNEL,
        "templates": {"calendar.reminder": Sens.TEMPLATE, "meeting.confirmed": "unknown"},
    }
    return SensAccount(**(given | fields))  # type: ignore[arg-type]


@asynccontextmanager
async def world(deadlines: Deadlines = PATIENT, **fields: object) -> AsyncIterator[World]:
    clock = SetClock()
    sens = Sens(clock)
    async with provided(sens) as base, posting(deadlines) as poster:
        talk = AlimTalk(poster, account(base, **fields), clock=clock)
        with trio.fail_after(30):
            yield World(talk, sens, clock)


async def test_a_notification_fits_the_template_and_no_sms_comes_instead() -> None:
    async with world() as made:
        attempt = await made.send()
        (received,), (sent,) = made.sens.received, made.sens.sent
    assert attempt == Attempt(kind="sent", provider_ref="aa724ca6-66dfc1a700e7")
    assert received.method == "POST"
    assert received.headers["content-type"] == "application/json; charset=utf-8"
    assert sent == {"to": PHONE, "content": f"{TITLE}\n{BODY}", "useSmsFailover": False}


async def test_it_is_signed_by_the_time_it_is_sent() -> None:
    async with world() as made:
        for _ in range(2):
            made.clock.ms += 3_600_000
            assert (await made.send()).kind == "sent"
    async with world(secret_key=f"wrong-{CANARY}") as made:
        assert await made.send() == Attempt(kind="again", reason="not_authorized")
        assert made.sens.sent == []


async def test_a_type_without_a_template_is_not_sent() -> None:
    async with world() as made:
        assert await made.send("friend.request") == Attempt(kind="refused", reason="no_provider")
        assert made.sens.received == []


async def test_a_template_may_be_for_all_other_types() -> None:
    templates = {"*": Sens.TEMPLATE, "calendar.reminder": "unknown"}
    async with world(templates=templates) as made:
        assert (await made.send("friend.request")).kind == "sent"
        refused = Attempt(kind="refused", reason="provider_refused")
        assert await made.send("calendar.reminder") == refused


async def test_a_code_has_a_template_of_its_own() -> None:
    templates = {"*": "unknown", "verification": Sens.TEMPLATE}
    async with world(templates=templates) as made:
        assert (await made.talk.send_code(PHONE, "012345")).kind == "sent"
        assert made.sens.sent[0]["to"] == PHONE
        assert made.sens.sent[0]["content"] == "마당 인증번호 012345\n10분 안에 입력해 주세요."
    async with world(templates={"*": Sens.TEMPLATE}) as made:
        refused = Attempt(kind="refused", reason="no_provider")
        assert await made.talk.send_code(PHONE, "012345") == refused
        assert made.sens.received == []


async def test_a_request_that_was_taken_and_refused_is_refused() -> None:
    async with world() as made:
        refused = Attempt(kind="refused", reason="provider_refused")
        assert await made.send("meeting.confirmed") == refused


async def test_a_text_has_its_bound() -> None:
    async with world() as made:
        await made.send(words=Words("t", "글" * 2000))
        assert len(made.sens.sent[0]["content"]) == 1000


async def test_nothing_can_be_taken_back() -> None:
    async with world() as made:
        attempt = await made.talk.take_back(opened("alimtalk", PHONE), REMINDER)
        assert attempt.kind == "refused" and made.sens.received == []


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answers(400), Attempt(kind="refused", reason="provider_refused")),
        (answers(403), Attempt(kind="refused", reason="not_authorized")),
        (
            answers(429, None, Retry_After="3"),
            Attempt(kind="again", reason="limited", retry_after_ms=3000),
        ),
        (answers(500), Attempt(kind="unknown", reason="provider_error")),
        (answers(504), Attempt(kind="unknown", reason="provider_error")),
        (answers(503), Attempt(kind="again", reason="provider_error")),
        (redirect, Attempt(kind="refused", reason="provider_refused")),
        (stall, Attempt(kind="unknown", reason="no_answer")),
        (cut, Attempt(kind="unknown", reason="no_answer")),
        (answers(202), Attempt(kind="unknown", reason="bad_answer")),
        (answers(202, {"messages": []}), Attempt(kind="unknown", reason="bad_answer")),
        (answers(202, {"messages": [{"requestStatusCode": "A000"}]}), Attempt(kind="sent")),
        (
            answers(202, {"messages": [{"requestStatusCode": "A000", "messageId": "=1+2"}]}),
            Attempt(kind="sent"),
        ),
    ],
)
async def test_each_answer_has_its_outcome(play: Instead, expected: Attempt) -> None:
    async with world(deadlines_of(play)) as made:
        made.sens.next.append(play)
        assert await made.send() == expected
        assert len(made.sens.received) == 1


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+82 10-9876-5432", PHONE),
        ("+821098765432", PHONE),
        ("+82 (0)10 9876 5432", PHONE),
        ("010-9876-5432", PHONE),
    ],
)
def test_a_phone_of_korea_is_read(text: str, digits: str) -> None:
    reader = AddressReader(discord=read_endpoint("https://x", private=False))
    new = reader.phone(text)
    assert (new.platform, new.kind, new.address, new.label) == (
        "kakao",
        "alimtalk",
        digits,
        "010…5432",
    )


@pytest.mark.parametrize("text", ["", "12", "+1 202 555 0100", "02-123-4567", "010-9876-543x"])
def test_no_other_phone_is(text: str) -> None:
    with pytest.raises(ValueError, match="must be a mobile phone") as refused:
        read_phone(text)
    assert not text or text not in str(refused.value)


async def test_no_secret_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with world() as made:
        made.sens.next.append(answers(500, {"said": CANARY + PHONE}))
        shown = [repr(await made.send()), repr(await made.send()), caplog.text]
    shown += [repr(account("https://x")), repr(opened("alimtalk", PHONE))]
    assert not [each for each in shown if CANARY in each or PHONE in each or BODY in each]
