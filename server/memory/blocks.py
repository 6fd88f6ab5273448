"""Who blocks whom, in memory."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from actors.ports import Blocks
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, RoomId
from protocol.limits import BLOCKS_MOST
from server.memory.journal import MemoryLog


class MemoryBlocks(Blocks):
    """The port Blocks over a MemoryLog."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def change(self, blocker_no: int, blocked_no: int, *, on: bool, at: Millis) -> bool:
        """Keep a block or its end; whether the two have one now."""
        await trio.lowlevel.checkpoint()
        blocks, pair = self._log.blocks, (blocker_no, blocked_no)
        if not on:
            blocks.pop(pair, None)
        elif pair not in blocks and sum(one == blocker_no for one, _ in blocks) >= BLOCKS_MOST:
            raise ProtocolError(ErrorCode.CONFLICT, f"at most {BLOCKS_MOST} blocks")
        else:
            blocks[pair] = None
        return pair in blocks or pair[::-1] in blocks

    async def shared(self, one_no: int, other_no: int) -> Sequence[RoomId]:
        """The rooms that both are in."""
        await trio.lowlevel.checkpoint()
        rooms = self._log.rooms.values()
        return [RoomId(r.summary.id) for r in rooms if r.has(one_no) and r.has(other_no)]

    def of(self, user_no: int) -> frozenset[int]:
        """Those *user_no* has a block with, either way."""
        pairs = (pair for pair in self._log.blocks if user_no in pair)
        return frozenset(one if other == user_no else other for one, other in pairs)
