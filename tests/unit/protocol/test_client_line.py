from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from protocol.client.line import WRITE_WITHIN_S, WatchedStream


async def test_less_quiet_counts_for_a_wait_that_has_begun(autojump_clock: MockClock) -> None:
    ours, _theirs = memory_stream_pair()
    stream = WatchedStream(ours, quiet_s=1_000)
    ended: list[float] = []

    async def listen() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
        ended.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await wait_all_tasks_blocked()
        began = trio.current_time()
        stream.allow_quiet(2)
    assert ended[0] - began == pytest.approx(2)


async def test_every_byte_starts_the_quiet_anew(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    stream = WatchedStream(ours, quiet_s=2)
    for _ in range(3):
        await trio.sleep(5)  # nobody reads: nothing is missed
        await theirs.send_all(b"x")
        assert await stream.receive_some() == b"x"
    with pytest.raises(trio.BrokenResourceError):
        await stream.receive_some()


async def test_a_peer_that_does_not_read_breaks_the_write(autojump_clock: MockClock) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listeners[0] as listener:
        port = listener.socket.getsockname()[1]
        ours = await trio.open_tcp_stream("127.0.0.1", port)
        theirs = await listener.accept()
        async with ours, theirs:
            began = trio.current_time()
            with pytest.raises(trio.BrokenResourceError):
                await WatchedStream(ours, quiet_s=60).send_all(bytes(64 * 1024 * 1024))
            assert trio.current_time() - began >= WRITE_WITHIN_S
