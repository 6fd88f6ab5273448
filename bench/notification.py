"""How fast notifications reach the web, what that takes, and what a chat beside it feels."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

import trio

from bench import beside
from bench.asking import MINUTE, make_admin
from bench.beside import felt
from bench.database import opened
from bench.figures import shown
from bench.generator import Load, generate, write_plan
from bench.machine import look_around
from bench.madang import Folders, Measured, measured_server, seats_of
from bench.measuring import Bench
from bench.notices import Told, send_all
from bench.peers.processes import trees
from bench.pinning import Cores, pin
from bench.results import Result
from bench.tables import aligned
from bench.usage import Processes, Usage, sorted_out
from bench.workloads import Crowd
from server.lifecycle import backends
from server.postgres.pool import Database

PEOPLE, CONNECTED, NOTIFICATIONS = 10_000, 1_000, 100_000
LOOK_S, WITHIN_S = 1.0, 1_200.0
PACE: Final = 5_000.0
"""Notifications that are due each second beside the chat."""
INTAKE_LEAST, SHOWN_LEAST = 1_500.0, 1_000.0
"""What is surely managed each second, so that one knows how long to wait."""

ADD = """
INSERT INTO users (user_id, username)
SELECT 'told' || n, 'told' || n FROM generate_series(1, $1) n"""
SHOWN = "SELECT count(*) FROM notifications"
LEFT = "SELECT count(*) FROM notification_deliveries WHERE state = 'waiting' AND due_at <= $1"


class Moment(NamedTuple):
    """So many were shown by then, in seconds from the beginning, and what ran then used."""

    at: float
    shown: int
    usage: Usage


class Watched(NamedTuple):
    """What was measured of many notifications, and what its connected people were shown."""

    what: str
    moments: Sequence[Moment]

    def lines(self) -> Iterator[str]:
        """It in words."""
        first, last = self.moments[0], self.moments[-1]
        count, lasted = last.shown - first.shown, last.at - first.at
        yield f"{self.what}: {count:,} in {lasted:.1f} s, {count / lasted:,.0f} a second"
        yield from _rows(self.moments)


class Beside:
    """What was managed while a chat went on."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    @asynccontextmanager
    async def sending(self, server: Measured, url: str) -> AsyncIterator[None]:
        """What is due at ``PACE`` in a round, taken in before; in the end nothing is left."""
        seconds = beside.ROUND_S + 2
        async with opened(url) as database:
            ids = await _everybody(server, database)
            first, count = time.time(), round(PACE * seconds)
            due = first + 1 + count / INTAKE_LEAST
            told = Told(ids, due=lambda number: due + number / PACE)
            await send_all(server, told, count)
            await trio.sleep(max(0.0, due - time.time()))
            yield
            self.rates.append(await _rate(database, due, seconds))
            with trio.fail_after(MINUTE):
                while await _left(database):  # noqa: ASYNC110 - another process empties it
                    await trio.sleep(LOOK_S)


def measure(folders: Folders, scale: float, bench: Bench) -> str:
    """All of it, as tables."""
    about = look_around(folders.parent, Cores(None, None), rate_limits="off")
    title = f"{about.cpu}, {about.cores} cores, load average before {about.load_average:.1f}"
    watched = _alone(folders, scale, bench)
    people, other = _scaled(PEOPLE, scale), Beside()

    def prepare(server: Measured, url: str) -> None:
        trio.run(_prepare, server, url, people)

    both = felt(folders, scale, bench, prepare=prepare, meanwhile=other.sending)
    what = f"{median(other.rates):,.0f} notifications a second ({PACE:,.0f} were due)"
    parts = [*(each.lines() for each in watched), both.lines(scale, what)]
    return "\n\n".join((title, *("\n".join(lines) for lines in parts)))


def _scaled(count: int, scale: float) -> int:
    return max(10, round(count * scale))


