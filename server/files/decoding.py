"""Makes files of uploads in processes of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from actors.ports import StoreUnavailable
from server.apart import Harmful, apart
from server.files.decoder import Outcome, Task
from server.files.media import Made, Purpose, is_kept_as_it_is, unreadable
from server.turns import Turns

AT_ONCE: Final = 2
QUEUED_WITHIN, WITHIN = 10.0, 30.0


class Decoding:
    """Some processes at once, one of one user: each for an upload of which anything is decoded."""

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE, within=QUEUED_WITHIN)

    async def make(self, owner_no: int, task: Task) -> Made:
        """The file that an upload becomes. Raises ProtocolError and StoreUnavailable."""
        if task.purpose == "file" and is_kept_as_it_is(task.head):
            return await trio.to_thread.run_sync(task.make)
        async with self._turns.of(owner_no):
            with trio.move_on_after(WITHIN):
                return await _apart(task)
        raise StoreUnavailable("files: reading one took too long")


async def _apart(task: Task) -> Made:
    try:
        said = await apart("server.files.decoder", msgspec.json.encode(task))
    except Harmful as error:
        raise unreadable(str(error), task.purpose) from None
    return _made(msgspec.json.decode(said, type=Outcome, dec_hook=_path), task.purpose)


def _made(outcome: Outcome, purpose: Purpose) -> Made:
    if outcome.made is not None:
        return outcome.made
    if outcome.unreadable:
        raise unreadable(outcome.unreadable, purpose)
    if outcome.unavailable:
        raise StoreUnavailable(outcome.unavailable)
    raise RuntimeError(outcome.fault)


def _path(_: type, text: Any) -> Path:
    return Path(text)
