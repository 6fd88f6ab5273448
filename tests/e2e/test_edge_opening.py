"""Who may open a WebSocket, and what its handler then knows."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest
import trio
from edge_server import Edge, connect, eventually, masked, open_edge, open_raw, upgrade

from server.edge.connection import Connection
from server.edge.echo import Echo
from server.edge.limits import EdgeLimits
from server.edge.proxies import Trust


class Arrivals(list[Connection]):
    """Makes echoes, and keeps their connections."""

    def make(self, connection: Connection) -> Echo:
        self.append(connection)
        return Echo(connection)


async def status_of(edge: Edge, path: str, *headers: str) -> int:
    """The status that answers an opening."""
    async with connect(edge) as raw:
        await raw.send(upgrade(edge, path, *headers))
        return int((await raw.read_to(b"\r\n\r\n")).split()[1])


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("http://{host}", 101),
        ("https://{host}", 101),
        ("HTTP://{host}", 101),
        ("https://chat.example", 101),
        ("null", 403),
        ("", 403),
        ("http://127.0.0.1", 403),
        ("http://127.0.0.1:1", 403),
        ("http://{host}.evil.example", 403),
        ("http://evil.example/{host}", 403),
        ("http://{host}@evil.example", 403),
        ("https://chat.example.evil", 403),
        ("https://evilchat.example", 403),
        ("http://chat.example", 403),
        ("ftp://{host}", 403),
        ("https://evil.example", 403),
    ],
)
async def test_only_pages_of_known_origins_may_open(origin: str | None, status: int) -> None:
    async with open_edge(trust=Trust(origins=frozenset({"https://chat.example"}))) as edge:
        headers = [] if origin is None else [f"Origin: {origin.format(host=edge.host)}"]
        assert await status_of(edge, "/ws", *headers) == status


@pytest.mark.parametrize(
    ("path", "offered", "status", "chosen", "text"),
    [
        ("/ws", None, 101, None, False),
        ("/api/v1/chats/ws", None, 101, None, True),
        ("/api/ws/notifications", None, 101, None, True),
        ("/ws", "madang.v1.msgpack", 101, "madang.v1.msgpack", False),
        ("/ws", "madang.v1.json", 101, "madang.v1.json", True),
        ("/ws", "chat, madang.v1.json , madang.v1.msgpack", 101, "madang.v1.json", True),
        ("/api/v1/chats/ws", "madang.v1.msgpack", 101, "madang.v1.msgpack", False),
        ("/ws", "madang.v2.json", 400, None, False),
        ("/ws", "", 400, None, False),
        ("/api/v1/chats/ws", "chat", 400, None, False),
    ],
)
async def test_the_subprotocol_picks_the_codec(
    path: str, offered: str | None, status: int, chosen: str | None, text: bool
) -> None:
    arrivals = Arrivals()
    async with open_edge(arrivals.make) as edge, connect(edge) as raw:
        headers = [] if offered is None else [f"Sec-WebSocket-Protocol: {offered}"]
        await raw.send(upgrade(edge, path, *headers))
        head = (await raw.read_to(b"\r\n\r\n")).decode().lower()
        assert head.startswith(f"http/1.1 {status} ")
        told = [x.split(": ")[1] for x in head.split("\r\n") if x.startswith("sec-websocket-prot")]
        assert told == ([chosen] if chosen else [])
        if status == 101:
            await eventually(lambda: [each.text for each in arrivals] == [text])


@pytest.mark.parametrize(
    ("target", "headers", "header_token", "query_token"),
    [
        ("/ws", [], None, None),
        ("/ws?token=a.b-c_d", [], None, "a.b-c_d"),
        ("/ws?x=1&token=a%2Eb&token=c", [], None, "a.b"),
        ("/ws?token=", [], None, ""),
        ("/ws", ["Authorization: Bearer abc"], "abc", None),
        ("/ws?token=q", ["Authorization: bearer  abc"], "abc", "q"),
        ("/ws", ["Authorization: Basic abc"], None, None),
    ],
)
async def test_the_handler_knows_the_tokens_and_the_path(
    target: str, headers: list[str], header_token: str | None, query_token: str | None
) -> None:
    arrivals = Arrivals()
    async with open_edge(arrivals.make) as edge:
        assert await status_of(edge, target, *headers) == 101
        await eventually(lambda: arrivals)
        [connection] = arrivals
        assert connection.path == "/ws"
        assert connection.header_token == header_token
        assert connection.query_token == query_token
        assert "token" not in str(edge.logged)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "is_clear"),
    [
        ([], "203.0.113.9", "127.0.0.1", False),
        (["127.0.0.0/8"], "203.0.113.9", "203.0.113.9", True),
        (["127.0.0.0/8"], "203.0.113.9, unknown", "127.0.0.1", False),
        (["127.0.0.0/8"], "6.6.6.6, 203.0.113.9", "203.0.113.9", True),
        (["127.0.0.0/8", "10.0.0.0/8"], "6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9", True),
    ],
)
async def test_the_peer_is_whom_trusted_proxies_name(
    proxies: list[str], forwarded: str, peer: str, is_clear: bool
) -> None:
    arrivals = Arrivals()
    trust = Trust(proxies=tuple(ip_network(each) for each in proxies))
    async with open_edge(arrivals.make, trust=trust) as edge:
        assert await status_of(edge, "/ws", f"X-Forwarded-For: {forwarded}") == 101
        told = [(peer, is_clear)]
        await eventually(lambda: [(each.peer, each.is_clear) for each in arrivals] == told)


@pytest.mark.parametrize("path", ["/", "/wsx", "/WS", "/hello", "/api/v1/chats/ws/"])
async def test_an_upgrade_elsewhere_is_not_found(path: str) -> None:
    async with open_edge() as edge:
        assert await status_of(edge, path) == 404


@pytest.mark.parametrize(
    "head",
    [
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: \xff\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ],
)
async def test_a_bad_opening_is_answered_and_closed(head: bytes) -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(head)
        status, body = await raw.answer()
        assert status == 400
        assert json.loads(body)["detail"]


async def test_an_unknown_subprotocol_is_told_those_there_are() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(upgrade(edge, "/ws", "Sec-WebSocket-Protocol: chat"))
        status, body = await raw.answer()
        problem = json.loads(body)
        assert (status, problem["status"], problem["code"]) == (400, 400, "invalid")
        assert problem["detail"] == (
            "the subprotocol must be one of: madang.v1.msgpack, madang.v1.json"
        )


async def test_another_version_is_told_the_one_that_works() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(upgrade(edge).replace(b"Version: 13", b"Version: 8"))
        answer = await raw.read_rest()
        assert answer.startswith(b"HTTP/1.1 426 ")
        assert b"sec-websocket-version: 13" in answer.lower()


@pytest.mark.parametrize("path", ["/ws", "/ws?token=x", "/api/v1/chats/ws"])
@pytest.mark.parametrize("before", [b"", b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_get_that_forgot_to_ask_for_the_upgrade_is_told_so(
    path: str, before: bytes
) -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(before + f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if before:
            assert (await raw.answer())[0] == 200
        head = (await raw.read_to(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 426 ")
        assert b"\r\nupgrade: websocket\r\n" in head
        problem = json.loads(await raw.read_rest())
        assert (problem["status"], problem["code"]) == (426, "invalid")
        assert problem["type"] == "/docs#invalid"
        assert "upgrade" in problem["detail"]


async def test_bytes_that_came_with_the_opening_are_the_first_message() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        first = masked(0x82, b"early")
        await raw.send(upgrade(edge) + first + first[:3])
        await raw.read_to(b"\r\n\r\n")
        assert await raw.frame() == (0x82, b"early")
        await raw.send(first[3:])
        assert await raw.frame() == (0x82, b"early")


async def test_a_silent_peer_is_closed_at_the_deadline() -> None:
    limits = EdgeLimits(opening_deadline=0.2)
    async with open_edge(limits=limits) as edge, connect(edge) as silent, connect(edge) as slow:
        await slow.send(b"GET /ws HTTP/1.1\r\nHost:")
        began = trio.current_time()
        assert (await silent.read_rest()).startswith(b"HTTP/1.1 408 ")
        assert (await slow.read_rest()).startswith(b"HTTP/1.1 408 ")
        assert trio.current_time() - began < 2


async def test_a_full_hub_says_so_and_lets_in_again() -> None:
    async with open_edge(limits=EdgeLimits(max_connections=1)) as edge:
        async with open_raw(edge) as raw:
            await eventually(lambda: edge.hub.full)
            assert await status_of(edge, "/ws") == 503
            await raw.send(masked(0x88, b"\x03\xe8"))
            assert await raw.frame() == (0x88, b"\x03\xe8")
            assert await raw.ended()
        await eventually(lambda: not edge.hub.full)
        assert await status_of(edge, "/ws") == 101


async def test_strangers_are_few_and_known_users_are_not_counted_among_them() -> None:
    class Stranger(Echo):
        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        def message(self, data: bytes, text: bool) -> None:
            self._connection.admit()
            super().message(data, text)

    async with (
        open_edge(Stranger, limits=EdgeLimits(max_strangers=1)) as edge,
        open_raw(edge) as raw,
    ):
        await eventually(lambda: edge.hub.full)
        assert await status_of(edge, "/ws") == 503
        await raw.send(masked(0x82, b"it is me"))
        await raw.frame()
        assert await status_of(edge, "/ws") == 101


async def test_a_handler_that_cannot_be_made_closes_with_1011() -> None:
    def fail(connection: Connection) -> Echo:
        raise RuntimeError("no")

    async with open_edge(fail) as edge, open_raw(edge) as raw:
        first, payload = await raw.frame()
        assert (first, payload[:2]) == (0x88, (1011).to_bytes(2, "big"))
        assert [each["event"] for each in edge.logged] == ["handler failed"]
