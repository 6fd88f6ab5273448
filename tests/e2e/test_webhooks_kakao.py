"""The skill of a KakaoTalk channel's bot: whom it believes, and what is said in either language."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
import trio
from inbound_world import KAKAO, KAKAO_SECRET, open_inbound, payload

from actors.notification_records import Decision, WaitingLeg
from server.http.raw_bodies import LARGEST
from server.http.webhooks_kakao import KakaoWebhook, SkillPayload, Utterance
from server.inbound import Said

ANN, BOB = "bot-user-key-ann", "bot-user-key-bob"


async def test_only_who_knows_the_secret_is_believed(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        body = payload("알림", ANN)
        assert (await world.skill(body)).status == 200
        for secret in (
            "",
            "x",
            KAKAO_SECRET[:-1],
            KAKAO_SECRET + "x",
            "비밀".encode().decode("l1"),
        ):
            reply = await world.skill(body, secret=secret)
            assert (reply.status, reply.json["code"]) == (401, "unauthenticated")
        without = await world.bots.ask("POST", KAKAO, raw=b"\xff" * 2_000_000)
        assert without.status == 401
        open_to_all = KakaoWebhook(world.inbound, world.promptly, secret=None)
        world.bots = world.served(open_to_all.routes())
        for secret in (KAKAO_SECRET, ""):
            assert (await world.skill(body, secret=secret)).status == 404


async def test_odd_bodies_are_refused(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        assert (await world.skill(b"\xff{")).status == 400
        assert (await world.skill({})).status == 400
        assert (await world.skill({"userRequest": {"user": {}, "utterance": "알림"}})).status == 400
        assert (await world.skill(b" " * LARGEST + b"{}")).status == 413


async def test_who_is_unknown_is_told_how_to_link(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        for utterance in ("알림", "읽음 1", "안녕", ""):
            text, quick = await world.kakao(utterance)
            assert "연결 ABCD2345" in text and quick == []
        assert "link ABCD2345" in (await world.kakao("list"))[0]


@pytest.mark.parametrize("said", ["연결 {}", "연동  {}", "link {}", "{}", "연결 {0[0]} - {0[1]}"])
async def test_a_code_links(database_url: str, redis_url: str, said: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person(username="ann")
        code = await world.code(ann, "kakao")
        halves = said.format((code[:4], code[4:])) if "[" in said else said.format(code.lower())
        text, quick = await world.kakao(halves, user=ANN)
        assert "ann" in text and quick == (["List"] if "link" in said else ["알림"])
        assert await world.endpoints.find("kakao", "kakao_bot", ANN) == await world.number(ann)
        [kept] = await world.endpoints.of_user(await world.number(ann))
        assert (kept.platform, kept.kind, kept.label) == ("kakao", "kakao_bot", "…-ann")


async def test_a_code_may_come_as_the_block_s_parameter(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person(username="ann")
        code = await world.code(ann, "kakao")
        discord = await world.code(ann, "discord")
        text, _ = await world.kakao("연결", params={"code": discord})
        assert "맞지 않거나" in text
        text, _ = await world.kakao("연결", params={"code": code})
        assert text == "ann님의 계정과 연결되었습니다."


async def test_what_is_unread_is_listed_with_quick_replies(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("kakao", ANN)
        assert await world.kakao("알림", user=ANN) == ("읽지 않은 알림이 없습니다.", ["알림"])
        for kind in ("calendar.reminder", "meeting.invitation", "friend.request"):
            world.clock.ms += 1
            await world.tell(ann, kind, kind, message="보세요\n지금")
        text, quick = await world.kakao("알림", user=ANN)
        assert text.split("\n") == [
            "읽지 않은 알림 3개",
            "1. friend.request · 보세요 지금",
            "2. meeting.invitation · 보세요 지금",
            "3. calendar.reminder · 보세요 지금",
        ]
        answers = ["수락 1", "거절 1", "수락 2", "거절 2"]
        assert quick == [*answers, "읽음 1", "읽음 2", "읽음 3", "모두 읽음"]
        text, quick = await world.kakao("list", user=ANN)
        assert text.startswith("Unread notifications: 3") and quick[-1] == "Read all"


async def test_a_long_list_is_as_long_as_kakao_takes(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("kakao", ANN)
        for _ in range(9):
            world.clock.ms += 1
            await world.tell(ann, "meeting.invitation", "가" * 255, message="나" * 400)
        text, quick = await world.kakao("알림", user=ANN)
        assert text.startswith("읽지 않은 알림 9개") and text.endswith("그 밖에 4개가 더 있습니다.")
        assert len(text) <= 1_000 and len(quick) == 10
        assert all(len(label) <= 14 for label in quick)


async def test_reading_and_answering(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("kakao", ANN)
        eve = await world.http.person(username="eve")
        sender = await world.number(eve)
        for title in ("alarm", "other"):
            world.clock.ms += 1
            await world.tell(ann, "calendar.reminder", title)
        world.clock.ms += 1
        await world.tell(ann, "friend.request", "eve", sender_no=sender)
        assert "몇 번 알림인지" in (await world.kakao("읽음 1", user=ANN))[0]
        await world.kakao("알림", user=ANN)
        assert "몇 번 알림인지" in (await world.kakao("읽음", user=ANN))[0]
        assert (await world.kakao("읽음 2번", user=ANN))[0] == "1개를 읽음으로 표시했습니다."
        assert await world.unread(ann) == ["eve", "alarm"]
        assert (await world.kakao("거절 1", user=ANN))[0] == "거절했습니다."
        await world.place()
        assert await world.listed(eve) == []
        assert (await world.kakao("Accept 1", user=ANN))[0] == "You have declined that before."
        await world.place()
        assert await world.listed(eve) == []
        world.clock.ms += 1
        await world.tell(ann, "friend.request", "eve again", sender_no=sender)
        await world.kakao("알림", user=ANN)
        assert (await world.kakao("Accept 1", user=ANN))[0] == "Accepted."
        await world.place()
        [told] = await world.listed(eve)
        assert told.type == "friend.accepted" and told.title.endswith("친구 요청을 수락했습니다")
        assert (await world.kakao("수락", user=ANN, params={"number": "2"}))[0] == (
            "답할 수 있는 초대가 아닙니다."
        )
        assert (await world.kakao("모두 읽음", user=ANN))[0] == "1개를 읽음으로 표시했습니다."
        assert await world.unread(ann) == []


async def test_the_numbers_of_one_are_not_another_s(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann, bob = await world.linked("kakao", ANN), await world.linked("kakao", BOB)
        for person in (ann, bob):
            await world.tell(person, "calendar.reminder", "alarm")
        await world.kakao("알림", user=ANN)
        assert "몇 번 알림인지" in (await world.kakao("읽음 1", user=BOB))[0]
        await world.kakao("읽음 1", user=ANN)
        assert (await world.unread(ann), await world.unread(bob)) == ([], ["alarm"])


async def test_a_bot_that_cannot_speak_first_is_no_way_to_somebody(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("kakao", ANN)
        found: list[WaitingLeg] = []

        def hold(legs: Sequence[WaitingLeg]) -> Sequence[Decision]:
            found.extend(legs)
            return [Decision(leg_no=leg.leg_no, kind="skip", reason="no_endpoint") for leg in legs]

        await world.keep(ann, "calendar.reminder", "alarm", platforms=("kakao",))
        await world.queue.place(hold, now=world.clock.now_ms(), most=9)
        assert [leg.endpoints for leg in found] == [()]


async def test_help_is_what_else_is_said(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        await world.linked("kakao", ANN)
        text, quick = await world.kakao("오늘 날씨 어때?", user=ANN)
        assert text.startswith("이렇게 보내 주세요") and quick == ["알림"]
        spoken = payload("hello", ANN)
        spoken["userRequest"]["lang"] = "en"
        reply = await world.skill(spoken)
        [output] = reply.json["template"]["outputs"]
        assert output["simpleText"]["text"].startswith("Send one of these")


async def test_the_answer_is_in_time_though_the_store_hangs(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("kakao", ANN)
        await world.tell(ann, "calendar.reminder", "alarm")
        begun = trio.current_time()
        async with world.database.transaction() as other:
            await other.execute("LOCK notifications IN ACCESS EXCLUSIVE MODE")
            assert "늦어지고" in (await world.kakao("모두 읽음", user=ANN))[0]
            assert 3.5 < trio.current_time() - begun < 5


async def test_a_chat_with_a_bot_is_a_session(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("kakao", ANN)
        number = await world.number(ann)
        world.clock.ms += 5
        await world.kakao("알림", user=ANN)
        await world.kakao("알림", user=BOB)  # whom nobody knows
        await world.live.round()
        [chat] = await world.store.of(number)
        assert (chat.session_type, chat.last_activity) == ("kakao", world.clock.ms)
        assert ANN not in chat.session_id
        assert list(await world.cache.of(number)) == [chat]
        world.clock.ms += 5
        await world.kakao("알림", user=ANN)
        await world.live.round()
        [later] = await world.store.of(number)
        assert later == chat._replace(last_activity=chat.last_activity + 5)
        path = "/api/notifications/sessions"
        shown = await world.bots.ask("GET", path, token=ann.token)
        assert [each["type"] for each in shown.json["sessions"]] == ["kakao"]
        ended = await world.bots.ask("DELETE", f"{path}/{chat.session_id}", token=ann.token)
        assert (ended.status, ended.json["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("utterance", "act", "what"),
    [
        ("알림", "list", ""),
        ("목록 보여줘", "list", ""),
        ("READ 3", "read", "3"),
        ("읽음 모두", "read", "all"),
        ("read all", "read", "all"),
        ("전체 읽기", "read", "all"),
        ("수락 12번", "accept", "12"),
        ("거절 이번", "decline", ""),
        ("abcd-2345", "link", "abcd-2345"),
        ("ABCD2340", "help", ""),  # no code has a zero
        ("안녕하세요", "help", ""),
    ],
)
def test_what_is_meant(utterance: str, act: str, what: str) -> None:
    asked = {"user": {"id": "u"}, "utterance": utterance}
    said = Utterance.of(msgspec.convert({"userRequest": asked}, SkillPayload)).said
    assert said == Said(act, what)  # type: ignore[arg-type]
