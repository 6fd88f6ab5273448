"""Takes uploads in: judged as they come, files once they are whole, gone where they fail."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, cast

import trio

from actors.ports import AdapterError, StoreUnavailable, WallClock
from actors.rules.file_names import clean_name, name_for
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import FileInfo
from protocol.ids import Millis
from protocol.limits import FILE_BYTES, IMAGE_BYTES, UPLOAD_KEPT_S
from server.files.decoder import Task
from server.files.decoding import Decoding
from server.files.media import HEAD, Made, Purpose, most_bytes, unreadable
from server.files.spool import Spool
from server.files.storage import Storage
from server.files.voice import VOICE_BYTES
from server.ids import IdSource
from server.postgres.files import Content, FileStore, Upload, ended, over_quota

REQUESTS_OF_ONE: Final = 4
"""Requests of one user that bring bytes."""
REQUESTS_OF_ALL: Final = 200
UNFINISHED: Final = 20
"""Uploads of one user that are not whole yet."""
SETTLED_WITHIN: Final = 60.0
BROKEN_OFF_WITHIN: Final = 5.0
UNDONE_WITHIN: Final = 0.5
"""After the stop, for what was begun and cannot be ended."""
ONE_GO_S: Final = 2 * 3600
"""More than any request takes. What is left then is of one that died."""
AGAIN_MS: Final = 1_000
MOST: Final[dict[Purpose, int]] = {"file": FILE_BYTES, "voice": VOICE_BYTES}
"""Bytes of an upload, for what it is to become; of images fewer."""
VOICE_NAME: Final = "broadcast"
MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)


class NewUpload(NamedTuple):
    """What somebody says of a file before it comes. ``length`` None: he does not say it."""

    name: str
    media_type: str
    length: int | None


class Progress(NamedTuple):
    """How many bytes of an upload are there, and until when it can go on."""

    there: int
    until: Millis


class Recording(NamedTuple):
    """A recording that a broadcast can have now. ``waveform`` has a byte for each 64th of it."""

    file: FileInfo
    waveform: bytes


class Work(NamedTuple):
    """A request that is at work on an upload."""

    scope: trio.CancelScope
    over: trio.Event


class Intake:
    """The uploads of this node. ``under_way`` requests, ``bytes_in`` and ``files`` since its start.

    Every method may raise ProtocolError and StoreUnavailable.
    """

    def __init__(
        self,
        rows: FileStore,
        spool: Spool,
        storage: Storage,
        *,
        quota: int,
        clock: WallClock,
        new_id: IdSource,
    ) -> None:
        self._rows, self._spool, self._storage = rows, spool, storage
        self.quota, self._clock, self._new_id = quota, clock, new_id
        self._by_user: Counter[int] = Counter()
        self._busy: dict[str, Work] = {}
        self._decoding = Decoding()
        self._shields: set[trio.CancelScope] = set()
        self._stops_at = math.inf
        self.bytes_in = self.files = 0

    @property
    def under_way(self) -> int:
        """Requests that bring bytes now."""
        return self._by_user.total()

    def stop(self, at: float) -> None:
        """Let what is at its end come to it until *at* on trio's clock, and no later."""
        self._stops_at = at
        for shield in self._shields:
            shield.deadline = min(shield.deadline, at)

    # ---- in one go

    async def take(self, owner_no: int, new: NewUpload, parts: AsyncIterator[bytes]) -> FileInfo:
        """All of a file, or nothing of it. To be called while one is ``counted``."""
        info, _ = await self._take(owner_no, new, parts, "file")
        return info

    async def take_voice(
        self, owner_no: int, new: NewUpload, parts: AsyncIterator[bytes]
    ) -> Recording:
        """As ``take``, the recording of a broadcast: unposted until a broadcast has it.

        Whatever its name was. What *parts* raise when all has come leaves nothing behind, either.
        """
        told = new._replace(name=VOICE_NAME)
        info, made = await self._take(owner_no, told, parts, "voice")
        return Recording(info, cast(bytes, made.waveform))

    async def _take(
        self, owner_no: int, new: NewUpload, parts: AsyncIterator[bytes], purpose: Purpose
    ) -> tuple[FileInfo, Made]:
        upload = await self.begin(owner_no, new, purpose=purpose)
        try:
            beyond = over_quota(self.quota) if new.length is None else None
            await self._receive(upload, 0, parts, beyond, MOST[purpose])
            return await self._settled(upload, purpose)
        except BaseException:
            await self.give_up(upload)
            raise

    # ---- piece by piece

    async def begin(
        self,
        owner_no: int,
        new: NewUpload,
        *,
        resumable: bool = False,
        purpose: Purpose = "file",
    ) -> Upload:
        """Make place for an upload: in the quota and on the disk."""
        most = MOST[purpose]
        length = most if new.length is None else new.length
        if length == 0:
            raise unreadable("is empty", purpose)
        if length > most:
            raise too_large(most)
        name, said = clean_name(new.name), new.media_type.lower()
        said = said[:100] if MEDIA_TYPE.fullmatch(said) else ""
        until = self._deadline(UPLOAD_KEPT_S if resumable else ONE_GO_S)
        upload = Upload(self._new_id(), owner_no, name, said, length, resumable, until)
        exact = new.length is not None
        upload = await self._rows.begin(upload, quota=self.quota, most=UNFINISHED, exact=exact)
        try:
            await self._spool.begin(upload.id)
        except BaseException:
            await self.give_up(upload)
            raise
        return upload

    async def offset(self, upload: Upload) -> int:
        """How many bytes are there."""
        return await self._spool.size(upload.id)

    async def append(self, upload: Upload, offset: int, parts: AsyncIterator[bytes]) -> Progress:
        """What *parts* bring, which begin at *offset*. With the last one it becomes a file.

        One request at a time. What has come before it breaks off stays, for a while from now.
        """
        with self._at_work(upload), self.counted(upload.owner_no):
            until = self._deadline(UPLOAD_KEPT_S)
            await self._rows.prolong(upload.id, until)
            there = await self._receive(upload, offset, parts)
            if there == upload.length:
                await self._settled(upload)
            return Progress(there, until)

    async def finish(self, upload: Upload) -> FileInfo:
        """Make the file of an upload that is whole."""
        with self._at_work(upload), self.counted(upload.owner_no):
            info, _ = await self._settled(upload)
            return info

    async def end(self, upload: Upload) -> None:
        """Forget an upload. A request that brings more of it is broken off; conflict where one
        makes a file of it.
        """
        if (work := self._busy.get(upload.id)) is not None:
            work.scope.cancel()
            with trio.move_on_after(BROKEN_OFF_WITHIN):
                await work.over.wait()
        with self._at_work(upload):
            if await self._rows.upload(upload.id, upload.owner_no) is None:
                raise ProtocolError(ErrorCode.NOT_FOUND)
            await self.give_up(upload)

    async def give_up(self, upload: Upload) -> None:
        """Forget an upload; where that fails the next round of the upkeep does."""
        with self._shielded(), suppress(AdapterError):
            await self._rows.give_up(upload.id)
            await self._spool.remove(upload.id)

    # ---- at the end

    async def _receive(
        self,
        upload: Upload,
        offset: int,
        parts: AsyncIterator[bytes],
        beyond: ProtocolError | None = None,
        most: int = FILE_BYTES,
    ) -> int:
        there = await self._spool.size(upload.id)
        if offset != there:
            raise ProtocolError(ErrorCode.CONFLICT, f"the next byte is {there}, not {offset}")
        head = await self._spool.head(upload.id, HEAD)
        judged = Judged(upload.length, there, head, beyond, most)
        async with self._spool.appending(upload.id) as write:
            async for part in parts:
                judged.see(part)
                await write(part)
                self.bytes_in += len(part)
        return judged.size

    async def _settled(self, upload: Upload, purpose: Purpose = "file") -> tuple[FileInfo, Made]:
        """The file of an upload. Whoever hangs up meanwhile changes nothing."""
        with self._shielded():
            return await self._finish(upload, purpose)
        raise StoreUnavailable("files: not stored in time")

    async def _finish(self, upload: Upload, purpose: Purpose) -> tuple[FileInfo, Made]:
        received = await self._spool.size(upload.id)
        if upload.resumable and received < upload.length:
            raise ended()
        if received == 0:
            raise unreadable("is empty", purpose)
        made = await self._made(upload, purpose)
        parts = [part for part in (made.content, made.thumbnail, made.preview) if part]
        now = self._clock.now_ms()
        await self._rows.claim([Content(part.digest, part.size) for part in parts], at=now)
        for part in parts:
            await self._storage.put(part.digest, part.path)
        name = name_for(upload.name, made.kind, made.media_type)
        info = await self._rows.finish(
            upload, made, name, received=received, at=now, quota=self.quota
        )
        self.files += 1
        with suppress(AdapterError):
            await self._spool.remove(upload.id)
        return info, made

    async def _made(self, upload: Upload, purpose: Purpose) -> Made:
        head = await self._spool.head(upload.id, HEAD)
        place = str(self._spool.path(upload.id).with_suffix(""))
        task = Task(place, head, upload.name, upload.media_type, purpose)
        return await self._decoding.make(upload.owner_no, task)

    # ---- who is at work

    @contextmanager
    def _at_work(self, upload: Upload) -> Iterator[None]:
        if upload.id in self._busy:
            text = "another request is at work on this upload"
            raise ProtocolError(ErrorCode.CONFLICT, text, retry_after_ms=AGAIN_MS)
        work = self._busy[upload.id] = Work(trio.CancelScope(), trio.Event())
        try:
            with work.scope:
                yield
        finally:
            del self._busy[upload.id]
            work.over.set()
        if work.scope.cancelled_caught:
            raise ended()

    @contextmanager
    def counted(self, owner_no: int) -> Iterator[None]:
        """A request that brings bytes, while it does. Raises ProtocolError where that is one too
        many.
        """
        if self._by_user[owner_no] >= REQUESTS_OF_ONE:
            raise ProtocolError(ErrorCode.RATE_LIMITED, retry_after_ms=AGAIN_MS)
        if self.under_way >= REQUESTS_OF_ALL:
            raise ProtocolError(ErrorCode.UNAVAILABLE, retry_after_ms=AGAIN_MS)
        self._by_user[owner_no] += 1
        try:
            yield
        finally:
            self._by_user[owner_no] -= 1
            self._by_user += Counter()  # forgets those at zero

    @contextmanager
    def _shielded(self) -> Iterator[None]:
        """Nobody who hangs up cuts short what is in here: its own deadline does, and the stop."""
        now = trio.current_time()
        by = min(now + SETTLED_WITHIN, max(self._stops_at, now + UNDONE_WITHIN))
        with trio.CancelScope(shield=True, deadline=by) as shield:
            self._shields.add(shield)
            try:
                yield
            finally:
                self._shields.discard(shield)

    def _deadline(self, after_s: int) -> Millis:
        return Millis(self._clock.now_ms() + after_s * 1000)


class Judged:
    """An upload as it grows. Raises ProtocolError as soon as it is more than it may be."""

    def __init__(
        self, length: int, size: int, head: bytes, beyond: ProtocolError | None, most: int
    ) -> None:
        self._length, self.size, self._head, self._most = length, size, head, most
        self._beyond = beyond or ProtocolError(
            ErrorCode.TOO_LARGE, f"it was to have {length} bytes"
        )

    def see(self, part: bytes) -> None:
        """More has come."""
        self.size += len(part)
        self._head += part[: HEAD - len(self._head)]
        if self.size > IMAGE_BYTES:  # nothing may be less than that
            most = min(self._most, most_bytes(self._head))
            if self.size > most:
                raise too_large(most)
        if self.size > self._length:
            raise self._beyond


def too_large(most: int) -> ProtocolError:
    """``too_large``, and what would not be."""
    why = f"at most {most} bytes for what it is"
    return ProtocolError(ErrorCode.TOO_LARGE, why, fields={"size": why})
