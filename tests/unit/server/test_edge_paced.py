from __future__ import annotations

import trio
import trio.testing

from server.edge.paced import Paced


async def test_a_job_that_fails_is_told_and_ends_nothing_else() -> None:
    failed: list[Exception] = []
    done: list[int] = []

    async def broken() -> None:
        await trio.lowlevel.checkpoint()
        raise LookupError("x")

    async def sound() -> None:
        await trio.lowlevel.checkpoint()
        done.append(1)

    async with trio.open_nursery() as nursery:
        paced = Paced(nursery, flush=lambda: None, failed=failed.append)
        paced.put(broken)
        paced.put(sound)
    assert [type(exc) for exc in failed] == [LookupError] and done == [1]
