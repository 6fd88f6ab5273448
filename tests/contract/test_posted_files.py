"""Files that rooms may post, in memory and in PostgreSQL, and what PostgreSQL keeps of them."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
import structlog
import trio
from msgspec import structs

from actors.ports import StoreUnavailable
from actors.records import Attached, EventKind, FilesKey, NewEvent
from actors.rules.event_frames import MessageExtra, written
from protocol.events import FileInfo, Message, MessageRestored
from protocol.ids import Millis, UserId
from protocol.limits import RESTORE_WITHIN_S, UNPOSTED_KEPT_S
from server.files.folder import FolderStorage
from server.files.media import Made, Part
from server.files.spool import Spool
from server.files.upkeep import CLAIM_S, FileUpkeep
from server.ids import random_id
from server.memory.files import MemoryFiles
from server.postgres.erasure import Erasure
from server.postgres.file_upkeep import FileUpkeepStore
from server.postgres.files import Content, FileStore, PostedFiles, Upload

DIGESTS = [f"{number:064x}" for number in range(9)]
HOUR = 3_600_000


class Clock:
    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now_ms(self) -> Millis:
        return Millis(self.ms)


async def kept(store: FileStore, owner_no: int, digest: str = DIGESTS[0], at: int = 0) -> FileInfo:
    """A file of a user, with a thumbnail of its own."""
    upload = Upload(random_id(), owner_no, "a.png", "", 9, False, Millis(10**15))
    await store.begin(upload, quota=0, most=99)
    part = Part(None, digest, 9)  # type: ignore[arg-type]
    await store.claim([Content(digest, 9)], at=Millis(at))
    made = Made("image", "image/png", part, part, None, 4, 3)
    return await store.finish(upload, made, "뜰.png", received=9, at=Millis(at))


@pytest.fixture
async def files(world: Any) -> Any:
    """The port, and two files of user 1 and one of user 2 there."""
    if hasattr(world, "log"):
        for number, owner in enumerate((1, 1, 2)):
            info = FileInfo(
                id=f"f{number}",
                name="뜰.png",
                type="image/png",
                size=9,
                kind="image",
                width=4,
                height=3,
                thumbnail=True,
            )
            world.log.files[info.id] = (owner, Attached(number, info))
        return MemoryFiles(world.log), [info.info for _, info in world.log.files.values()]
    store = FileStore(world.database)
    infos = [await kept(store, owner) for owner in (1, 1, 2)]
    return PostedFiles(world.database, key=b"k"), infos


async def test_only_one_s_own_whole_files_are_ready_and_in_their_order(files: Any) -> None:
    port, (one, two, theirs) = files
    ways = [
        FilesKey(1, 1, (two.id, one.id), blind=False),
        FilesKey(1, 1, (one.id, theirs.id), blind=False),
        FilesKey(1, 1, ("nowhere",), blind=False),
        FilesKey(1, 2, (theirs.id,), blind=False),
    ]
    found = await port.ready(ways)
    assert set(found) == {ways[0], ways[3]}
    assert [file.info for file in found[ways[0]]] == [two, one]
    assert [file.info for file in found[ways[3]]] == [theirs]
    assert await port.ready([]) == {}


async def test_a_blind_room_has_names_of_its_own_that_stay(files: Any) -> None:
    port, (one, _, _) = files
    keys = [FilesKey(room, 1, (one.id,), blind=True) for room in (1, 2)]
    found = await port.ready(keys)
    again = await port.ready(keys)
    shown = [found[key][0].info for key in keys]
    assert [again[key][0].info for key in keys] == shown
    assert len({one.id, *(info.id for info in shown)}) == 3
    for info in shown:
        assert info == structs.replace(one, id=info.id, name="image.png")


def posting(seq: int, *infos: FileInfo, **fields: Any) -> NewEvent:
    extra = written(MessageExtra(kind="image", files=list(infos)))
    defaults = {"client_id": f"c{seq}", "digest": seq, "body": "", "extra": extra}
    return NewEvent(seq, 1000 + seq, EventKind.MESSAGE, 1, seq, **(defaults | fields))


def change(seq: int, kind: EventKind, of: int, **fields: Any) -> NewEvent:
    return NewEvent(seq, 1000 + seq, kind, 1, 1, of=of, **fields)


async def test_what_is_deleted_is_replayed_without_its_files(world: Any, writing: Any) -> None:
    info = FileInfo(id="f", name="n", type="t", size=1, kind="image")
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=0)
    extra = written(MessageExtra(files=[info]))
    events = [
        posting(1, info),
        posting(2, info),
        change(3, EventKind.DELETED, 1),
        change(4, EventKind.RESTORED, 1, body="", extra=extra),
    ]
    await journal.append([writing.batch(number, 1, events)])
    told = await world.events.replay(room, 0, 9, 9)
    assert [getattr(each, "files", None) for each in told] == [[info], [info], None, [info]]
    await journal.append([writing.batch(number, 1, [change(5, EventKind.DELETED, 1)])])
    told = await world.events.replay(room, 0, 9, 9)
    assert isinstance(told[0], Message) and isinstance(told[3], MessageRestored)
    assert not told[0].files and not told[3].files and told[0].kind == "image"
    assert isinstance(told[1], Message) and told[1].files == [info]
    claimed = (await journal.claim([room], tail=9))[room]
    told_of = ['"files"' in (stored.event.extra or "") for stored in claimed.tail]
    assert told_of == [False, True, False, False, False]


# ---- rows


async def post(world: Any, writing: Any, info: FileInfo, seq: int = 1) -> tuple[int, Any]:
    number, room = await world.room(1, 2)
    journal = world.journal()
    claimed = (await journal.claim([room], tail=0))[room]
    file_no = await world.database.fetchval("SELECT file_no FROM files WHERE file_id = $1", info.id)
    batch = writing.batch(number, claimed.epoch, [posting(seq, info)])
    batch.files.append((seq, 0, file_no or 0, info.id))
    await journal.append([batch])
    return number, journal


async def seen(store: FileStore, info: FileInfo, user_no: int) -> bool:
    return await store.for_reader(info.id, UserId(f"user{user_no}")) is not None


async def test_where_a_file_is_posted_is_stored_with_the_message(
    postgres: Any, writing: Any
) -> None:
    store = FileStore(postgres.database)
    info = await kept(store, 1)
    assert [await seen(store, info, no) for no in (1, 2, 3)] == [True, False, False]
    number, journal = await post(postgres, writing, info)
    assert [await seen(store, info, no) for no in (1, 2, 3)] == [True, True, False]
    stale = writing.batch(number, 99, [posting(2, info)])
    stale.files.append((2, 0, 1, "other-id"))
    await journal.append([stale])
    assert await postgres.database.fetchval("SELECT count(*) FROM room_files") == 1


async def test_a_file_that_is_deleted_while_it_is_posted_breaks_nothing(
    postgres: Any, writing: Any
) -> None:
    store = FileStore(postgres.database)
    info = await kept(store, 1)
    await store.remove(info.id, 1)
    await post(postgres, writing, info)
    assert await postgres.database.fetchval("SELECT count(*) FROM room_files") == 0
    assert await postgres.database.fetchval("SELECT count(*) FROM room_events") == 1


async def test_deleting_and_posting_at_once_end_one_way_or_the_other(
    postgres: Any, writing: Any
) -> None:
    store = FileStore(postgres.database)
    for _ in range(8):
        info = await kept(store, 1)
        removed: list[bool] = []

        async def remove(file: str = info.id, removed: list[bool] = removed) -> None:
            await trio.sleep(random.random() / 100)  # noqa: S311 - any order will do
            try:
                await store.remove(file, 1)
                removed.append(True)
            except Exception:  # noqa: BLE001 - posted already
                removed.append(False)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(remove)
            await post(postgres, writing, info)
        assert await seen(store, info, 2) is not removed[0]


class Upkeep:
    """The sweep and the erasure, on a folder."""

    def __init__(self, world: Any, folder: Any, *, began: int = Clock().ms) -> None:
        self.clock, self.storage = Clock(), FolderStorage(folder / "files")
        self.clock.ms = began
        self.spool = Spool(folder / "uploads")
        log: Any = structlog.get_logger()
        rows = FileUpkeepStore(world.database)
        self.files = FileUpkeep(rows, self.spool, self.storage, clock=self.clock, log=log)
        self.erasure = Erasure(world.database, clock=self.clock, log=log)

    async def keep(self, folder: Any, digest: str) -> None:
        path = folder / "fresh"
        path.write_bytes(b"123456789")
        await self.storage.put(digest, path)

    async def has(self, digest: str) -> bool:
        try:
            await (await self.storage.open(digest, 0, 1)).aclose()
        except Exception:  # noqa: BLE001 - however it says so
            return False
        return True


async def test_contents_go_when_nobody_needs_them_and_not_before(
    postgres: Any, tmp_path: Any
) -> None:
    upkeep, store = Upkeep(postgres, tmp_path), FileStore(postgres.database)
    now = upkeep.clock.ms
    one, two = await kept(store, 1, at=now), await kept(store, 2, at=now)
    await store.claim([Content(DIGESTS[1], 9)], at=Millis(now))  # and then its process died
    for digest in DIGESTS[:2]:
        await upkeep.keep(tmp_path, digest)
    await upkeep.files.round()
    upkeep.clock.ms += CLAIM_S * 1000 + 1
    await upkeep.files.round()
    assert (await upkeep.has(DIGESTS[0]), await upkeep.has(DIGESTS[1])) == (True, False)
    await store.remove(one.id, 1)
    await upkeep.files.round()
    assert await upkeep.has(DIGESTS[0]), "the other one has it"
    await store.claim([Content(DIGESTS[0], 9)], at=Millis(upkeep.clock.ms))
    await store.remove(two.id, 2)
    await upkeep.files.round()
    assert await upkeep.has(DIGESTS[0]), "somebody is about to keep it again"
    upkeep.clock.ms += CLAIM_S * 1000 + 1
    await upkeep.files.round()
    assert not await upkeep.has(DIGESTS[0])


async def test_a_file_that_is_in_no_message_goes_after_a_while(
    postgres: Any, writing: Any, tmp_path: Any
) -> None:
    upkeep, store = Upkeep(postgres, tmp_path), FileStore(postgres.database)
    now = upkeep.clock.ms
    posted, forgotten = await kept(store, 1, at=now), await kept(store, 1, at=now)
    later = await kept(store, 1, at=now + 2)
    await post(postgres, writing, posted)
    upkeep.clock.ms += UNPOSTED_KEPT_S * 1000
    await upkeep.files.round()
    assert await seen(store, forgotten, 1), "not yet"
    upkeep.clock.ms += 1
    await upkeep.files.round()
    left = [await seen(store, each, 1) for each in (posted, forgotten, later)]
    assert left == [True, False, True]


async def test_with_a_message_its_files_are_erased(
    postgres: Any, writing: Any, tmp_path: Any
) -> None:
    upkeep, store = Upkeep(postgres, tmp_path), FileStore(postgres.database)
    info, other = await kept(store, 1, DIGESTS[0]), await kept(store, 1, DIGESTS[1])
    for digest in DIGESTS[:2]:
        await upkeep.keep(tmp_path, digest)
    number, journal = await post(postgres, writing, info)
    await post(postgres, writing, other)
    await journal.append([writing.batch(number, 1, [change(2, EventKind.DELETED, 1)])])
    assert not await seen(store, info, 2)
    upkeep.clock.ms = 1002 + RESTORE_WITHIN_S * 1000
    await upkeep.erasure.erase_due()
    await upkeep.files.round()
    extra = "SELECT extra FROM room_events WHERE room_no = $1 AND seq = 1"
    assert await seen(store, info, 1), "it can be restored still"
    upkeep.clock.ms += HOUR
    await upkeep.erasure.erase_due()
    await upkeep.files.round()
    assert await postgres.database.fetchval(extra, number) == '{"kind": "image"}'
    assert not await seen(store, info, 1) and await seen(store, other, 2)
    assert (await upkeep.has(DIGESTS[0]), await upkeep.has(DIGESTS[1])) == (False, True)


async def test_the_spool_forgets_what_nobody_knows(postgres: Any, tmp_path: Any) -> None:
    store = FileStore(postgres.database)
    upkeep = Upkeep(postgres, tmp_path, began=1)  # everything there is younger
    for name, resumable in (("direct", False), ("resumed", True)):
        until = Millis(10**15)
        await store.begin(Upload(name, 1, "", "", 9, resumable, until), quota=0, most=9)
        await upkeep.spool.begin(name)
    await upkeep.spool.begin("nobody")
    for late, left in ((0, 3), (10**14, 2)):
        upkeep.clock.ms += late
        await upkeep.files.round()
        assert len(list((tmp_path / "uploads").iterdir())) == left
    await Upkeep(postgres, tmp_path, began=10**14).files.round()
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["resumed.received"]


async def test_a_first_round_that_fails_harms_no_upload_that_begins_meanwhile(
    postgres: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(postgres.database)
    upkeep = Upkeep(postgres, tmp_path, began=int(time.time() * 1000) - 1000)
    for broken in ("forget_unposted", "expire"):

        async def away(*_: Any) -> int:
            raise StoreUnavailable("PostgreSQL: away")

        with monkeypatch.context() as patched:
            patched.setattr(FileUpkeepStore, broken, away)
            with pytest.raises(StoreUnavailable):
                await upkeep.files.round()
        begun = Upload(broken, 1, "", "", 9, False, Millis(10**15))
        await store.begin(begun, quota=0, most=9)
        await upkeep.spool.begin(broken)
        upkeep.clock.ms += 60_000
        await upkeep.files.round()
        assert (tmp_path / "uploads" / f"{broken}.received").exists()
        upkeep = Upkeep(postgres, tmp_path, began=int(time.time() * 1000) - 1000)


class ClosedMeanwhile:
    """The database, where reports are closed behind each statement."""

    def __init__(self, database: Any) -> None:
        self._database = database

    async def fetchval(self, sql: str, *args: object) -> Any:
        return await self._database.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> None:
        await self._database.execute(sql, *args)
        await self._database.execute("UPDATE message_reports SET status = 'closed'")


async def test_a_report_that_is_closed_meanwhile_keeps_no_file(postgres: Any, writing: Any) -> None:
    store, clock = FileStore(postgres.database), Clock()
    info = await kept(store, 1)
    number, journal = await post(postgres, writing, info)
    sql = """INSERT INTO message_reports (report_id, room_no, seq, reporter_no, reason, at,
        changed_at, sender_no, said_at, body) VALUES ('r', $1, 1, 2, 'spam', 1, 1, 1, 1, 'said')"""
    await postgres.database.execute(sql, number)
    await journal.append([writing.batch(number, 1, [change(2, EventKind.DELETED, 1)])])
    clock.ms = 1003 + RESTORE_WITHIN_S * 1000
    log: Any = structlog.get_logger()
    for database in (ClosedMeanwhile(postgres.database), postgres.database):
        await Erasure(database, clock=clock, log=log).erase_due()
    asked = ("SELECT count(*) FROM room_files", "SELECT count(body) FROM message_reports")
    assert [await postgres.database.fetchval(sql) for sql in asked] == [0, 0]


async def test_a_round_passes_over_a_file_that_somebody_is_about_to_post(
    postgres: Any, tmp_path: Any
) -> None:
    upkeep, store = Upkeep(postgres, tmp_path), FileStore(postgres.database)
    infos = [await kept(store, 1, at=0) for _ in range(2)]
    async with postgres.database.transaction() as transaction:
        lock = "SELECT file_no FROM files WHERE file_id = $1 FOR UPDATE"
        await transaction.fetchval(lock, infos[0].id)
        with trio.fail_after(5):
            await upkeep.files.round()
    assert [await seen(store, info, 1) for info in infos] == [True, False]
