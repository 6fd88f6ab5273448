"""How fast notifications reach the web, what that takes, and what a chat beside it feels."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final, NamedTuple

import trio

from bench.asking import MINUTE, ask, make_admin
from bench.beside import felt
from bench.database import opened
from bench.figures import shown
from bench.machine import look_around
from bench.madang import Folders, Measured, measured_server
from bench.measuring import Bench
from bench.peers.processes import trees
from bench.pinning import Cores
from bench.tables import aligned
from bench.usage import Usage, sorted_out
from bench.workloads import Crowd
from server.lifecycle import backends
from server.postgres.pool import Database

PEOPLE, NOTIFICATIONS = 10_000, 100_000
BATCH, AT_ONCE = 500, 2
LOOK_S, WITHIN_S = 1.0, 1_200.0
PACE: Final = 1_000.0
"""Notifications a second beside the chat."""
PATH: Final = "/api/notifications/send/batch"

ADD = """
INSERT INTO users (user_id, username)
SELECT 'told' || n, 'told' || n FROM generate_series(1, $1) n"""
LEFT = "SELECT count(*) FROM notification_deliveries WHERE state = 'waiting'"
SHOWN = "SELECT count(*) FROM notifications"


class Moment(NamedTuple):
    """So many were shown by then, in seconds from the first request, and what ran then used."""

    at: float
    shown: int
    usage: Usage


def measure(folders: Folders, scale: float, bench: Bench) -> str:
    """All of it, as tables."""
    about = look_around(folders.parent, Cores(None, None), rate_limits="off")
    title = f"{about.cpu}, {about.cores} cores, load average before {about.load_average:.1f}"
    people, count = max(1, round(PEOPLE * scale)), max(BATCH, round(NOTIFICATIONS * scale))
    moments = _alone(folders, people, count)

    def prepare(server: Measured, url: str) -> None:
        trio.run(_prepare, server, url, people)

    both = felt(folders, scale, bench, prepare=prepare, meanwhile=_sending)
    lines = "\n".join(both.lines(scale, f"{PACE:,.0f} notifications a second"))
    whole = moments[-1]
    rate = f"{whole.shown:,} to {people:,} people: {whole.shown / whole.at:,.0f} a second"
    return "\n\n".join((title, rate, "\n".join(_rows(moments)), lines))


def _alone(folders: Folders, people: int, count: int) -> Sequence[Moment]:
    with (
        measured_server([Crowd.apart(1, 2)], folders=folders) as server,
        backends(server.data, None, None, role="command") as running,
    ):
        trio.run(_prepare, server, running.database_url, people)
        return trio.run(_told, server, running.database_url, people, count)


async def _told(server: Measured, url: str, people: int, count: int) -> Sequence[Moment]:
    """What went on, second by second, until all were shown."""
    begun, moments = time.perf_counter(), list[Moment]()
    processes = sorted_out(trees([server.pid]))
    async with opened(url) as database, trio.open_nursery() as nursery:
        nursery.start_soon(_send_all, server, people, count)
        with trio.fail_after(WITHIN_S):
            while not moments or moments[-1].shown < count:
                await trio.sleep(LOOK_S)
                seen = await database.fetchval(SHOWN)
                moments.append(Moment(time.perf_counter() - begun, seen, processes.usage()))
    return moments


async def _send_all(server: Measured, people: int, count: int) -> None:
    """In requests of ``BATCH``, ``AT_ONCE`` at a time."""
    firsts = iter(range(0, count, BATCH))

    async def some() -> None:
        for first in firsts:
            await ask(server, "POST", PATH, _batch(first, min(BATCH, count - first), people))

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(some)


@asynccontextmanager
async def _sending(server: Measured, url: str) -> AsyncIterator[None]:
    """At a steady pace until the end, and then until nothing is left."""
    async with opened(url) as database, trio.open_nursery() as nursery:
        people = await database.fetchval("SELECT count(*) FROM users WHERE user_id LIKE 'told%'")
        nursery.start_soon(_steadily, server, people)
        yield
        nursery.cancel_scope.cancel()
    async with opened(url) as database:
        with trio.fail_after(MINUTE):
            while await database.fetchval(LEFT):  # noqa: ASYNC110 - another process empties it
                await trio.sleep(LOOK_S)


async def _steadily(server: Measured, people: int) -> None:
    size = 100
    first, begun = 0, trio.current_time()
    while True:
        await ask(server, "POST", PATH, _batch(first, size, people))
        first += size
        await trio.sleep_until(max(trio.current_time(), begun + first / PACE))


def _batch(first: int, size: int, people: int) -> object:
    return {
        "notifications": [
            {
                "recipientId": f"told{1 + number % people}",
                "type": "system.announcement",
                "title": "새 소식",
                "message": f"{number}번째 알림입니다",
            }
            for number in range(first, first + size)
        ]
    }


async def _prepare(server: Measured, url: str, people: int) -> None:
    async with opened(url) as database:
        await make_admin(server, database)
        await _add(database, people)


async def _add(database: Database, people: int) -> None:
    await database.execute(ADD, people, within=MINUTE)
    await database.execute("VACUUM ANALYZE", within=10 * MINUTE)


def _rows(moments: Sequence[Moment]) -> Iterator[str]:
    head = ["second", "shown", "server CPU %", "database CPU %", "server MiB"]
    rows = []
    for before, now in pairwise(moments):
        lasted = now.usage.at - before.usage.at
        cpu = (now.usage.server_s - before.usage.server_s) / lasted
        stores = (now.usage.database_s - before.usage.database_s) / lasted
        mib = now.usage.server_kib / 1024
        rows.append(
            [f"{now.at:.0f}", f"{now.shown:,}", *map(shown, (cpu * 100, stores * 100, mib))]
        )
    return aligned([head, *rows])
