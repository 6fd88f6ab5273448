"""How fast a campaign reaches people in the app, what it needs, and what a chat beside it feels."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

import trio

from bench.asking import MINUTE, ask, make_admin
from bench.beside import felt
from bench.database import opened
from bench.figures import shown
from bench.machine import look_around
from bench.madang import Folders, Measured, measured_server
from bench.measuring import Bench
from bench.pinning import Cores
from bench.tables import aligned
from bench.usage import begin_peak, peak_bytes
from bench.workloads import Crowd
from server.lifecycle import backends
from server.postgres.pool import Database

PEOPLE: Final = (10_000, 100_000, 1_000_000)
BESIDE: Final = 300_000
"""More than a round of the chat has time for."""
LOOK_S, WITHIN_S = 0.2, 3_600.0
PATH: Final = "/api/admin/messages/send"

# They are in their twenties for a good while, and of no age before that.
ADD = """
INSERT INTO users (user_id, username, birth_date)
SELECT 'told' || n, 'told' || n, current_date - 25 * 365 - n % 365 FROM generate_series(1, $1) n"""


class Sent(NamedTuple):
    """Of so many people: recipients a second where the rooms are new, and once they are there."""

    people: int
    new_a_second: float
    again_a_second: float
    grown_mib: float


def measure(folders: Folders, scale: float, bench: Bench) -> str:
    """All of it, as tables."""
    about = look_around(folders.parent, Cores(None, None), rate_limits="off")
    title = f"{about.cpu}, {about.cores} cores, load average before {about.load_average:.1f}"
    sent = [_sent(folders, max(1, round(people * scale))) for people in PEOPLE]
    people = max(1, round(BESIDE * scale))

    def prepare(server: Measured, url: str) -> None:
        trio.run(_prepare, server, url, people)

    both = felt(folders, scale, bench, prepare=prepare, meanwhile=_sending)
    lines = "\n".join(both.lines(scale, f"a campaign to {people:,}"))
    return "\n\n".join((title, "\n".join(_rows(sent)), lines))


def _sent(folders: Folders, people: int) -> Sent:
    with measured_server([Crowd.apart(1, 2)], folders=folders) as server:
        with backends(server.data, None, None, role="command") as running:
            trio.run(_prepare, server, running.database_url, people)
        before = begin_peak(server.pid)
        new, again = (trio.run(_send_to_all, server, people) for _ in range(2))
        return Sent(people, new, again, (peak_bytes(server.pid) - before) / 2**20)


async def _send_to_all(server: Measured, people: int) -> float:
    """Recipients a second, from the request to the state that says all of them have it."""
    begun = time.perf_counter()
    job = (await ask(server, "POST", PATH, {"ageGroup": "TWENTIES", "message": "안녕하세요"}))[
        "data"
    ]
    with trio.fail_after(WITHIN_S):
        while True:
            now = (await ask(server, "GET", f"{PATH}/{job['jobId']}/status"))["data"]
            if now["completedAt"] is not None:
                break
            await trio.sleep(LOOK_S)
    assert (now["status"], now["successCount"]) == ("COMPLETED", people), now
    return people / (time.perf_counter() - begun)


@asynccontextmanager
async def _sending(server: Measured, _: str) -> AsyncIterator[None]:
    """A campaign that goes on until the end, and then is cancelled."""
    job = (await ask(server, "POST", PATH, {"ageGroup": "TWENTIES", "message": "안녕하세요"}))[
        "data"
    ]
    yield
    with suppress(urllib.error.HTTPError):  # in little it is over before
        await ask(server, "POST", f"{PATH}/{job['jobId']}/cancel")


async def _prepare(server: Measured, url: str, people: int) -> None:
    async with opened(url) as database:
        await make_admin(server, database)
        await _add(database, people)


async def _add(database: Database, people: int) -> None:
    await database.execute(ADD, people, within=20 * MINUTE)
    await database.execute("VACUUM ANALYZE", within=10 * MINUTE)


def _rows(sent: Sequence[Sent]) -> Iterator[str]:
    head = ["people", "new rooms/s", "the same again/s", "server grew MiB"]
    rows = [[f"{each.people:,}", *(shown(number) for number in each[1:])] for each in sent]
    return aligned([head, *rows])
