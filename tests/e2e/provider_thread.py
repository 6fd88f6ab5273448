"""A provider that outlives the servers of a test: in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import trio
from provider_server import Play, serving


@contextmanager
def provider_of(play: Play) -> Iterator[int]:
    """Its port on loopback."""
    ports: list[int] = []
    ready, over = threading.Event(), threading.Event()

    async def run() -> None:
        async with serving(play) as server:
            ports.append(server.port)
            ready.set()
            while not over.is_set():  # noqa: ASYNC110 - another thread's
                await trio.sleep(0.1)

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0]
    finally:
        over.set()
        thread.join()