def _alone(folders: Folders, scale: float, bench: Bench) -> Sequence[Watched]:
    connected = Crowd.apart(_scaled(CONNECTED, scale) // 2, 2)
    people = _scaled(PEOPLE, scale) - connected.users
    with (
        measured_server([connected], folders=folders) as server,
        backends(server.data, None, None, role="command") as running,
    ):
        pin([server.pid], bench.cores.server)
        trio.run(_prepare, server, running.database_url, people)
        count = _scaled(NOTIFICATIONS, scale)
        return trio.run(_both, server, running.database_url, count, bench)


async def _both(server: Measured, url: str, count: int, bench: Bench) -> Sequence[Watched]:
    async with opened(url) as database:
        strangers = await _everybody(server, database, connected=False)
        everybody = await _everybody(server, database)
        taken = Watched(
            f"Taken in over HTTP and shown, to {len(strangers):,} people",
            await _taken_in(server, database, Told(strangers), count),
        )
        due = Watched(
            f"Due at once, to {len(everybody):,} people, {len(server.people):,} of them connected",
            await _due_at_once(server, database, everybody, count, bench),
        )
    return taken, due


async def _taken_in(
    server: Measured, database: Database, told: Told, count: int
) -> Sequence[Moment]:
    begun = time.time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, server, told, count)
        return await _until_shown(server, database, begun, count)


async def _due_at_once(
    server: Measured, database: Database, ids: Sequence[str], count: int, bench: Bench
) -> Sequence[Moment]:
    """Everybody who is connected is shown what is his, or it is no measurement."""
    before = await database.fetchval(SHOWN)
    due = time.time() + 5 + count / INTAKE_LEAST
    load = _holding(server, seconds=due - time.time() + 5 + count / SHOWN_LEAST)
    results = list[Result]()

    async def hold() -> None:
        results.append(await generate(bench.program, load, cores=bench.generator_cores))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold)
        await send_all(server, Told(ids, due=lambda _: due), count)
        await trio.sleep(max(0.0, due - time.time()))
        moments = await _until_shown(server, database, due, before + count)
    told = results[0].frames.get("notification", 0)
    expected = sum(number % len(ids) < len(server.people) for number in range(count))
    assert results[0].is_sound, results[0].faults
    assert told == expected, f"{told} notifications came, and not {expected}"
    return moments


def _holding(server: Measured, *, seconds: float) -> Load:
    plan = server.data.parent / "plan"
    write_plan(plan, seats_of(server.people))
    url = f"ws://{server.host}:{server.port}/ws"
    return Load(url=url, mode="hold", plan=plan, seconds=seconds)


async def _until_shown(
    server: Measured, database: Database, begun: float, count: int
) -> Sequence[Moment]:
    """What went on, second by second."""
    moments, processes = list[Moment](), sorted_out(trees([server.pid]))
    with trio.fail_after(WITHIN_S):
        while not moments or moments[-1].shown < count:
            moments.append(await _moment(database, begun, processes))
            await trio.sleep(LOOK_S if moments[-1].shown < count else 0)
    return moments


async def _moment(database: Database, begun: float, processes: Processes) -> Moment:
    seen = await database.fetchval(SHOWN)
    return Moment(time.time() - begun, seen, processes.usage())


async def _rate(database: Database, due: float, seconds: float) -> float:
    """Of those that were due since then, how many a second were shown."""
    lasted = min(time.time() - due, seconds)
    return (lasted * PACE - await _left(database)) / lasted


async def _left(database: Database) -> int:
    left: int = await database.fetchval(LEFT, round(time.time() * 1000))
    return left


async def _prepare(server: Measured, url: str, people: int) -> None:
    async with opened(url) as database:
        await make_admin(server, database)
        await database.execute(ADD, people, within=MINUTE)
        await database.execute("VACUUM ANALYZE", within=10 * MINUTE)


async def _everybody(
    server: Measured, database: Database, *, connected: bool = True
) -> Sequence[str]:
    """Ids: of those who may be *connected*, and of those who never are."""
    rows = await database.fetch("SELECT user_id FROM users WHERE user_id LIKE 'told%'")
    strangers = [row["user_id"] for row in rows]
    return [*(person.id for person in server.people), *strangers] if connected else strangers


def _rows(moments: Sequence[Moment]) -> Iterator[str]:
    head = ["second", "shown", "server CPU %", "database CPU %", "server MiB"]
    rows = []
    for earlier, now in pairwise(moments):
        lasted = now.usage.at - earlier.usage.at
        cpu = (now.usage.server_s - earlier.usage.server_s) / lasted
        database_s = now.usage.database_s - earlier.usage.database_s
        stores = max(0.0, database_s) / lasted  # a worker that ended takes what it used with it
        mib = now.usage.server_kib / 1024
        rows.append(
            [f"{now.at:.0f}", f"{now.shown:,}", *map(shown, (cpu * 100, stores * 100, mib))]
        )
    return aligned([head, *rows])
