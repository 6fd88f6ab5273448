"""How long a selection of recipients takes, what it needs, and what a chat beside it feels."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Final, NamedTuple

import structlog
import trio

from actors.selection_records import PairFacts, SelectionAsked
from bench.beside import felt
from bench.database import opened
from bench.figures import shown
from bench.machine import look_around
from bench.madang import Folders, Measured
from bench.measuring import Bench
from bench.pinning import Cores
from bench.tables import aligned
from bench.usage import peak_bytes
from protocol.ids import Millis
from server.data_folder import make_data_folder
from server.lifecycle import backends
from server.postgres.migrate import migrate
from server.postgres.pool import Database
from server.selection.asking import SelectionProcess
from server.selection.choosing import Chooser
from server.selection.reading import Reader

PEOPLE: Final = (10_000, 100_000, 1_000_000)
SELECTIONS, REFRESHES, SIGN_INS = 200, 20, 1_000
MINUTES: Final = 60.0
NOW: Final = Millis(1_800_000_000_000)
ASKED, PAIRS = 100, 30
LOG = structlog.get_logger("madang.bench")

# A third signed in within 30 days; ages, places and what they received lie apart as among people.
ADD = """
INSERT INTO users (user_id, username, phone, birth_date, gender, preferred_gender, region,
    last_sign_in_at)
SELECT 'selected' || n, 'selected' || n, '+8220' || n, DATE '1955-01-01' + n % 19000,
    (ARRAY['female', 'male', 'other'])[1 + n % 3], (ARRAY['female', 'male', 'any'])[1 + n % 3],
    'region ' || n % 250, to_timestamp($2::bigint / 1000 - n * 7919::bigint % (90 * 86400))
