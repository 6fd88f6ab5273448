"""Where one is reached: listed, written down, and ended by oneself; and codes for bots."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from http_world import PASSWORD
from inbound_world import InboundWorld, Socket, open_inbound
from running_server import RunningServer
from websockets import ConnectionClosed, Subprotocol
from websockets.sync.client import connect

from actors.ports import StoreUnavailable
from actors.sessions import Sessions
from server.http.notification_links import LinkRoutes
from server.live_sessions import LiveSessions
from server.postgres.realtime_sessions import RealtimeSession

PATH = "/api/notifications/sessions"
LINKS = "/api/notifications/links"


async def shown(world: InboundWorld, person: Any) -> list[dict[str, Any]]:
    reply = await world.bots.ask("GET", PATH, token=person.token)
    assert reply.status == 200
    return list(reply.json["sessions"])


async def stored(world: InboundWorld) -> dict[str, bool]:
    async with world.database.service() as service:
        rows = await service.fetch("SELECT session_id, is_active FROM realtime_sessions")
    return {row["session_id"]: row["is_active"] for row in rows}


async def test_a_socket_is_listed_at_once_and_written_within_a_round(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann, bob = await world.http.person(), await world.http.person()
        socket = await world.socket(ann)
        [mine] = await shown(world, ann)
        assert (mine["id"], mine["type"], mine["platformData"]) == (
            socket.session_id, "web", {"codec": "json"},
        )  # fmt: skip
        assert await shown(world, bob) == []
        assert await stored(world) == {}
        assert await world.live.round() == 15.0
        assert await stored(world) == {"socket1": True}
        [cached] = await world.cache.of(await world.number(ann))
        assert cached.session_id == "socket1"
        assert [each["id"] for each in await shown(world, ann)] == ["socket1"]


async def test_one_that_is_opening_or_gone_is_not_counted(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person()
        opening, open_one = await world.socket(ann, "opening"), await world.socket(ann, "open")
        opening.opened = False
        await world.live.round()
        assert await stored(world) == {"open": True}
        open_one.gone = True
        assert await shown(world, ann) == []
        await world.live.round()
        assert await stored(world) == {"open": False}
        assert list(await world.cache.of(await world.number(ann))) == []


async def test_a_session_began_when_it_connected_and_not_when_it_was_heard_of_last(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person()
        socket, now = await world.socket(ann), world.clock.ms
        since = trio.current_time() - 12.0
        socket.connection = socket.connection._replace(since=since)
        [mine] = await shown(world, ann)
        begun = datetime.fromisoformat(mine["createdAt"]).timestamp() * 1000
        assert 12_000 <= now - begun < 15_000
        await world.live.round()
        [session] = await world.store.of(await world.number(ann))
        assert 12_000 <= now - session.created_at < 15_000
        assert now - session.last_activity < 3_000


async def test_an_open_socket_is_written_again_once_a_minute(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person()
        number, socket = await world.number(ann), await world.socket(ann)
        begun = world.clock.ms
        for _ in range(4):
            await world.live.round()
            world.clock.ms += 15_000
        [session] = await world.store.of(number)
        assert 0 <= begun - session.last_activity < 5_000
        socket.connection = socket.connection._replace(last_heard=trio.current_time())
        await world.live.round()
        [later] = await world.store.of(number)
        assert session.last_activity - session.created_at < 5_000
        assert later.created_at == session.created_at
        assert begun + 60_000 - later.last_activity < 5_000


async def test_a_round_without_news_writes_nothing(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        await world.socket(await world.http.person())
        await world.live.round()
        sql = "SELECT xmin::text FROM realtime_sessions"
        async with world.database.service() as service:
            before = await service.fetch(sql)
        await world.live.round()
        async with world.database.service() as service:
            assert await service.fetch(sql) == before


async def test_what_could_not_be_written_comes_with_a_later_round(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.linked("kakao", "ann")
        socket = await world.socket(ann)
        await world.database.execute("ALTER TABLE realtime_sessions RENAME TO away")
        with pytest.raises(StoreUnavailable):
            await world.live.round()
        await world.database.execute("ALTER TABLE away RENAME TO realtime_sessions")
        await world.live.round()
        assert len(await stored(world)) == 2 and all((await stored(world)).values())
        socket.gone = True
        await world.live.end()
        assert (await stored(world))["socket1"] is False


async def test_one_s_own_socket_is_signed_out(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann, eve = await world.http.person("ann"), await world.http.person()
        other = await again(world, ann)
        lost, kept = await world.socket(other, "lost"), await world.socket(ann, "kept")
        await world.live.round()
        refused = await world.bots.ask("DELETE", f"{PATH}/lost", token=eve.token)
        assert (refused.status, refused.json["code"]) == (404, "not_found")
        ended = await world.bots.ask("DELETE", f"{PATH}/lost", token=ann.token)
        assert ended.status == 204
        assert (lost.closed, kept.closed) == ([(4501, "signed out")], [])
        assert [each["id"] for each in await shown(world, ann)] == ["kept"]
        # Its token cannot come back, the other one can.
        assert (await world.bots.ask("GET", PATH, token=other.token)).status == 401
        assert (await world.bots.ask("DELETE", f"{PATH}/lost", token=ann.token)).status == 404
        await world.live.round()
        assert await stored(world) == {"lost": False, "kept": True}


async def test_a_socket_of_another_node_is_signed_out(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann, eve = await world.http.person("ann"), await world.http.person()
        far, near = await again(world, ann), await again(world, ann)
        claims = [world.parts.tokens.verify(each.token) for each in (far, near, ann)]
        there = Sessions(most_per_user=9)
        nodes = {"store": world.store, "cache": world.cache, "clock": world.clock, "log": world.log}
        other_node = LiveSessions(there, **nodes)
        number = await world.number(ann)
        for name, claim in (("cached", claims[0]), ("stored", claims[1])):
            socket: Any = Socket(name, number, claim)
            there.add(socket)
            there.admitted(socket)
        beside = await world.socket(far, "beside")  # of the same token, on this node
        await other_node.round()
        await world.live.round()
        for name, claim in (("cached", claims[0]), ("stored", claims[1])):
            assert not (await world.parts.users.standings([claim]))[claim.jti].revoked
            if name == "stored":
                await world.cache.end([(number, name), (number, "beside")])
            refused = await world.bots.ask("DELETE", f"{PATH}/{name}", token=eve.token)
            assert refused.status == 404
            assert (await world.bots.ask("DELETE", f"{PATH}/{name}", token=ann.token)).status == 204
            assert (await world.parts.users.standings([claim]))[claim.jti].revoked
        assert beside.closed == [(4501, "signed out")]
        for gone in (far, near):
            assert (await world.bots.ask("GET", PATH, token=gone.token)).status == 401
        assert not (await world.parts.users.standings(claims))[claims[2].jti].revoked


async def test_one_of_a_node_that_died_can_be_ended_and_ends_by_itself(
    database_url: str, redis_url: str
) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person()
        number, now = await world.number(ann), world.clock.now_ms()
        for name in ("one", "two"):
            await world.store.write([RealtimeSession(name, number, "web", now, now)], [])
        assert {each["id"] for each in await shown(world, ann)} == {"one", "two"}
        assert (await world.bots.ask("DELETE", f"{PATH}/one", token=ann.token)).status == 204
        assert await stored(world) == {"one": False, "two": True}
        world.clock.ms += 300_001
        await world.live.round()
        assert await stored(world) == {"one": False, "two": False}
        world.clock.ms += world.live.REMEMBERED_MS
        await world.live._tend(world.clock.now_ms())
        assert await stored(world) == {}


async def test_without_redis_everything_goes_on(database_url: str) -> None:
    async with open_inbound(database_url, "redis://127.0.0.1:1/0") as world:
        ann = await world.http.person()
        socket = await world.socket(ann)
        await world.live.round()
        await world.live.round()
        assert await stored(world) == {"socket1": True}
        assert world.log.events == ["sessions_are_not_cached"]
        now = world.clock.now_ms()
        other = RealtimeSession("other", await world.number(ann), "web", now, now)
        await world.store.write([other], [])
        assert {each["id"] for each in await shown(world, ann)} == {"socket1", "other"}
        socket.gone = True
        assert [each["id"] for each in await shown(world, ann)] == ["other"]


async def test_codes_are_made_for_bots_that_there_are(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person()
        reply = await world.bots.ask("POST", LINKS, {"platform": "kakao"}, token=ann.token)
        assert reply.status == 201
        assert reply.json["expiresAt"] == "2027-01-15T08:10:00Z"
        for body in ({"platform": "web"}, {}, {"platform": "kakao", "more": 1}):
            assert (await world.bots.ask("POST", LINKS, body, token=ann.token)).status == 400
        none = LinkRoutes(world.links, platforms=(), limits=world.limits, clock=world.clock)
        world.bots = world.served(none.routes())
        refused = await world.bots.ask("POST", LINKS, {"platform": "kakao"}, token=ann.token)
        assert (refused.status, refused.json["code"], refused.json["detail"]) == (
            404, "not_found", "this server has no bot there",
        )  # fmt: skip


async def test_not_too_many_codes_are_made(database_url: str, redis_url: str) -> None:
    async with open_inbound(database_url, redis_url) as world:
        ann = await world.http.person()
        body = {"platform": "discord"}
        made = [await world.bots.ask("POST", LINKS, body, token=ann.token) for _ in range(12)]
        assert [each.status for each in made] == [201] * 10 + [429] * 2


async def again(world: InboundWorld, person: Any) -> Any:
    """The same person with another token."""
    body = {"username": person.username, "password": PASSWORD}
    reply = await world.http.ask("POST", "/api/v1/auth/token", body)
    assert reply.status == 200
    return person._replace(token=reply.json["token"])


def test_a_real_socket_is_listed_and_signed_out(open_folder: Path) -> None:
    with RunningServer(open_folder / "sessions") as server:
        ann = server.sign_up("ann")
        with connect(server.ws, subprotocols=[Subprotocol("madang.v1.json")]) as socket:
            socket.send(json.dumps({"t": "hello", "token": ann.token}))
            session = json.loads(socket.recv(timeout=5))["session"]
            found = server.call("GET", PATH, token=ann.token)["sessions"]
            assert [(each["id"], each["type"]) for each in found] == [(session, "web")]
            server.call("DELETE", f"{PATH}/{session}", token=ann.token)
            with suppress(ConnectionClosed):
                while socket.recv(timeout=5):
                    pass
            assert socket.close_code == 4501
