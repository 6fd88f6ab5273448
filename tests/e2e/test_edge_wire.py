"""WebSockets of the hub over real sockets: what is said, and how it ends."""

from __future__ import annotations

import struct

import pytest
import trio
from edge_players import Player, Players
from edge_server import Edge, Raw, eventually, masked, open_edge, open_raw
from websockets.sync.client import connect as connect_websockets

from server.edge.framing import TEXT, ws_frame
from server.edge.limits import EdgeLimits

CLOSE = 0x88
HUGE = b"\xff" + struct.pack("!Q", 1 << 62) + b"mask"


def close_of(code: int, reason: str = "") -> tuple[int, bytes]:
    """The close frame of the server."""
    return CLOSE, code.to_bytes(2, "big") + reason.encode()


async def code_of(raw: Raw) -> int:
    """The code of the close frame that comes next."""
    first, payload = await raw.frame()
    assert first == CLOSE
    return int.from_bytes(payload[:2], "big")


async def test_another_library_talks_with_the_echo() -> None:
    messages = ["", "안녕하세요", b"", b"\x00\xff", "x" * 70_000, bytes(200_000)]

    def talk(url: str) -> list[str | bytes]:
        with connect_websockets(url, compression=None, max_size=None) as client:
            heard = []
            for message in messages:
                client.send(message)
                heard.append(client.recv())
            client.send(["frag", "ments ", "안", "녕"])
            heard.append(client.recv())
            assert client.ping(b"there?").wait(5)
        assert client.close_code == 1000
        return heard

    async with open_edge() as edge:
        heard = await trio.to_thread.run_sync(talk, edge.url("/echo"))
        assert heard == [*messages, "fragments 안녕"]


VIOLATIONS = {
    "unmasked": (b"\x82\x01x", 1002),
    "reserved bit": (masked(0xC2, b"x"), 1002),
    "reserved opcode": (masked(0x83, b"x"), 1002),
    "fragmented ping": (masked(0x09, b""), 1002),
    "long ping": (masked(0x89, bytes(126)), 1002),
    "bad length": (b"\x82\xfe\x00\x01mask.", 1002),
    "continuation of nothing": (masked(0x80, b"x"), 1002),
    "data within fragments": (masked(0x01, b"x") + masked(0x81, b"x"), 1002),
    "bad close code": (masked(0x88, b"\x03\xed"), 1002),
    "close of one byte": (masked(0x88, b"\x03"), 1002),
    "bad text": (masked(0x81, b"\xff"), 1007),
    "bad text in fragments": (masked(0x01, b"\xec\x95") + masked(0x80, b"x"), 1007),
    "bad text that has only begun": (masked(0x81, b"\xff" + bytes(200))[:20], 1007),
    "2^62 bytes": (b"\x82" + HUGE, 1009),
    "2^62 bytes of text": (b"\x81" + HUGE, 1009),
    "one byte too many": (masked(0x82, bytes(1001)), 1009),
    "fragments too large": (masked(0x02, bytes(600)) + masked(0x80, bytes(600)), 1009),
    "bytes are counted": (masked(0x81, "가".encode() * 334), 1009),
}


@pytest.mark.parametrize(("data", "code"), VIOLATIONS.values(), ids=VIOLATIONS)
async def test_a_violation_gets_a_close_frame_and_the_end(data: bytes, code: int) -> None:
    players = Players()
    async with (
        open_edge(players.make, EdgeLimits(max_frame=1000)) as edge,
        open_raw(edge) as raw,
    ):
        await raw.send(masked(0x82, b"sound") + data + masked(0x82, b"never read"))
        assert await code_of(raw) == code
        assert await raw.ended()
        await eventually(lambda: players[0].closings == 1)
        assert players[0].messages == [b"sound"]


async def test_a_message_may_be_split_at_every_byte() -> None:
    async with open_edge() as edge, open_raw(edge) as raw:
        message = masked(0x82, bytes(range(140)))
        for at in range(1, len(message)):
            await raw.send(message[:at])
            await trio.sleep(0.001)
            await raw.send(message[at:])
            assert await raw.frame() == (0x82, bytes(range(140)))


