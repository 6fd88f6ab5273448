"""What is kept for a while because it is asked for again, and is given up by what changes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

T = TypeVar("T")


class Cache(Protocol):
    """Bytes by name, for all nodes. It never fails: what cannot be reached has nothing.

    Each name has a generation, which ``forget`` ends. What was read before that and is put after
    it is not found: it may be older than the change.
    """

    async def get(self, name: str) -> tuple[bytes | None, int]:
        """What is kept now, if anything, and the generation to put something else in."""

    async def put(self, name: str, value: bytes, generation: int, *, kept_s: int) -> None:
        """Keep *value* for so long, unless its generation is over."""

    async def forget(self, names: Sequence[str]) -> None:
        """To be called after a change is stored, and before it is acknowledged."""


class Kept(Generic[T]):
    """One kind of thing that is kept, by the number of the user it belongs to."""

    def __init__(self, cache: Cache, kind: str, of: Any, *, kept_s: int) -> None:
        self._cache, self._kind, self._kept_s = cache, kind, kept_s
        self._decode: Callable[[bytes], T] = msgspec.msgpack.Decoder(of).decode

    async def of(self, user_no: int, read: Callable[[], Awaitable[T]]) -> T:
        """What is kept for a user, or what *read* gives, which is kept from now on."""
        value, generation = await self._cache.get(self._name(user_no))
        if value is not None:
            return self._decode(value)
        found = await read()
        encoded = msgspec.msgpack.encode(found)
        await self._cache.put(self._name(user_no), encoded, generation, kept_s=self._kept_s)
        return found

    async def forget(self, user_nos: Sequence[int]) -> None:
        """Something changed for these."""
        await self._cache.forget([self._name(user_no) for user_no in user_nos])

    def _name(self, user_no: int) -> str:
        return f"{self._kind}:{user_no}"
