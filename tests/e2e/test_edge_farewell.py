"""The last word of a handler whose connection the edge closes."""

from __future__ import annotations

import pytest
import trio
import trio.lowlevel
from edge_players import Players, Polite
from edge_server import Raw, eventually, masked, open_edge, open_raw

from server.edge.limits import EdgeLimits

KIB = 1024


async def last_frames(raw: Raw) -> tuple[bytes, int]:
    """The frame before the close frame, and the close code."""
    before = b""
    while True:
        first, payload = await raw.frame()
        if first == 0x88:
            return before, int.from_bytes(payload[:2], "big")
        before = payload


@pytest.mark.parametrize(
    ("sent", "code"),
    [(masked(0x82, bytes(1001)), 1009), (masked(0x81, b"\xff"), 1007), (masked(0xF0, b""), 1002)],
)
async def test_who_breaks_the_protocol_is_told_before_the_close(sent: bytes, code: int) -> None:
    players, limits = Players(Polite), EdgeLimits(max_frame=1000)
    async with open_edge(players.make, limits) as edge, open_raw(edge) as raw:
        await raw.send(sent)
        before, closed_with = await last_frames(raw)
        assert closed_with == code
        assert before.startswith(b"%d " % code)
        assert await raw.ended()


async def test_a_slow_reader_is_told_at_the_end_of_what_waits_for_him() -> None:
    players = Players(Polite)
    limits = EdgeLimits(outbox_cap=64 * KIB, send_buffer=8 * KIB)
    async with (
        open_edge(players.make, limits) as edge,
        open_raw(edge, receive_buffer=4 * KIB) as raw,
    ):
        await eventually(lambda: players)
        while not players[0].closings:
            players[0].offer(bytes(4 * KIB))
            players[0].connection.offer_state("key", bytes(4 * KIB))
            edge.hub.flush()
            await trio.lowlevel.checkpoint()
        assert await last_frames(raw) == (b"4008 reads too slowly", 4008)


async def test_silence_and_failure_are_told_too() -> None:
    def fail(_: object) -> None:
        raise KeyError

    players = Players(Polite, fail=fail)
    async with (
        open_edge(players.make, EdgeLimits(ping_ms=300)) as edge,
        open_raw(edge) as silent,
        open_raw(edge) as failing,
    ):
        await failing.send(masked(0x82, b"fail"))
        assert await last_frames(failing) == (b"1011 the server failed", 1011)
        assert await last_frames(silent) == (b"4030 no traffic", 4030)


async def test_a_farewell_that_fails_does_not_keep_the_connection() -> None:
    class Speechless(Polite):
        def farewell(self, code: int, reason: str) -> bytes | None:
            raise KeyError

    players = Players(Speechless)
    async with open_edge(players.make) as edge, open_raw(edge) as raw:
        await raw.send(masked(0x81, b"\xff"))
        assert await last_frames(raw) == (b"", 1007)
        assert players[0].closings == 1
        assert [each["doing"] for each in edge.logged] == ["farewell"]


async def test_a_handler_that_closes_by_itself_has_said_what_it_wants() -> None:
    players = Players(Polite, close=lambda player: player.connection.close(4001, "moved"))
    async with open_edge(players.make) as edge, open_raw(edge) as raw:
        await raw.send(masked(0x82, b"close"))
        assert await last_frames(raw) == (b"", 4001)