async def test_many_messages_in_one_piece_are_answered_in_order() -> None:
    async with open_edge() as edge, open_raw(edge) as raw:
        await raw.send(b"".join(masked(0x82, b"%d" % n) for n in range(1000)))
        assert [(await raw.frame())[1] for _ in range(1000)] == [b"%d" % n for n in range(1000)]


async def test_a_ping_is_answered_within_a_fragmented_message() -> None:
    async with open_edge() as edge, open_raw(edge) as raw:
        await raw.send(masked(0x01, b"a") + masked(0x89, b"now?"))
        assert await raw.frame() == (0x8A, b"now?")
        await raw.send(masked(0x80, b"b") + masked(0x82, b"c"))
        assert await raw.frame() == (0x81, b"ab")
        assert await raw.frame() == (0x82, b"c")


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe9gone", b"\x0f\xa0", b"\x0b\xb8"])
async def test_the_peers_close_is_echoed_and_tcp_ends(payload: bytes) -> None:
    players = Players()
    async with open_edge(players.make) as edge, open_raw(edge) as raw:
        await raw.send(masked(0x88, payload) + masked(0x82, b"too late"))
        assert await raw.frame() == (CLOSE, payload[:2])
        assert await raw.ended()
        await eventually(lambda: players[0].closings == 1)
        assert players[0].messages == []


async def test_our_close_sends_what_is_queued_and_waits_for_the_answer() -> None:
    def leave(player: Player) -> None:
        player.offer(b"last words")
        player.connection.close(4001, "drained")
        player.offer(b"dropped")

    players = Players(leave=leave)
    async with open_edge(players.make) as edge, open_raw(edge) as raw:
        await raw.send(masked(0x82, b"leave") + masked(0x82, b"never told"))
        assert await raw.frame() == (0x82, b"last words")
        assert await raw.frame() == close_of(4001, "drained")
        await raw.send(masked(0x82, b"crossed the close"))
        await eventually(lambda: players[0].closings == 1)
        assert edge.hub.statistics().connections == 1
        await raw.send(masked(0x88, b"\x0f\xa1"))
        assert await raw.ended()
        await eventually(lambda: edge.hub.statistics().connections == 0)
        assert players[0].messages == [b"leave"]
        assert players[0].closings == 1


async def test_a_peer_that_does_not_answer_our_close_is_cut_off() -> None:
    players = Players(leave=lambda player: player.connection.close(4001))
    limits = EdgeLimits(close_deadline=0.1)
    async with open_edge(players.make, limits) as edge, open_raw(edge) as raw:
        await raw.send(masked(0x82, b"leave"))
        assert await raw.frame() == close_of(4001)
        assert await raw.ended()


async def test_a_handler_that_fails_costs_its_own_connection_alone() -> None:
    def fail(_: Player) -> None:
        raise ValueError("a fault")

    players = Players(fail=fail)
    async with (
        open_edge(players.make) as edge,
        open_raw(edge) as raw,
        open_raw(edge) as other,
    ):
        await raw.send(masked(0x82, b"fail"))
        assert await code_of(raw) == 1011
        await other.send(masked(0x82, b"still here"))
        await eventually(lambda: [b"still here"] in [each.messages for each in players])
        assert [each["event"] for each in edge.logged] == ["handler failed"]


async def test_a_peer_that_vanishes_is_told_to_its_handler_once() -> None:
    players = Players()
    async with open_edge(players.make) as edge:
        for _ in range(2):
            async with open_raw(edge) as raw:
                await raw.send(masked(0x82, b"hi") + b"\x82")
                await eventually(lambda: players and players[-1].messages)
        async with open_raw(edge) as raw:
            await eventually(lambda: len(players) == 3)
            raw.stream.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: close by RST
        await eventually(lambda: [each.closings for each in players] == [1, 1, 1])
        assert edge.hub.statistics().connections == 0


async def test_stopping_says_goodbye_and_closes_with_1001() -> None:
    players = Players()
    limits = EdgeLimits(stop_deadline=0.3)
    async with (
        open_edge(players.make, limits) as edge,
        open_raw(edge) as raw,
        open_raw(edge) as deaf,
    ):
        await eventually(lambda: len(players) == 2)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(edge.hub.stop, 1001, lambda _: ws_frame(b"{}", text=True))
            assert await raw.frame() == (TEXT, b"{}")
            assert await raw.frame() == close_of(1001)
            await raw.send(masked(0x88, b"\x03\xe9"))
            assert await raw.ended()
            assert edge.hub.statistics().connections == 1
        assert trio.current_time() - began < 2
        assert edge.hub.statistics().connections == 0
        assert await deaf.frame() == (TEXT, b"{}")
        assert [each.closings for each in players] == [1, 1]