FROM generate_series(1, $1) n"""
EXPOSE = """
INSERT INTO exposures (user_no, received, replied, received_at)
SELECT user_no, user_no % 20, user_no % 7, $1::bigint - user_no % 720 * 3600000::bigint
FROM users"""
ONLINE = "INSERT INTO online_totals (user_no, seconds) SELECT user_no, user_no % 90000 FROM users"
SIGN_IN = """
UPDATE users SET last_sign_in_at = last_sign_in_at + interval '1 minute'
WHERE user_no IN (SELECT 1 + (n * 7919 + $1) % $2 FROM generate_series(1, $3) n)"""


class Timed(NamedTuple):
    """Of so many people: seconds until all are there, MiB, and milliseconds."""

    people: int
    rebuilt_s: float
    grown_mib: float
    peak_mib: float
    selections: list[float]
    cpu: float
    refreshes: list[float]


def measure(folders: Folders, scale: float, bench: Bench) -> str:
    """All of it, as tables."""
    about = look_around(folders.parent, Cores(None, None), rate_limits="off")
    title = f"{about.cpu}, {about.cores} cores, load average before {about.load_average:.1f}"
    timed = [_timed(folders, max(1, round(people * scale))) for people in PEOPLE]
    beside = _beside(folders, scale, bench)
    return "\n\n".join((title, "\n".join(_rows(timed)), "\n".join(beside)))


# ---- selections alone


def _timed(folders: Folders, people: int) -> Timed:
    with folders.fresh() as folder:
        data = make_data_folder(folder / "data")
        with backends(data, None, None, role="command") as running:
            return trio.run(_time, running.database_url, people)


async def _time(url: str, people: int) -> Timed:
    async with opened(url) as database:
        await migrate(url)
        async with _selection(url) as selection:
            empty = (await selection.figures()).rss_bytes
        await _add(database, people)
        async with _selection(url) as selection:
            rebuilt_s = (await selection.figures()).rebuilt_ms / 1e3
            assert selection.pid is not None
            begun = _cpu_ms(selection.pid)
            took = [await _select(selection, seed) for seed in range(SELECTIONS)]
            cpu = (_cpu_ms(selection.pid) - begun) / SELECTIONS
            grown = ((await selection.figures()).rss_bytes - empty) / 2**20
            peak = (peak_bytes(selection.pid) - empty) / 2**20
        refreshes = await _refreshes(database, people)
    return Timed(people, rebuilt_s, grown, peak, took, cpu, refreshes)


async def _select(selection: SelectionProcess, seed: int) -> float:
    """Milliseconds of one, as who asks sees it."""
    pairs = [PairFacts(2 + 3 * n, n, n / 2, n % 2 == 0, n % 4) for n in range(PAIRS)]
    asked = SelectionAsked(sender_no=1, asked=ASKED, seed=seed, now_ms=NOW, pairs=pairs)
    begun = time.perf_counter()
    await selection.select(asked)
    return (time.perf_counter() - begun) * 1e3


async def _refreshes(database: Database, people: int) -> list[float]:
    """Milliseconds to read what 1,000 sign-ins changed: here, to see that alone."""
    reader = Reader.open(database.url)
    chooser = Chooser(reader, test_prefix="")
    took = []
    for turn in range(REFRESHES):
        await database.execute(SIGN_IN, turn, people, SIGN_INS, within=MINUTES)
        begun = time.perf_counter()
        chooser.refresh()
        took.append((time.perf_counter() - begun) * 1e3)
    chooser.close()
    return took


async def _add(database: Database, people: int) -> None:
    await database.execute(ADD, people, NOW, within=20 * MINUTES)
    await database.execute(EXPOSE, NOW, within=10 * MINUTES)
    await database.execute(ONLINE, within=10 * MINUTES)
    await database.execute("VACUUM ANALYZE", within=10 * MINUTES)


@asynccontextmanager
async def _selection(url: str) -> AsyncIterator[SelectionProcess]:
    """One that is there already."""
    selection = SelectionProcess(url, test_prefix="", log=LOG)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(selection.run)
        with trio.fail_after(2 * MINUTES):
            while selection.pid is None:  # noqa: ASYNC110 - once, before anything is measured
                await trio.sleep(0.01)
        yield selection
        nursery.cancel_scope.cancel()


def _cpu_ms(pid: int) -> float:
    told = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def _rows(timed: Sequence[Timed]) -> Iterator[str]:
    head = ["people", "rebuilt s", "RSS MiB", "peak MiB"]
    head += ["selection p50 ms", "p99", "CPU ms", "1,000 sign-ins p50 ms", "most"]
    rows = [
        [
            f"{each.people:,}",
            *(shown(number) for number in (each.rebuilt_s, each.grown_mib, each.peak_mib)),
            *(shown(number) for number in (median(each.selections), _p99(each.selections))),
            shown(each.cpu),
            *(shown(number) for number in (median(each.refreshes), max(each.refreshes))),
        ]
        for each in timed
    ]
    return aligned([head, *rows])


def _p99(took: Sequence[float]) -> float:
    return quantiles(took, n=100)[-1]


# ---- a chat beside them


def _beside(folders: Folders, scale: float, bench: Bench) -> Iterator[str]:
    people = max(1, round(PEOPLE[-1] * scale))

    def prepare(_: Measured, url: str) -> None:
        trio.run(_add_people, url, people)

    both = felt(folders, scale, bench, prepare=prepare, meanwhile=_selecting)
    yield f"{people:,} users:"
    yield from both.lines(scale, "a selection a second")


async def _add_people(url: str, people: int) -> None:
    async with opened(url) as database:
        await _add(database, people)


@asynccontextmanager
async def _selecting(_: Measured, url: str) -> AsyncIterator[None]:
    async with _selection(url) as selection, trio.open_nursery() as nursery:
        nursery.start_soon(_select_each_second, selection)
        yield
        nursery.cancel_scope.cancel()


async def _select_each_second(selection: SelectionProcess) -> None:
    seed = 0
    while True:
        await _select(selection, seed)
        await trio.sleep(1.0)
        seed += 1
