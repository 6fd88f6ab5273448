"""Discord's webhook: what it believes, and what its users may do."""

from __future__ import annotations

from typing import Any

import trio
import trio.testing
from inbound_world import DISCORD, PUBLIC_KEY, InboundWorld, open_inbound

from server.http.raw_bodies import LARGEST
from server.http.webhooks_discord import COMMANDS, DiscordWebhook
from server.promptly import Promptly

PING = {"type": 1, "id": "1", "application_id": "2", "version": 1}
ANN, BOB = "80351110224678912", "80351110224678913"


async def test_a_ping_gets_its_pong(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        reply = await world.discord(PING)
        assert (reply.status, reply.json) == (200, {"type": 1})


async def test_only_what_discord_signed_just_now_is_believed(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        now = world.clock.now_ms() // 1000
        for believed in (now - 300, now + 300):
            assert (await world.discord(PING, at=believed)).status == 200
        refused: list[dict[str, Any]] = [
            {"at": now - 301},
            {"at": now + 301},
            {"signed": b"something else"},
            {"headers": {"X-Signature-Timestamp": str(now + 1)}},
            {"headers": {"X-Signature-Timestamp": ""}},
            {"headers": {"X-Signature-Timestamp": "now"}},
            {"headers": {"X-Signature-Timestamp": "9" * 20}},
            {"headers": {"X-Signature-Ed25519": ""}},
            {"headers": {"X-Signature-Ed25519": "no hex" * 10}},
            {"headers": {"X-Signature-Ed25519": "ab" * 63}},
            {"headers": {"X-Signature-Ed25519": "ab" * 64}},
        ]
        for more in refused:
            reply = await world.discord(PING, **more)
            assert (reply.status, reply.json["code"]) == (401, "unauthenticated"), more
        bare = await world.bots.ask("POST", DISCORD, PING)
        assert (bare.status, bare.json["code"]) == (401, "unauthenticated")


async def test_bytes_are_checked_before_anybody_reads_them(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        assert (await world.discord(b"\xff{", signed=b"{}")).status == 401
        assert (await world.discord(b"\xff{")).status == 400
        assert (await world.discord(b'{"type": "PING"}')).status == 400
        assert (await world.discord({"type": 2, "data": {"name": "read"}})).status == 400
        assert (await world.discord(b'{ "type" :\n1 }')).json == {"type": 1}
        large = b" " * LARGEST + b'{"type": 1}'
        assert (await world.discord(large)).status == 413
        assert (await world.discord(large, signed=b"")).status == 413


async def test_who_is_unknown_is_told_how_to_link_in_his_language(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        for name in ("notifications", "read", "accept", "never heard"):
            assert "/link" in (await world.command(name, locale="ko"))["content"]
        assert "No account is linked" in (await world.command("read", locale="en-US"))["content"]
        assert "No account is linked" in (await world.command("read", locale="ja"))["content"]
        assert "연결된 계정이 없습니다" in (await world.press("read:note000000000001"))["content"]


async def test_help_names_every_command(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        await world.linked("discord", ANN)
        for locale in ("ko", "en-US"):
            content = (await world.command("never heard", user=ANN, locale=locale))["content"]
            assert [each for each in COMMANDS if f"/{each} " not in content] == []


async def test_a_code_links_once_and_makes_him_reachable(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person(username="ann")
        code = await world.code(ann, "discord")
        said = await world.command("link", f" {code[:4].lower()}-{code[4:]} ", user=ANN)
        assert said["content"] == "ann님의 계정과 연결되었습니다."
        assert await world.endpoints.find("discord", "discord_bot", ANN) == await world.number(ann)
        [kept] = await world.endpoints.of_user(await world.number(ann))
        assert (kept.platform, kept.kind, kept.label) == ("discord", "discord_bot", "…8912")
        again = await world.command("link", code, user=BOB, locale="en-GB")
        assert again["content"].startswith("The code is wrong or out of date")
        assert await world.endpoints.find("discord", "discord_bot", BOB) is None


async def test_it_can_be_another_s_later(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        bob = await world.linked("discord", ANN)
        assert await world.endpoints.find("discord", "discord_bot", ANN) == await world.number(bob)
        assert await world.endpoints.of_user(await world.number(ann)) == []


async def test_codes_cannot_be_guessed_for_long(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person()
        code = await world.code(ann, "discord")
        for _ in range(4):
            assert "코드" in (await world.command("link", "22222222", user=BOB))["content"]
        assert "코드" in (await world.command("link", "x", user=BOB))["content"]
        late = await world.command("link", code, user=BOB, locale="en-US")
        assert late["content"].startswith("Too many tries")
        # Another is not kept from it, and who is right may try on.
        assert "연결되었습니다" in (await world.command("link", code, user=ANN))["content"]
        for _ in range(5):
            assert "맞지 않거나" in (await world.command("link", "22222222", user=ANN))["content"]


async def test_what_is_unread_is_listed_with_buttons(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        assert (await world.command("notifications"))["content"] == "읽지 않은 알림이 없습니다."
        conflict = await world.tell(
            ann,
            "calendar.conflict",
            "*두* 일정",
            message="[여기](https://example.org)\n010-1234-5678",
        )
        world.clock.ms += 1
        meeting = await world.tell(ann, "meeting.invitation", "점심")
        said = await world.command("notifications", locale="en-US")
        first, one, two = said["content"].split("\n")
        assert first == "Unread notifications\\: 2"
        assert one == "1. 점심"
        assert two.startswith("2. \\*두\\* 일정 · \\[여기\\]\\(https\\://example.org\\)")
        assert "1234" not in two
        rows = [[each["custom_id"] for each in row["components"]] for row in said["components"]]
        assert rows == [
            [f"accept:{meeting}", f"decline:{meeting}", f"read:{meeting}"],
            [f"read:{conflict}"],
        ]
        labels = [each["label"] for row in said["components"] for each in row["components"]]
        assert labels == ["Accept 1", "Decline 1", "Read 1", "Read 2"]


async def test_of_many_the_newest_are_listed(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        for number in range(7):
            world.clock.ms += 1
            await world.tell(ann, "calendar.reminder", f"알림 {number} " + "가" * 200)
        said = await world.command("notifications")
        lines = said["content"].split("\n")
        assert lines[0] == "읽지 않은 알림 7개" and lines[-1] == "그 밖에 2개가 더 있습니다."
        assert [line[:7] for line in lines[1:-1]] == [
            f"{place}. 알림 {7 - place}" for place in range(1, 6)
        ]
        assert len(said["content"]) <= 2_000 and len(said["components"]) == 5


async def test_what_is_read_there_is_read_here(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        socket = await world.socket(ann)
        ids = []
        for title in ("a", "b", "c", "d"):
            world.clock.ms += 1
            ids.append(await world.tell(ann, "calendar.reminder", title))
        assert "읽음으로 표시" in (await world.press(f"read:{ids[0]}"))["content"]
        assert "이미 읽었거나" in (await world.press(f"read:{ids[0]}"))["content"]
        assert await world.unread(ann) == ["d", "c", "b"]
        await world.command("notifications")
        assert "읽음으로 표시" in (await world.command("read", 2))["content"]
        assert await world.unread(ann) == ["d", "b"]
        for number in (0, 9, 12, 999999):
            assert "몇 번 알림인지" in (await world.command("read", number))["content"]
        assert (await world.command("read"))["content"] == "2개를 읽음으로 표시했습니다."
        assert await world.unread(ann) == []
        assert socket.gone_ids[:2] == [ids[0], ids[2]]
        assert set(socket.gone_ids[2:]) == {ids[1], ids[3]}
        assert world.changes == 3


async def test_numbers_stand_for_the_list_that_was_seen(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        await world.tell(ann, "calendar.reminder", "old")
        assert "몇 번 알림인지" in (await world.command("read", 1))["content"]
        await world.command("notifications")
        world.clock.ms += 1
        await world.tell(ann, "calendar.reminder", "new")
        world.clock.ms += 10 * 60_000 - 2
        await world.command("read", 1)
        assert await world.unread(ann) == ["new"]


async def test_numbers_of_an_old_list_stand_for_nothing(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        note = await world.tell(ann, "calendar.reminder", "alarm")
        await world.command("notifications")
        world.clock.ms += 10 * 60_000
        assert "먼저 목록을 보고" in (await world.command("read", 1))["content"]
        assert await world.unread(ann) == ["alarm"]
        await world.press(f"read:{note}")  # which says itself what it is about
        assert await world.unread(ann) == []


async def test_what_is_sent_again_is_not_done_again(database_url: str, redis_url: str) -> None:
    """Within the time that its signature holds, in which it could mean something else."""
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        at = world.clock.now_ms() // 1000
        read_all = {
            "type": 2,
            "id": "1",
            "data": {"name": "read"},
            "user": {"id": ANN},
            "locale": "ko",
        }
        for title, said in (("first", "1개를"), ("second", "이미 처리한 요청입니다")):
            await world.tell(ann, "calendar.reminder", title)
            reply = await world.discord(read_all, at=at)
            assert reply.json["data"]["content"].startswith(said)
            world.clock.ms += 299_000
        assert await world.unread(ann) == ["second"]
        await world.discord(read_all | {"id": "2"})
        assert await world.unread(ann) == []


async def test_too_many_at_once_are_told_to_come_again(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        note = await world.tell(ann, "calendar.reminder", "alarm")
        full = Promptly(most=0, log=world.log)
        routes = DiscordWebhook(
            world.inbound, full, public_key=PUBLIC_KEY, clock=world.clock
        ).routes()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(full.run)
            await trio.testing.wait_all_tasks_blocked()
            world.bots = world.served(routes)
            assert "지금은 처리할 수 없습니다" in (await world.press(f"read:{note}"))["content"]
            nursery.cancel_scope.cancel()
        assert await world.unread(ann) == ["alarm"]


async def test_an_invitation_is_answered_and_its_sender_is_told(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN, username="ann")
        eve = await world.http.person(username="eve")
        await world.parts.users.patch(await world.number(eve), {"language": "en"})
        socket = await world.socket(ann)
        sender = await world.number(eve)
        lunch = await world.tell(
            ann, "meeting.invitation", "점심", sender_no=sender, data={"meeting": "m1"}
        )
        assert (await world.press(f"accept:{lunch}"))["content"] == "수락했습니다."
        assert await world.unread(ann) == [] and socket.gone_ids == [lunch]
        await world.press(f"accept:{lunch}")  # again: nothing new
        await world.place()
        [told] = await world.listed(eve)
        assert (told.type, told.title) == ("meeting.response", "ann accepted the invitation")
        assert told.data == {"meeting": "m1", "answer": "accept", "invitation": lunch}
        assert told.sender == ann.id
        # The first answer holds, which is said.
        world.clock.ms += 1
        for act, said in (("decline", "이미 수락한 초대입니다."), ("accept", "수락했습니다.")):
            assert (await world.press(f"{act}:{lunch}"))["content"] == said
            await world.place()
        assert await world.unread(eve) == ["ann accepted the invitation"]


async def test_what_its_sender_took_back_is_not_answered(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        sender = await world.number(await world.http.person(username="eve"))
        both: dict[str, Any] = {"platforms": ("web", "push"), "sender_no": sender}
        lunch = await world.keep(ann, "meeting.invitation", "점심", **both)
        assert await world.inbox.cancel(sender, lunch, at=world.clock.now_ms())
        for act in ("accept", "decline"):
            assert "더 이상 답할 수 없습니다" in (await world.press(f"{act}:{lunch}"))["content"]


async def test_only_one_s_own_invitations_are_answered(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        await world.linked("discord", ANN)
        bob = await world.linked("discord", BOB)
        lunch = await world.tell(bob, "meeting.invitation", "lunch")
        alarm = await world.tell(bob, "calendar.reminder", "alarm")
        assert "그런 알림이 없거나" in (await world.press(f"accept:{lunch}"))["content"]
        assert "이미 읽었거나 없는" in (await world.press(f"read:{lunch}"))["content"]
        assert "초대가 아닙니다" in (await world.press(f"accept:{alarm}", user=BOB))["content"]
        assert sorted(await world.unread(bob)) == ["alarm", "lunch"]
        assert "/notifications" in (await world.press("destroy:everything"))["content"]


async def test_who_is_suspended_is_nobody(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        note = await world.tell(ann, "calendar.reminder", "alarm")
        sql = "UPDATE users SET status = 'suspended' WHERE user_id = $1"
        await world.database.execute(sql, ann.id)
        assert "/link" in (await world.press(f"read:{note}"))["content"]
        assert await world.unread(ann) == ["alarm"]


async def test_in_a_server_it_is_the_member_who_asks(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        await world.linked("discord", ANN)
        body = {
            "type": 2,
            "data": {"name": "notifications"},
            "member": {"user": {"id": ANN, "username": "ann"}, "nick": None, "roles": []},
            "guild_id": "1",
        }
        reply = await world.discord(body)
        assert reply.json["data"]["content"] == "There is nothing unread."
        completed = await world.discord(body | {"type": 4})
        assert completed.json == {"type": 8, "data": {"choices": []}}


async def test_many_requests_of_one_are_too_many(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        said = [(await world.command("notifications"))["content"] for _ in range(25)]
        assert "연결된 계정이 없습니다" in said[0] and "요청이 너무 많습니다" in said[-1]
        assert "연결된 계정이" in (await world.command("notifications", user=BOB))["content"]


async def test_the_answer_is_in_time_though_the_store_hangs(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("discord", ANN)
        note = await world.tell(ann, "calendar.reminder", "alarm")
        begun = trio.current_time()
        async with world.database.transaction() as other:
            await other.execute("LOCK notification_queue IN ACCESS EXCLUSIVE MODE")
            assert "늦어지고" in (await world.press(f"read:{note}"))["content"]
            assert 2 < trio.current_time() - begun < 3
        with trio.fail_after(5):
            while await world.unread(ann):  # noqa: ASYNC110 - nobody would set an event
                await trio.sleep(0.05)


async def test_a_store_that_is_away_is_said_so(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        await world.linked("discord", ANN)
        await world.database.execute("ALTER TABLE notification_endpoints RENAME TO away")
        assert "지금은 처리할 수 없습니다" in (await world.command("notifications"))["content"]
        assert world.log.events == []


async def test_without_a_key_there_is_no_such_webhook(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        await _assert_not_found(world)


async def _assert_not_found(world: InboundWorld) -> None:
    keyless = DiscordWebhook(
        world.inbound, Promptly(log=world.log), public_key=None, clock=world.clock
    )
    world.bots = world.served(keyless.routes())
    reply = await world.discord(PING)
    assert (reply.status, reply.json["code"]) == (404, "not_found")
