"""What waits for a socket that does not take it now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from itertools import islice

PIECES = 256  # frames a write; the kernel's own limit is 1,024


class Backlog:
    """Frames that a blocked socket has yet to take: an offset and shared frames, never joined.

    It stands where a flowing connection has a plain list, so that who offers need not ask which it
    is. ``size`` counts every byte held, the kept state frames too. Over ``cap``: ``too_slow()``.
    """

    __slots__ = (
        "_cap",
        "_frames",
        "_grew",
        "_kept",
        "_offset",
        "_too_slow",
        "moved",
        "size",
        "skipped",
    )

    def __init__(
        self, *, cap: int, grew: Callable[[int], bool], too_slow: Callable[[], None], now: float
    ) -> None:
        self._frames: deque[bytes] = deque()
        self._kept: dict[Hashable, bytes] = {}
        self._offset = 0
        self._cap = cap
        self._grew = (
            grew  # told of every change of size; False: all backlogs together are too large
        )
        self._too_slow = too_slow
        self.size = 0
        self.skipped = 0
        self.moved = now  # when the peer last took something

    def __len__(self) -> int:
        """Never zero: a connection with a backlog waits for its socket, not for a flush."""
        return len(self._frames) + 1

    def take_over(self, frames: list[bytes], sent: int) -> None:
        """Begin with *frames*, of which the socket took the first *sent* bytes."""
        self._frames.extend(frames)
        self._skip(sent)
        self._grow(sum(map(len, frames)) - sent)

    def append(self, wire: bytes) -> None:
        """Queue *wire* at the end."""
        self._frames.append(wire)
        self._grow(len(wire))

    def keep(self, key: Hashable, wire: bytes) -> None:
        """Hold *wire* until there is room, in place of what *key* had."""
        older = self._kept.pop(key, None)
        self._kept[key] = wire
        if older is not None:
            self.skipped += 1
        self._grow(len(wire) - len(older or b""))

    def release(self) -> None:
        """Queue the kept state frames."""
        self._frames.extend(self._kept.values())
        self._kept.clear()

    def end(self, wire: bytes) -> None:
        """Queue *wire* as the last frame: kept state frames would come after it and are dropped."""
        self._grow(-sum(map(len, self._kept.values())))
        self._kept.clear()
        self.append(wire)

    def take_skipped(self) -> int:
        """State frames skipped since the last call."""
        skipped, self.skipped = self.skipped, 0
        return skipped

    def forget(self) -> None:
        """Drop everything."""
        self._frames.clear()
        self._kept.clear()
        self._grew(-self.size)
        self.size = self._offset = 0

    def pieces(self) -> list[bytes | memoryview]:
        """The next buffers to write."""
        buffers: list[bytes | memoryview] = list(islice(self._frames, PIECES))
        if self._offset:
            buffers[0] = memoryview(buffers[0])[self._offset :]
        return buffers

    def took(self, count: int, now: float) -> None:
        """The socket took *count* bytes."""
        self.size -= count
        self.moved = now
        self._grew(-count)
        self._skip(count)

    @property
    def empty(self) -> bool:
        """Whether no frame is left to write."""
        return not self._frames

    def _skip(self, count: int) -> None:
        count += self._offset
        frames = self._frames
        while frames and count >= len(frames[0]):
            count -= len(frames.popleft())
        self._offset = count

    def _grow(self, count: int) -> None:
        self.size += count
        room = self._grew(count)
        if self.size > self._cap or not room:
            self._too_slow()


class Sink:
    """Stands for the outbox of a connection that is closing: what is offered is dropped."""

    __slots__ = ()

    def __len__(self) -> int:
        """Never zero: there is nothing to flush."""
        return 1

    def append(self, wire: bytes) -> None:
        """Drop *wire*."""


SINK = Sink()
