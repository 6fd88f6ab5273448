"""What has come of uploads so far, a file each, until it is whole and stored."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import trio

from actors.ports import StoreUnavailable
from server.files.folder import on_disk
from server.files.storage import THREADS

T = TypeVar("T")

FREE_LEAST = 256 * 2**20
"""Bytes that uploads leave free on the disk."""


class Spool:
    """Bytes by upload id. Every method may raise StoreUnavailable."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = trio.CapacityLimiter(THREADS)

    def path(self, upload: str, part: str = "received") -> Path:
        """Where *part* of *upload* is: what was received, or what was made of it."""
        return self._folder / f"{upload}.{part}"

    async def begin(self, upload: str) -> None:
        """Make room for an upload; refuse it where the disk is nearly full."""
        await self._do(lambda: self._begin(self.path(upload)))

    async def size(self, upload: str) -> int:
        """How many bytes have come; 0 where nothing is there."""
        return await self._do(lambda: _size(self.path(upload)))

    async def head(self, upload: str, most: int) -> bytes:
        """The first bytes that have come."""
        return await self._do(lambda: _head(self.path(upload), most))

    @asynccontextmanager
    async def appending(self, upload: str) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
        """What writes at the end of an upload, while there is room; closed with the block."""
        file: BinaryIO = await self._do(lambda: self.path(upload).open("ab", buffering=0))
        try:
            yield lambda data: self._do(lambda: self._append(file, data))
        finally:
            file.close()

    async def remove(self, upload: str) -> None:
        """Forget an upload and all that was made of it."""
        await self._do(lambda: _remove(self._folder.glob(f"{upload}.*")))

    async def remove_others(self, known: Collection[str], *, before: float) -> int:
        """Forget what no upload of *known* has and nobody has touched since *before* (seconds
        since the epoch); how many files that were.
        """
        return await self._do(lambda: self._remove_others(known, before))

    def _begin(self, path: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_room()
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def _append(self, file: BinaryIO, data: bytes) -> None:
        self._check_room()
        _write_all(file, data)

    def _check_room(self) -> None:
        if shutil.disk_usage(self._folder).free < FREE_LEAST:
            raise StoreUnavailable("files: the disk is nearly full")

    def _remove_others(self, known: Collection[str], before: float) -> int:
        found = list(self._folder.iterdir()) if self._folder.is_dir() else []
        old = [
            path
            for path in found
            if path.name.partition(".")[0] not in known and _touched(path) < before
        ]
        return _remove(old)

    async def _do(self, work: Callable[[], T]) -> T:
        return await on_disk(work, self._threads)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _head(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return b""


def _write_all(file: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _remove(paths: Iterable[Path]) -> int:
    count = 0
    for path in paths:
        path.unlink(missing_ok=True)
        count += 1
    return count
