from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import msgpack
import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from protocol.client import (
    Client,
    ClientClosed,
    ConnectionLost,
    RequestError,
    RequestTimeout,
    open_client,
)
from protocol.client.shell import MOST_EVENTS, MOST_SENDS

BIG = "x" * 1_000_000


class Peer:
    """The server's end of one connection."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self.socket = socket
        self.hello: dict[str, Any] = {}

    async def receive(self) -> dict[str, Any]:
        frame: dict[str, Any] = msgpack.unpackb(await self.socket.get_message())
        return frame

    async def send(self, t: str, **fields: Any) -> None:
        await self.socket.send_message(msgpack.packb({"t": t, **fields}))

    async def welcome(self, last_seq: int = 0, ping_ms: int = 25_000) -> None:
        self.hello = await self.receive()
        room = {"id": "r", "last_seq": last_seq, "read_seq": 0, "unread": 0, "mentions": 0}
        rooms = [room | {"me": "me", "name": "the room"}]
        await self.send("welcome", user="me", ping_ms=ping_ms, rooms=rooms)

    async def ack(self, frame: dict[str, Any], seq: int, *, dup: bool = False) -> None:
        await self.send("ack", room="r", id=frame["id"], seq=seq, at=1, dup=dup)

    async def message(self, seq: int, body: str = "x") -> None:
        fields = {"sender": "you", "kind": "text", "body": body}
        await self.send("message", room="r", seq=seq, at=1, **fields)

    async def cut(self) -> None:
        """The connection breaks, without a close frame."""
        await trio.aclose_forcefully(self.socket._stream)

    async def until_closed(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self.socket.get_message()


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def server(*scripts: Script) -> AsyncIterator[str]:
    """Serve the first connection by the first script, and so on; the last serves the rest."""
    left = list(scripts)

    async def serve(request: WebSocketRequest) -> None:
        script = left.pop(0) if len(left) > 1 else left[0]
        assert request.proposed_subprotocols == ("madang.v1.msgpack",)
        socket = await request.accept(subprotocol="madang.v1.msgpack")
        with suppress(ConnectionClosed):
            await script(Peer(socket))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            start = partial(serve_websocket, serve, "127.0.0.1", 0, ssl_context=None)
            listening = await nursery.start(start)
            yield f"http://127.0.0.1:{listening.port}"
            nursery.cancel_scope.cancel()


async def next_event(client: Client) -> Any:
    with trio.fail_after(5):
        return await anext(client)


async def idle(peer: Peer) -> None:
    await peer.welcome()
    await peer.until_closed()


async def test_a_cut_between_ack_and_event_loses_and_doubles_nothing() -> None:
    async def before(peer: Peer) -> None:
        await peer.welcome()
        await peer.message(1)
        await peer.ack(await peer.receive(), 2)
        await peer.cut()

    async def after(peer: Peer) -> None:
        await peer.welcome(last_seq=3)
        assert peer.hello["resume"] == {"r": 1}
        await peer.message(2)
        await peer.message(3)
        await peer.until_closed()

    async with server(before, after) as url, open_client(url, "t") as client:
        assert (await next_event(client)).seq == 1
        ack = await client.send("r", "hi")
        assert (ack.seq, ack.dup) == (2, False)
        assert (await next_event(client)).t == "welcome"
        assert [(await next_event(client)).seq for _ in range(2)] == [2, 3]


async def test_a_cut_before_the_ack_sends_again_with_the_same_id() -> None:
    sent: list[dict[str, Any]] = []

    async def before(peer: Peer) -> None:
        await peer.welcome()
        sent.append(await peer.receive())
        await peer.cut()

    async def after(peer: Peer) -> None:
        await peer.welcome(last_seq=1)
        sent.append(await peer.receive())
        await peer.ack(sent[-1], 1, dup=True)
        await peer.until_closed()

    async with server(before, after) as url, open_client(url, "t", listen=False) as client:
        ack = await client.send("r", "hi", reply_to=1, mentions=["you"])
        assert ack.dup and sent[0] == sent[1] and sent[0]["mentions"] == ["you"]


async def test_refusals_reach_the_caller_with_their_code() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.welcome()
        frame = await peer.receive()
        await peer.send("error", code="not_member", message="no", room="r", id=frame["id"])
        frame = await peer.receive()
        fields = {"seq": "too high"}
        await peer.send("error", code="invalid", message="no", rid=frame["rid"], fields=fields)
        await peer.until_closed()

    async with server(refuse) as url, open_client(url, "t") as client:
        with pytest.raises(RequestError) as info:
            await client.send("r", "hi")
        assert info.value.code == "not_member"
        with pytest.raises(RequestError) as info:
            await client.read("r", 9)
        assert info.value.fields == {"seq": "too high"}


async def test_a_busy_server_is_asked_again_when_it_said() -> None:
    async def busy(peer: Peer) -> None:
        await peer.welcome()
        first = await peer.receive()
        no = {"code": "rate_limited", "message": "", "retry_after_ms": 200}
        await peer.send("error", room="r", id=first["id"], **no)
        asked_at = trio.current_time()
        second = await peer.receive()
        assert second == first and trio.current_time() - asked_at > 0.15
        await peer.ack(second, 1)
        await peer.until_closed()

    async with server(busy) as url, open_client(url, "t") as client:
        assert (await client.send("r", "hi")).seq == 1


async def test_requests_are_answered_by_their_rid_in_any_order() -> None:
    async def backwards(peer: Peer) -> None:
        await peer.welcome()
        for frame in reversed([await peer.receive() for _ in range(4)]):
            page = {"room": "r", "events": [{"t": "message", "seq": frame["before"]}]}
            await peer.send("page", rid=frame["rid"], more=False, upto=9, **page)
        frame = await peer.receive()
        await peer.send("pong", rid=frame["rid"], time=123)
        await peer.until_closed()

    async with server(backwards) as url, open_client(url, "t") as client:

        async def ask(before: int) -> None:
            assert (await client.history("r", before=before)).events[0].seq == before

        async with trio.open_nursery() as nursery:
            for before in range(2, 6):
                nursery.start_soon(ask, before)
        assert await client.ping() == 123


@pytest.mark.parametrize("code", [4500, 4503])
async def test_a_terminal_close_code_ends_the_iterator_and_every_call(code: int) -> None:
    async def suspend(peer: Peer) -> None:
        await peer.welcome()
        await peer.receive()
        await peer.message(1)
        await peer.send("goodbye", code=code, reason="why")
        await peer.socket.aclose(code, "why")

    async with server(suspend) as url, open_client(url, "t") as client:
        with pytest.raises(ClientClosed) as info:
            await client.send("r", "hi")
        assert (info.value.code, info.value.reason) == (code, "why")
        assert (await next_event(client)).seq == 1
        with pytest.raises(ClientClosed):
            await next_event(client)
        with pytest.raises(ClientClosed):
            await client.send("r", "hi")


async def test_a_token_that_is_refused_leaves_as_itself_and_not_in_a_group() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.receive()
        await peer.send("goodbye", code=4501, reason="no valid token")
        await peer.socket.aclose(4501, "no valid token")

    async with server(refuse) as url:
        with pytest.raises(ClientClosed) as info:
            async with open_client(url, "nonsense"):
                raise AssertionError("it must not open")
        assert info.value.code == 4501


async def test_what_the_block_raises_leaves_as_itself() -> None:
    async with server(idle) as url:
        with pytest.raises(LookupError):
            async with open_client(url, "t"):
                raise LookupError


async def test_a_server_that_is_not_there_is_told_in_time() -> None:
    began = trio.current_time()
    with pytest.raises(ConnectionLost):
        async with open_client("http://127.0.0.1:1", "t", within=0.5):
            raise AssertionError("it must not open")
    assert trio.current_time() - began < 2


async def test_a_wrong_address_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="not the address"):
        async with open_client("chat.example", "t"):
            raise AssertionError("it must not open")


async def test_a_call_that_gets_no_answer_ends_in_time_and_names_the_id() -> None:
    async with server(idle) as url, open_client(url, "t", within=0.3) as client:
        with pytest.raises(RequestTimeout) as info:
            await client.send("r", "hi", id="mine")
        assert info.value.id == "mine"
        with pytest.raises(RequestTimeout):
            await client.history("r")


async def test_what_is_about_a_connection_is_lost_with_it() -> None:
    async def cut(peer: Peer) -> None:
        await peer.welcome()
        await peer.receive()
        await peer.cut()

    async with server(cut, idle) as url, open_client(url, "t") as client:
        with pytest.raises(ConnectionLost):
            await client.typing("r")


async def test_a_dead_connection_is_noticed_and_a_pinged_one_lives() -> None:
    async def dead(peer: Peer) -> None:
        await peer.welcome(ping_ms=600)
        await trio.sleep(20)

    async def alive(peer: Peer) -> None:
        await peer.welcome(ping_ms=600)
        for _ in range(20):
            await trio.sleep(0.1)
            await peer.socket.ping()
        await peer.message(1)
        await peer.until_closed()

    async with server(dead, alive) as url, open_client(url, "t") as client:
        assert (await next_event(client)).t == "welcome"
        assert (await next_event(client)).seq == 1


async def test_a_program_that_takes_no_events_stops_the_reading_and_misses_nothing() -> None:
    total, written, full = MOST_EVENTS + 300, 0, trio.Event()

    async def flood(peer: Peer) -> None:
        nonlocal written
        await peer.welcome()
        for seq in range(1, total + 1):
            await peer.message(seq, "x" * 50_000)
            written = seq
            if written == MOST_EVENTS:
                full.set()
        await peer.until_closed()

    async with server(flood) as url, open_client(url, "t") as client:
        await full.wait()
        await trio.sleep(0.5)
        assert written < total
        assert [(await next_event(client)).seq for _ in range(total)] == list(range(1, total + 1))


async def test_an_ack_behind_more_events_than_fit_is_found_and_they_come_later() -> None:
    total = MOST_EVENTS + 300

    async def flood(peer: Peer) -> None:
        await peer.welcome()
        frame = await peer.receive()
        for seq in range(1, total + 1):
            await peer.message(seq)
        await peer.ack(frame, total + 1)
        await peer.until_closed()

    async def again(peer: Peer) -> None:
        await peer.welcome(last_seq=total)
        for seq in range(peer.hello["resume"]["r"] + 1, total + 1):
            await peer.message(seq)
        await peer.until_closed()

    async with server(flood, again) as url, open_client(url, "t") as client:
        assert (await client.send("r", "hi")).seq == total + 1
        seen: list[int] = []
        while len(seen) < total:
            event = await next_event(client)
            seen += [event.seq] if event.t == "message" else []
        assert seen == list(range(1, total + 1))


async def test_more_sends_than_the_outbox_holds_wait_and_keep_their_order() -> None:
    total, bodies = MOST_SENDS + 50, list[str]()

    async def answer(peer: Peer) -> None:
        await peer.welcome()
        held = [await peer.receive() for _ in range(MOST_SENDS)]
        with trio.move_on_after(0.2) as quiet:
            held.append(await peer.receive())
        assert quiet.cancelled_caught
        while len(bodies) < total:
            frame = held.pop(0) if held else await peer.receive()
            bodies.append(frame["body"])
            await peer.ack(frame, len(bodies))
        await peer.until_closed()

    async with server(answer) as url, open_client(url, "t", listen=False) as client:
        async with trio.open_nursery() as nursery:
            for number in range(total):
                nursery.start_soon(client.send, "r", str(number))
                await trio.lowlevel.checkpoint()
        assert sorted(bodies, key=int) == [str(number) for number in range(total)]


async def test_a_frame_of_a_whole_mebibyte_is_read() -> None:
    async def big(peer: Peer) -> None:
        await peer.welcome()
        await peer.message(1, BIG)
        await peer.until_closed()

    async with server(big) as url, open_client(url, "t") as client:
        assert (await next_event(client)).body == BIG


async def test_leaving_is_quick_whatever_the_server_does() -> None:
    async def deaf(peer: Peer) -> None:
        await peer.welcome()
        await trio.sleep(10)

    for script in (idle, deaf):
        async with server(script) as url:
            async with open_client(url, "t"):
                began = trio.current_time()
            assert trio.current_time() - began < 1.5
            with trio.move_on_after(0.2) as scope:
                async with open_client(url, "t") as client:
                    await client.send("r", "hi")
            assert scope.cancelled_caught


async def test_leaving_ends_the_connection_politely() -> None:
    closed: list[int] = []

    async def note(peer: Peer) -> None:
        await peer.welcome()
        await peer.until_closed()
        assert peer.socket.closed is not None
        closed.append(peer.socket.closed.code)

    async with server(note) as url:
        async with open_client(url, "t") as client:
            assert client.user == "me" and client.rooms["r"].name == "the room"
        await trio.testing.wait_all_tasks_blocked(0.05)
    assert closed == [1000]
