"""Where contents of files are kept: by their SHA-256, whatever they are and whoever's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

CHUNK = 64 * 1024
"""Bytes read at a time."""

THREADS = 16
"""Calls of one storage that may wait for a disk or a network at once."""


class Chunks(Protocol):
    """A content as it is read, at most CHUNK bytes at a time."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def __anext__(self) -> bytes: ...
    async def aclose(self) -> None:
        """No more is wanted; whoever has opened it says so in the end. It does not wait."""


class Storage(Protocol):
    """Contents by digest, 64 hexadecimal digits. Every method may raise StoreUnavailable."""

    async def put(self, digest: str, path: Path) -> None:
        """Keep the content of the file *path*, which may be gone then. Durable on return.

        One that is there already is left as it is. Whoever is cancelled does not wait for it, and
        does not learn whether it is kept.
        """

    async def open(self, digest: str, start: int, length: int) -> Chunks:
        """*length* bytes from *start* on, which the content has. One that is lost: unavailable."""

    async def remove(self, digest: str) -> None:
        """Forget the content, if it is there."""

    async def probe(self) -> None:
        """Return when contents can be kept and read."""
