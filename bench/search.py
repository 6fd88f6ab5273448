"""How long a search takes, whether it finds what it has to, and what its index costs."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple, TypeVar

import structlog
import trio
import trio_asyncio

from actors.records import Batch, EventKind, NewEvent
from actors.rules.searching import terms_of, words_of
from bench.figures import shown
from bench.machine import look_around
from bench.madang import Folders
from bench.pinning import Cores
from bench.search_load import COLUMNS, Shape, messages
from bench.search_truth import Checked, Truth, check
from bench.tables import aligned
from protocol.ids import RoomId
from server.data_folder import make_data_folder
from server.lifecycle import backends
from server.postgres.journal import PostgresJournal
from server.postgres.migrate import migrate
from server.postgres.pool import Database, connect, open_database, quiet_loop, settled
from server.postgres.searching import SearchStore, Sought

T = TypeVar("T")

MESSAGES, ROOMS, ROOMS_EACH = 1_000_000, 1_000, 10
WARM_ROUNDS, ALONE_ROUNDS = 2, 20
MINUTES: Final = 60.0
SOUGHT: Final = {
    "펭귄": "0.001 %",
    "견적": "0.1 %",
    "회의": "10 %",
    "ㅍㄱㅌ": "0.001 %, consonants",
    "ㅎㅇ": "over 10 %, consonants",
    "펭귄 회의": "both of two",
    "뷁뷁": "none",
}
LOG = structlog.get_logger("madang.bench")


class Plan(NamedTuple):
    """Who searches where: user n of *users* in ROOMS_EACH rooms of his own."""

    rooms: int
    messages: int

    @property
    def users(self) -> int:
        """The next one is in all of these rooms, and the one after him in one large one."""
        return self.rooms // ROOMS_EACH

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """The small rooms, and the large one."""
        return Shape(1, self.rooms, self.messages), Shape(self.rooms + 1, 1, self.large)

    @property
    def large(self) -> int:
        """Messages of the large room."""
        return self.messages // 5


class Timed(NamedTuple):
    """Milliseconds that searches took, and what they found."""

    where: str
    q: str
    cold: list[float]
    warm: list[float]
    checked: Checked


def measure(folders: Folders, scale: float, words: Iterable[str] = SOUGHT) -> str:
    """Load, index and search; the tables. Raises Untrue where something else is found."""
    words, truth = list(words), Truth(words)
    plan = Plan(max(20, round(ROOMS * scale)), max(2_000, round(MESSAGES * scale)))
    cores = Cores(None, None)
    about = look_around(folders.parent, cores, rate_limits="off")
    with folders.fresh() as folder:
        data = make_data_folder(folder / "data")
        costs = _with_database(data, partial(_prepare, plan, truth))
        timed = []
        for q in words:
            _forget_files(data)
            timed += _with_database(data, partial(_searched, plan, truth, q))
    title = (
        f"{plan.messages:,} messages in {plan.rooms:,} rooms, {plan.large:,} in one more; "
        f"{about.cpu}, {about.cores} cores, load average before {about.load_average:.1f}"
    )
    return "\n\n".join((title, "\n".join(_rows(timed)), "\n".join(costs)))


def _with_database(data: Path, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run(url: str) -> T:
        async with trio_asyncio.open_loop() as loop:
            quiet_loop(loop, LOG)
            await migrate(url)
            async with open_database(url, log=LOG) as database:
                return await work(database)

    with backends(data, None, None, role="command") as running:
        return trio.run(run, running.database_url)


# ---- what there is


async def _prepare(plan: Plan, truth: Truth, database: Database) -> list[str]:
    await database.execute(
        "INSERT INTO users (user_id, username) SELECT 'user' || n, 'name' || n"
        " FROM generate_series(1, $1) n",
        max(50, plan.users + 2),
    )
    await database.execute(
        "INSERT INTO chat_rooms (room_id, room_type) SELECT 'room' || n, 'team'"
        " FROM generate_series(1, $1) n",
        plan.rooms + 1,
    )
    await database.execute(
        "INSERT INTO chat_members (room_no, user_no)"
        " SELECT n, 1 + (n - 1) / $2::integer FROM generate_series(1, $1) n"
        " UNION ALL SELECT n, $1 / $2::integer + 1 FROM generate_series(1, $1) n"
        " UNION ALL SELECT $1 + 1, $1 / $2::integer + 2",
        plan.rooms,
        ROOMS_EACH,
        within=MINUTES,
    )
    for seed, shape in enumerate(plan.shapes):
        await _load(database, truth.noting(messages(shape, seed)))
    costs = [await _journal_cost(database), await _index_cost(plan, database)]
    await database.execute("VACUUM ANALYZE", within=10 * MINUTES)
    return [*costs, *await _sizes(database)]


async def _load(database: Database, records: Iterator[tuple[Any, ...]]) -> None:
    connection = await connect(database.url, database.loop)
    copy = partial(connection.copy_records_to_table, "room_events", columns=COLUMNS)
    await settled(database.loop, partial(copy, records=records), within=10 * MINUTES)
    connection.terminate()


async def _journal_cost(database: Database) -> str:
    """Commits of one message each from fifty rooms, through the journal."""
    rooms = [RoomId(f"cost{n}") for n in range(50)]
    await database.execute(
        "INSERT INTO chat_rooms (room_id, room_type) SELECT r, 'team' FROM unnest($1::text[]) r",
        rooms,
    )
    journal = PostgresJournal(database, owner=1)
    claimed = (await journal.claim(rooms, tail=0)).values()
    bodies = [row[-1] for row in messages(Shape(1, 1, 5_000), 7)]
    begun = time.perf_counter()
    for seq in range(1, 101):
        batches = [
            Batch(each.room_no, each.epoch, [_said(seq, bodies[seq * 49 % 5_000])], [], {}, [])
            for each in claimed
        ]
        await journal.append(batches)
    took = time.perf_counter() - begun
    await journal.aclose()
    return f"the journal stores 1,000 messages in {shown(took * 1e3 / 5)} ms, 50 in a commit"


def _said(seq: int, body: str) -> NewEvent:
    return NewEvent(seq, 1, EventKind.MESSAGE, 1, seq, f"c{seq}", seq, body)


async def _index_cost(plan: Plan, database: Database) -> str:
    rooms = list(range(1, plan.rooms + 2))
    begun, events = time.perf_counter(), 0
    while rooms:
        row = await database.fetchrow(
            "SELECT behind, events FROM index_rooms($1::integer[], 64)", rooms[:32], within=MINUTES
        )
        events += row["events"]
        rooms = rooms[32:] + row["behind"]
    took = time.perf_counter() - begun
    return f"the indexer takes 1,000 messages in {shown(took * 1e6 / events)} ms, when it works"


async def _sizes(database: Database) -> Iterator[str]:
    row = await database.fetchrow(
        "SELECT pg_total_relation_size('room_events') AS log,"
        " pg_total_relation_size('search_chunks') AS chunks,"
        " pg_relation_size('search_chunks_grams') AS grams,"
        " (SELECT avg(octet_length(body)) FROM (SELECT * FROM room_events LIMIT 10000) e) AS body"
    )
    mib = {name: row[name] / 2**20 for name in ("log", "chunks", "grams")}
    return iter(
        (
            f"bodies have {row['body']:.0f} bytes; the log has {shown(mib['log'])} MiB,",
            f"the chunks {shown(mib['chunks'])} MiB, of which the index {shown(mib['grams'])}",
        )
    )


# ---- searching in it


async def _searched(plan: Plan, truth: Truth, q: str, database: Database) -> list[Timed]:
    """Right after a start with nothing in memory, everybody for the first time; then again."""
    store = SearchStore(database)
    many = list(range(1, plan.users + 1))
    cold = [await _time(store, user, q) for user in many]
    warm = [await _time(store, user, q) for _ in range(WARM_ROUNDS) for user in many]
    own = range(1, ROOMS_EACH + 1)
    checked = await check(store, 1, q, truth.of(q, own))
    timed = [Timed(f"{ROOMS_EACH} rooms of {plan.rooms:,}", q, cold, warm, checked)]
    places = {
        f"all {plan.rooms:,} rooms": range(1, plan.rooms + 1),
        f"one room of {plan.large:,}": range(plan.rooms + 1, plan.rooms + 2),
    }
    for user, (where, rooms) in enumerate(places.items(), plan.users + 1):
        alone = partial(_time, store, user, q)
        first = [await alone()]
        again = [await alone() for _ in range(ALONE_ROUNDS)]
        checked = await check(store, user, q, truth.of(q, rooms))
        timed.append(Timed(where, q, first, again, checked))
    return timed


async def _time(store: SearchStore, user: int, q: str) -> float:
    begun = time.perf_counter()
    await store.search(user, Sought(terms=terms_of(words_of(q))))
    return (time.perf_counter() - begun) * 1e3


def _forget_files(data: Path) -> None:
    """Have the kernel drop what it keeps of the files below *data*, too."""
    for path in data.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def _rows(timed: Sequence[Timed]) -> Iterator[str]:
    """A row for each place and word."""
    head = ["", "of messages", "cold p50 ms", "cold p95", "warm p50 ms", "warm p95", "right, pages"]
    rows = [
        [f"{each.where}: {each.q}", SOUGHT[each.q], *_measured(each)]
        for each in sorted(timed, key=lambda each: each.where)
    ]
    return aligned([head, *rows])


def _measured(timed: Timed) -> Iterator[str]:
    yield from (*_middle(timed.cold), *_middle(timed.warm))
    yield f"{timed.checked.messages:,} of {timed.checked.all:,} in {timed.checked.pages}"


def _middle(took: Sequence[float]) -> tuple[str, str]:
    """The median and the 95th percentile; of few there is no such thing.

    >>> _middle([5.0]), _middle([float(n) for n in range(1, 101)])
    (('5.00', ''), ('50.5', '96.0'))
    """
    if len(took) < 20:
        return shown(median(took)), ""
    return shown(median(took)), shown(quantiles(took, n=20)[-1])