async def test_pings_beyond_the_limit_are_not_answered_but_messages_are() -> None:
    async with open_edge(limits=EdgeLimits(pings=5)) as edge, open_raw(edge) as raw:
        await raw.send(b"".join(masked(0x89, b"%d" % n) for n in range(20)))
        await raw.send(masked(0x82, b"hi"))
        heard = [await raw.frame() for _ in range(6)]
        assert heard == [*((0x8A, b"%d" % n) for n in range(5)), (0x82, b"hi")]
        await trio.sleep(1.1)
        await raw.send(masked(0x89, b"again"))
        assert await raw.frame() == (0x8A, b"again")


@pytest.mark.parametrize("first", [0x89, 0x8A])
async def test_a_flood_of_pings_or_pongs_closes_with_4029(first: int) -> None:
    limits = EdgeLimits(pings=5, most_pings=50)
    async with open_edge(limits=limits) as edge, open_raw(edge) as raw:
        await raw.send(masked(first, b"") * 51)
        heard = [await raw.frame() for _ in range(6 if first == 0x89 else 1)]
        assert heard[-1] == (0x88, (4029).to_bytes(2, "big") + b"too many pings")
        assert await raw.ended()


async def test_pings_come_and_silence_is_closed_with_4030() -> None:
    players = Players()
    codes: list[int] = []

    async def listen(raw: Raw) -> None:
        while (frame := await raw.frame())[0] == 0x89:
            assert frame[1] == b""
        codes.append(int.from_bytes(frame[1][:2], "big"))

    async with (
        open_edge(players.make, EdgeLimits(ping_ms=700)) as edge,
        open_raw(edge) as silent,
        open_raw(edge) as alive,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(listen, silent)
        for _ in range(3):
            assert await alive.frame() == (0x89, b"")
            await alive.send(masked(0x8A, b""))
    assert codes == [4030]


async def test_a_message_that_is_never_finished_is_closed() -> None:
    for begun in (masked(0x82, bytes(100))[:50], masked(0x81, b"a" * 90)[:50], masked(0x01, b"a")):
        async with open_edge(limits=EdgeLimits(frame_deadline=0.2)) as edge, open_raw(edge) as raw:
            await raw.send(begun)
            assert await code_of(raw) == 1002


async def test_a_number_is_not_given_away_within_a_turn() -> None:
    """The peer of the first message takes the second's socket away and opens another meanwhile."""
    numbers: list[int] = []

    def strike(player: Player) -> None:
        other = next(each for each in players if each is not player)
        numbers.append(other.connection.sock.fileno())
        other.connection.lost()
        with trio.socket.socket() as fresh:
            numbers.append(fresh.fileno())

    players = Players(strike=strike)
    async with (
        open_edge(players.make) as edge,
        open_raw(edge) as one,
        open_raw(edge) as two,
    ):
        await eventually(lambda: len(players) == 2)
        one.stream.socket._sock.send(masked(0x82, b"strike"))  # both at once, before the hub's turn
        two.stream.socket._sock.send(masked(0x82, b"strike"))
        await eventually(lambda: sum(each.closings for each in players) == 1)
        assert len(numbers) == 2
        assert numbers[0] != numbers[1]
        assert sorted(len(each.messages) for each in players) == [0, 1]


async def test_many_clients_at_once_are_all_served_in_order() -> None:
    async with open_edge() as edge:
        await talk_all(edge, 40)
        assert edge.hub.statistics().connections == 0


async def talk_all(edge: Edge, count: int) -> None:
    """*count* clients at once, each with 25 messages in flight and a close."""

    async def talk() -> None:
        async with open_raw(edge) as raw:
            for n in range(25):
                await raw.send(masked(0x82, b"%d" % n))
            assert [(await raw.frame())[1] for _ in range(25)] == [b"%d" % n for n in range(25)]
            await raw.send(masked(0x88, b""))
            assert await raw.frame() == (CLOSE, b"")
            assert await raw.ended()

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(talk)
    await eventually(lambda: edge.hub.statistics().connections == 0)
