"""A new password ends what bots were linked by: whoever knew the old one may have linked them."""

from __future__ import annotations

from http_world import PASSWORD
from inbound_world import open_inbound

from protocol.ids import Millis

PATH = "/api/v1/me/password"
NEW = "another one, which is long"
NOW = Millis(1_800_000_000_000)
ANN, BOB = "80351110224678912", "80351110224678913"


async def test_with_a_new_password_bots_have_to_be_linked_anew(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann, bob = await world.linked("discord", ANN), await world.linked("discord", BOB)
        await world.kakao(f"연결 {await world.code(ann, 'kakao')}")
        waiting = await world.code(ann, "kakao")
        number = await world.number(ann)
        await world.endpoints.add(number, "kakao", "alimtalk", "01012345678", "", NOW)
        await world.tell(ann, "calendar.reminder", "secret")
        for current, status in (("wrong", 400), (PASSWORD, 200)):
            for said in (
                (await world.command("notifications", user=ANN))["content"],
                (await world.kakao("알림"))[0],
            ):
                assert "secret" in said
            body = {"current_password": current, "new_password": NEW}
            reply = await world.http.ask("PUT", PATH, body, token=ann.token)
            assert reply.status == status
        assert "/link" in (await world.command("notifications", user=ANN))["content"]
        for said in ("알림", f"연결 {waiting}", "알림"):
            assert "secret" not in (await world.kakao(said))[0]
        assert [each.kind for each in await world.endpoints.of_user(number)] == ["alimtalk"]
        bobs = await world.number(bob)
        assert await world.endpoints.find("discord", "discord_bot", BOB) == bobs
