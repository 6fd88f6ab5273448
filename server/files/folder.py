"""Contents in a folder: each a file of its own, whole or not there."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeVar

import trio

from actors.ports import StoreUnavailable
from server.files.storage import CHUNK, THREADS, Storage

T = TypeVar("T")

NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}
"""A file system that gives a file one name only."""


class FolderStorage(Storage):
    """Contents below *folder*, on the file system of what is put into it: ``ab/cd/abcd…``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = trio.CapacityLimiter(THREADS)

    async def put(self, digest: str, path: Path) -> None:
        """Keep the content of *path*, as another name of it."""
        work = partial(_keep, path, self._path(digest))
        await on_disk(work, self._threads, abandoned=True)

    async def open(self, digest: str, start: int, length: int) -> FileChunks:
        """A part of the content."""
        file = await self._do(lambda: _open_at(self._path(digest), start))
        return FileChunks(file, length, self._do)

    async def remove(self, digest: str) -> None:
        """Forget the content."""
        await self._do(lambda: self._path(digest).unlink(missing_ok=True))

    async def probe(self) -> None:
        """Write something and remove it."""
        await self._do(lambda: _try_to_write(self._folder))

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:4] / digest

    async def _do(self, work: Callable[[], T]) -> T:
        return await on_disk(work, self._threads)


class InThread(Protocol):
    """Does what waits for a disk or a network."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do *work* in a thread."""


class Open(Protocol):
    """A content that is being read, here or over a network."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class FileChunks:
    """What is read of an open content."""

    def __init__(self, file: Open, length: int, do: InThread) -> None:
        self._file, self._left, self._do = file, length, do

    def __aiter__(self) -> FileChunks:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        data = await self._do(lambda: self._file.read(min(CHUNK, self._left)))
        if not data:
            raise StoreUnavailable("files: a content is shorter than it was")
        self._left -= len(data)
        return data

    async def aclose(self) -> None:
        """Read no more."""
        self._left = 0
        self._file.close()


async def on_disk(
    work: Callable[[], T], threads: trio.CapacityLimiter, *, abandoned: bool = False
) -> T:
    """Do *work* in a thread, to its end; StoreUnavailable where the disk is at fault.

    What may be *abandoned* goes on by itself where nobody waits for it any more.
    """
    try:
        return await trio.to_thread.run_sync(work, limiter=threads, abandon_on_cancel=abandoned)
    except OSError as error:
        raise StoreUnavailable(f"files: {error.strerror or error}") from error


def _open_at(path: Path, start: int) -> BinaryIO:
    file = path.open("rb")
    file.seek(start)
    return file


def _keep(path: Path, place: Path) -> None:
    if place.exists():
        return
    fresh = [folder for folder in (place.parent.parent, place.parent) if not folder.exists()]
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _flush(path)
    _link(path, place)
    for folder in {place.parent, *(made.parent for made in fresh)}:
        _flush(folder)


# What was received stays where it is until the file is known: else nobody could try again.
def _link(path: Path, place: Path) -> None:
    try:
        with suppress(FileExistsError):
            place.hardlink_to(path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        path.replace(place)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_to_write(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    trial = folder / f".trial-{os.getpid()}"
    try:
        trial.write_bytes(b"madang")
        if trial.read_bytes() != b"madang":
            raise OSError("what was written is not what is read")
    finally:
        with suppress(OSError):
            trial.unlink()
