"""Clients that read slowly, or not at all, and connections that are not read."""

from __future__ import annotations

import gc
import random
import socket
import tracemalloc

import structlog
import trio
from edge_players import Player, Players
from edge_server import Edge, Raw, eventually, masked, open_edge, open_raw

from server.edge.framing import ws_frame
from server.edge.handler import Arrival
from server.edge.hub import Hub
from server.edge.limits import EdgeLimits

KIB = 1024
SMALL = {"receive_buffer": 4 * KIB}
LIMITS = EdgeLimits(outbox_cap=256 * KIB, send_buffer=8 * KIB, max_frame=64 * KIB)


def block(edge: Edge, player: Player) -> None:
    """Offer until the socket refuses more."""
    while player.connection.backlog is None:
        player.offer(bytes(8 * KIB))
        edge.hub.flush()


async def frames_until_close(raw: Raw) -> tuple[int, int]:
    """How many messages came before the close frame, and its code."""
    count = 0
    while True:
        first, payload = await raw.frame()
        if first == 0x88:
            return count, int.from_bytes(payload[:2], "big")
        assert first == 0x82
        count += 1


async def test_a_slow_reader_is_closed_with_4008_and_the_others_flow() -> None:
    players = Players()
    async with (
        open_edge(players.make, LIMITS) as edge,
        open_raw(edge, **SMALL) as slow,
        open_raw(edge) as quick,
    ):
        await eventually(lambda: len(players) == 2)
        wire = ws_frame(bytes(4 * KIB), text=False)
        most = 0
        for _ in range(300):
            for each in players:
                each.connection.offer(wire)
            edge.hub.flush()
            most = max(most, edge.hub.statistics().backlog_bytes)
            assert await quick.frame() == (0x82, bytes(4 * KIB))
        await eventually(lambda: sorted(each.closings for each in players) == [0, 1])
        assert most <= LIMITS.outbox_cap + len(wire) + 100
        came, code = await frames_until_close(slow)
        assert code == 4008
        assert 60 <= came < 300
        await slow.send(masked(0x88, (4008).to_bytes(2, "big")))
        assert await slow.ended()
        assert edge.hub.statistics().backlog_bytes == 0


async def test_a_client_that_reads_late_loses_nothing_that_was_under_the_cap() -> None:
    players = Players()
    async with open_edge(players.make, LIMITS) as edge, open_raw(edge, **SMALL) as raw:
        await eventually(lambda: players)
        for n in range(1000):
            players[0].offer(b"%d" % n + bytes(200))
            if n % 7 == 0:
                edge.hub.flush()
        edge.hub.flush()
        assert players[0].connection.backlog is not None
        heard = [int((await raw.frame())[1].rstrip(b"\0")) for _ in range(1000)]
        assert heard == list(range(1000))
        await eventually(lambda: players[0].connection.backlog is None)
        players[0].offer(b"on")
        edge.hub.flush()
        assert await raw.frame() == (0x82, b"on")


async def test_state_of_a_congested_client_is_the_newest_and_the_skipped_are_counted() -> None:
    players = Players()
    async with open_edge(players.make, LIMITS) as edge, open_raw(edge, **SMALL) as raw:
        await eventually(lambda: players)
        player = players[0]
        connection = player.connection

        def state(key: str, value: int) -> None:
            connection.offer_state(key, ws_frame(b"%s=%d" % (key.encode(), value), text=False))

        block(edge, player)
        state("a", 0)
        while not connection.congested:
            player.offer(bytes(8 * KIB))
        for value in range(1, 11):
            state("a", value)
            state("b", value)
        assert player.skipped == []
        heard = []
        while heard[-1:] != [b"b=10"]:
            heard.append((await raw.frame())[1])
        states = [each for each in heard if each[:1] != b"\0"]
        assert states == [b"a=0", b"a=10", b"b=10"]
        assert player.skipped == [18]
        assert not connection.congested


async def test_one_who_offers_while_not_congested_is_told_to_go_on_and_never_closed() -> None:
    left = 2_000

    class Pacing(Player):
        def drained(self, skipped: int) -> None:
            nonlocal left
            while left and not self.connection.congested:
                left -= 1
                self.offer(b"%d" % left + bytes(500))

    players: list[Pacing] = []

    def make(connection: object) -> Pacing:
        players.append(Pacing(connection, {}))  # type: ignore[arg-type]
        return players[-1]

    async with open_edge(make, LIMITS) as edge, open_raw(edge, **SMALL) as raw:
        await eventually(lambda: players)
        players[0].drained(0)
        edge.hub.flush()
        assert left > 0
        heard = [int((await raw.frame())[1].rstrip(b"\0")) for _ in range(2_000)]
        assert heard == list(range(1_999, -1, -1))


