"""One port: HTTP beside WebSockets, request by request."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import trio
from edge_server import Raw, connect, eventually, masked, open_edge, upgrade

from server.edge.limits import EdgeLimits

GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


async def test_a_get_and_then_an_upgrade_work_on_one_connection() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        for _ in range(3):
            await raw.send(GET)
            assert (await raw.answer())[0] == 200
        await raw.send(upgrade(edge) + masked(0x82, b"hi"))
        assert b" 101 " in await raw.read_to(b"\r\n\r\n")
        assert await raw.frame() == (0x82, b"hi")


async def test_pipelined_requests_are_answered_in_order_and_the_upgrade_comes_last() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        slow = GET.replace(b"/hello", b"/slow")
        await raw.send(slow + POST + GET + upgrade(edge) + masked(0x82, b"hi"))
        bodies = [json.loads((await raw.answer())[1]) for _ in range(3)]
        assert [next(iter(body)) for body in bodies] == ["slow", "length", "client"]
        assert b" 101 " in await raw.read_to(b"\r\n\r\n")
        assert await raw.frame() == (0x82, b"hi")


@pytest.mark.parametrize("at", range(0, len(POST + GET), 7))
async def test_requests_may_be_split_anywhere(at: int) -> None:
    data = POST + GET
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(data[:at] or data[:1])
        await trio.sleep(0.02)
        await raw.send(data[at or 1 :])
        assert json.loads((await raw.answer())[1]) == {"length": 5}
        assert (await raw.answer())[0] == 200


async def test_bodies_arrive_whole_in_length_and_in_chunks() -> None:
    size = 3_000_000
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(POST.replace(b": 5", b": %d" % size)[:-5] + bytes(size))
        assert json.loads((await raw.answer())[1]) == {"length": size}
        head = b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        await raw.send(head + (b"2710\r\n" + bytes(10_000) + b"\r\n") * 20 + b"0\r\n\r\n" + GET)
        assert json.loads((await raw.answer())[1]) == {"length": 200_000}
        assert (await raw.answer())[0] == 200


async def test_a_client_that_waits_for_100_is_told_to_continue() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        head = POST[:-5].replace(b"Host", b"Expect: 100-continue\r\nHost")
        await raw.send(head)
        assert (await raw.read_to(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await raw.send(b"hello" + GET)
        assert json.loads((await raw.answer())[1]) == {"length": 5}
        assert (await raw.answer())[0] == 200


async def test_an_answer_before_the_body_closes_the_connection() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbegun")
        assert (await raw.answer())[0] == 403
        assert await raw.ended()


@pytest.mark.parametrize("path", [b"/early", b"/deaf"])
@pytest.mark.parametrize("size", [70_000, 400_000, 20_000_000])
async def test_who_answers_before_a_long_body_holds_up_nobody(path: bytes, size: int) -> None:
    """The next request is answered, or the connection ends; either way at once."""
    async with open_edge() as edge, connect(edge) as raw, trio.open_nursery() as nursery:
        head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, size)

        async def send() -> None:
            with suppress(trio.BrokenResourceError):
                await raw.send(head + bytes(size) + GET)

        nursery.start_soon(send)
        assert (await raw.answer())[0] == 403
        then = await raw.read_to(b"\r\n\r\n")
        assert then == b"" or then.startswith(b"HTTP/1.1 200")


async def test_connection_close_is_honoured() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(GET.replace(b"Host", b"Connection: close\r\nHost"))
        assert (await raw.answer())[0] == 200
        assert await raw.ended()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /hello HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 20_000, 431),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ],
)
async def test_a_head_that_is_none_is_answered_and_closed(head: bytes, status: int) -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(head)
        found, body = await raw.answer()
        assert found == status
        problem = json.loads(body)
        assert problem["status"] == status
        assert set(problem) == {"type", "title", "status", "detail", "code"}
        assert await raw.ended()


async def test_a_bad_head_after_a_good_one_is_answered_too() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(GET + b"nonsense\r\n\r\n")
        assert (await raw.answer())[0] == 200
        assert (await raw.answer())[0] == 400
        assert await raw.ended()


async def test_http2_is_not_spoken() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nHost"
        await raw.send(GET.replace(b"Host", offer))
        assert (await raw.answer())[0] == 200
        await raw.send(GET)
        assert (await raw.answer())[0] == 200


async def test_a_post_that_wants_an_upgrade_is_a_post() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(POST.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: websocket\r\nHost"))
        assert json.loads((await raw.answer())[1]) == {"length": 5}


async def test_a_body_that_trickles_is_cut_off_at_its_deadline() -> None:
    async with open_edge(limits=EdgeLimits(body_deadline=0.3)) as edge, connect(edge) as raw:
        began = trio.current_time()
        await raw.send(POST.replace(b": 5", b": 5000"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trickle, raw)
            assert await raw.ended()
            nursery.cancel_scope.cancel()
        assert 0.2 < trio.current_time() - began < 3


async def test_a_long_body_has_the_time_that_it_earns() -> None:
    limits = EdgeLimits(body_deadline=0.3, body_rate=1000)
    async with open_edge(limits=limits) as edge, connect(edge) as raw:
        await raw.send(POST.replace(b": 5", b": 5000").removesuffix(b"hello"))
        for _ in range(10):
            await raw.send(bytes(500))
            await trio.sleep(0.1)
        assert json.loads((await raw.answer())[1]) == {"length": 5000}


CHUNKED = POST.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked").removesuffix(b"hello")


async def test_a_body_in_crumbs_is_cut_off_before_it_costs_much() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(CHUNKED)
        with suppress(trio.BrokenResourceError):
            await raw.send(b"1\r\na\r\n" * 20_000)
        assert await raw.ended()


async def test_chunks_may_be_small_that_come_alone_or_are_few() -> None:
    crumb, chunk = b"1\r\na\r\n", b"258\r\n%s\r\n" % bytes(600)
    async with open_edge(limits=EdgeLimits(chunks=8)) as edge, connect(edge) as raw:
        await raw.send(CHUNKED)
        for _ in range(20):
            await raw.send(crumb)
            await trio.sleep(0.01)
        await raw.send(crumb * 5 + chunk * 40 + b"0\r\n\r\n")
        assert json.loads((await raw.answer())[1]) == {"length": 25 + 40 * 600}


async def trickle(raw: Raw) -> None:
    with suppress(trio.BrokenResourceError):
        while True:
            await raw.send(b"h")
            await trio.sleep(0.02)


async def test_a_reader_that_stops_is_cut_off_and_the_others_are_served() -> None:
    limits = EdgeLimits(write_deadline=0.3)
    async with open_edge(limits=limits) as edge, connect(edge, receive_buffer=4096) as stopped:
        await stopped.send(GET.replace(b"/hello", b"/large"))
        await trio.sleep(0.1)
        async with connect(edge) as other:
            await other.send(GET)
            assert (await other.answer())[0] == 200
        await trio.sleep(0.6)
        assert len(await stopped.read_rest()) < 8_000_000


async def test_an_idle_connection_is_closed() -> None:
    async with open_edge(limits=EdgeLimits(idle_deadline=0.2)) as edge, connect(edge) as raw:
        await raw.send(GET)
        assert (await raw.answer())[0] == 200
        began = trio.current_time()
        assert await raw.ended()
        assert trio.current_time() - began < 2


async def test_a_request_at_hand_is_answered_when_the_door_stops() -> None:
    async with open_edge() as edge, connect(edge) as busy, connect(edge) as idle:
        async with connect(edge) as silent:
            await idle.send(GET)
            assert (await idle.answer())[0] == 200
            await busy.send(GET.replace(b"/hello", b"/slow"))
            await trio.sleep(0.1)
            began = trio.current_time()
            edge.door.stop()
            assert json.loads((await busy.answer())[1]) == {"slow": True}
            assert await busy.ended()
            assert await idle.ended()
            assert await silent.ended()
            assert trio.current_time() - began < 2
        with pytest.raises(OSError, match="refused"):
            async with connect(edge):
                pass


async def test_the_last_answer_of_a_connection_says_that_it_is() -> None:
    async with open_edge() as edge, connect(edge) as busy:
        await busy.send(GET + GET.replace(b"/hello", b"/slow") + GET)
        assert b"connection: close" not in (await busy.read_to(b"}")).lower()
        await trio.sleep(0.1)
        edge.door.stop()
        last = (await busy.read_rest()).lower()
        assert last.count(b"http/1.1 200") == last.count(b"connection: close") == 1
        assert b"slow" in last
        await edge.door.finished()


async def test_who_knocked_before_the_door_stopped_is_answered() -> None:
    async with open_edge() as edge, connect(edge) as waiting, connect(edge) as late:
        edge.door.stop()
        await waiting.send(GET)
        assert (await waiting.answer())[0] == 200
        await edge.door.finished()
        assert await late.ended()


async def test_the_door_waits_for_a_request_no_longer_than_its_deadline() -> None:
    limits = EdgeLimits(finish_deadline=0.2)
    async with open_edge(limits=limits) as edge, connect(edge) as endless:
        await endless.send(POST.replace(b": 5", b": 5000"))
        await trio.sleep(0.1)
        began = trio.current_time()
        edge.door.stop()
        await edge.door.finished()
        assert trio.current_time() - began < 1
        assert await endless.ended()


async def test_the_application_sees_the_client_behind_the_proxy_and_nothing_is_logged() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(GET.replace(b"/hello", b"/hello?token=secret"))
        assert json.loads((await raw.answer())[1])["client"] == "127.0.0.1"
        assert edge.logged == []


async def test_more_sockets_than_the_door_holds_wait_for_their_turn() -> None:
    async with (
        open_edge(limits=EdgeLimits(max_door=1, opening_deadline=0.3)) as edge,
        connect(edge) as silent,
        connect(edge) as next_one,
    ):
        await next_one.send(GET)
        assert (await silent.read_rest()).startswith(b"HTTP/1.1 408 ")
        assert (await next_one.answer())[0] == 200


async def test_the_door_outlives_a_shortage_of_descriptors() -> None:
    async with open_edge() as edge, connect(edge) as raw:
        await raw.send(GET)
        assert (await raw.answer())[0] == 200
        with no_descriptor_but_one():
            async with connect(edge) as waiting:
                await eventually(lambda: edge.logged)
                assert {each["event"] for each in edge.logged} == {"cannot accept"}
                await raw.send(GET)
                assert (await raw.answer())[0] == 200
                await raw.stream.aclose()
                await waiting.send(GET)
                assert (await waiting.answer())[0] == 200


@contextmanager
def no_descriptor_but_one() -> Iterator[None]:
    """Everything is in use but one number, for the client's socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in taken:
            os.close(number)
