"""Has calendars read in processes of their own."""

from __future__ import annotations

from typing import Final

import msgspec
import trio

from actors.ports import StoreUnavailable
from protocol.errors import ErrorCode, ProtocolError
from server.apart import Harmful, apart
from server.calendars.reader import Asked, Told
from server.calendars.reading import BusyTimes
from server.turns import Turns

AT_ONCE: Final = 2
QUEUED_WITHIN, WITHIN = 10.0, 30.0
PROGRAM: Final = "server.calendars.reader"


class Importing:
    """Some processes at once, one of one user: each for a calendar that he brings."""

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE, within=QUEUED_WITHIN)

    async def read(self, owner_no: int, asked: Asked) -> BusyTimes:
        """When the owner is busy by it. Raises ProtocolError and StoreUnavailable."""
        async with self._turns.of(owner_no):
            with trio.move_on_after(WITHIN):
                return await _read(asked)
        raise StoreUnavailable("calendars: reading one took too long")


async def _read(asked: Asked) -> BusyTimes:
    try:
        said = await apart(PROGRAM, msgspec.json.encode(asked))
    except Harmful as error:
        raise _refused(str(error)) from None
    told = msgspec.json.decode(said, type=Told)
    if told.found is not None:
        return told.found
    if told.unreadable:
        raise _refused(told.unreadable)
    raise RuntimeError(told.fault)


def _refused(why: str) -> ProtocolError:
    return ProtocolError(ErrorCode.INVALID, f"the calendar {why}", fields={"calendar": why})