async def test_all_backlogs_together_have_a_cap() -> None:
    players = Players()
    limits = EdgeLimits(backlog_cap=100 * KIB, send_buffer=8 * KIB)
    async with (
        open_edge(players.make, limits) as edge,
        open_raw(edge, **SMALL),
        open_raw(edge, **SMALL),
    ):
        await eventually(lambda: len(players) == 2)
        for _ in range(50):
            for player in players:
                player.offer(bytes(8 * KIB))
            edge.hub.flush()
            assert edge.hub.statistics().backlog_bytes <= limits.backlog_cap + 10 * KIB
        await eventually(lambda: any(each.closings for each in players))


async def test_a_reader_that_stopped_is_cut_off_at_the_write_deadline() -> None:
    players = Players()
    limits = EdgeLimits(outbox_cap=256 * KIB, send_buffer=8 * KIB, write_deadline=0.2)
    async with open_edge(players.make, limits) as edge, open_raw(edge, **SMALL):
        await eventually(lambda: players)
        block(edge, players[0])
        await eventually(lambda: players[0].closings == 1)
        assert edge.hub.statistics().connections == 0
        assert edge.hub.statistics().backlog_bytes == 0


async def test_a_paused_connection_neither_spins_nor_loses_anything() -> None:
    players = Players(pause=lambda player: player.connection.pause())
    async with open_edge(players.make) as edge, open_raw(edge) as raw:
        numbers = [b"%d" % n for n in range(300)]
        await raw.send(b"".join(masked(0x82, each) for each in [b"pause", *numbers]))
        await eventually(lambda: players and players[0].messages)
        await raw.send(masked(0x82, b"last"))
        await trio.sleep(0.05)
        turns = edge.hub.statistics().turns
        await trio.sleep(0.3)
        assert edge.hub.statistics().turns - turns <= 1
        assert players[0].messages == [b"pause"]
        players[0].connection.resume()
        await eventually(lambda: players[0].messages[-1] == b"last")
        assert players[0].messages == [b"pause", *numbers, b"last"]


async def test_a_paused_connection_whose_peer_is_gone_is_noticed() -> None:
    players = Players(pause=lambda player: player.connection.pause())
    async with open_edge(players.make) as edge:
        async with open_raw(edge) as raw:
            await raw.send(masked(0x82, b"pause"))
            await eventually(lambda: players and players[0].messages)
            raw.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await eventually(lambda: players[0].closings == 1)
        players[0].connection.resume()
        players[0].connection.close(4001)
        players[0].offer(b"nowhere")
        assert edge.hub.statistics().connections == 0


async def test_a_paused_connection_is_not_blamed_for_its_silence() -> None:
    players = Players(pause=lambda player: player.connection.pause())
    async with open_edge(players.make, EdgeLimits(ping_ms=100)) as edge, open_raw(edge) as raw:
        await raw.send(masked(0x82, b"pause"))
        await trio.sleep(1.5)
        assert players[0].closings == 0
        players[0].connection.resume()
        await raw.send(masked(0x82, b"here"))
        await eventually(lambda: players[0].messages[-1] == b"here")


async def test_an_idle_connection_is_small() -> None:
    chance = random.Random(1)  # noqa: S311 - when pings begin
    hub = Hub(EdgeLimits(), random=chance, log=structlog.get_logger())
    players = Players()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        theirs = [socket.create_connection(listener.getsockname()) for _ in range(200)]
        ours = [listener.accept()[0] for _ in theirs]
    for mine in ours[:50]:
        adopt(hub, mine, players)
    gc.collect()
    tracemalloc.start()
    for mine in ours[50:]:
        adopt(hub, mine, players)
    each = tracemalloc.get_traced_memory()[0] / 150
    tracemalloc.stop()
    for their in theirs:
        their.close()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run)
        await eventually(lambda: hub.statistics().connections == 0)
        nursery.cancel_scope.cancel()
    assert each < 2 * KIB


def adopt(hub: Hub, sock: socket.socket, players: Players) -> None:
    """As the door does."""
    hub.adopt(sock, b"", Arrival("/ws", text=False, peer="127.0.0.1"), players.make)
