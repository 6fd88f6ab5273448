"""Blocks, and whoever keeps for a while who blocks whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from actors.ports import Blocks
from protocol.ids import Millis, RoomId


class ToldBlocks(Blocks):
    """The port Blocks over another: *changed* is told of both after each change, and of one whose
    outcome is not known.
    """

    def __init__(self, blocks: Blocks, changed: Callable[[Sequence[int]], Awaitable[None]]) -> None:
        self._blocks, self._changed = blocks, changed

    async def change(self, blocker_no: int, blocked_no: int, *, on: bool, at: Millis) -> bool:
        """Store a block or its end; whether the two have one now, either way."""
        try:
            return await self._blocks.change(blocker_no, blocked_no, on=on, at=at)
        finally:
            await self._changed([blocker_no, blocked_no])

    async def shared(self, one_no: int, other_no: int) -> Sequence[RoomId]:
        """The rooms that both are in."""
        return await self._blocks.shared(one_no, other_no)
