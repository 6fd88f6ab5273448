"""Makes files of uploads in processes of their own: what is in one can neither end nor stall the
server, and takes no more memory, time and disk than such a process has.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from actors.ports import StoreUnavailable
from server.child import bare_environment
from server.files.decoder import Outcome, Task
from server.files.media import Made, Purpose, is_kept_as_it_is, unreadable
from server.turns import Turns

AT_ONCE: Final = 2
QUEUED_WITHIN, WITHIN = 10.0, 30.0
ENDED: Final = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
"""How somebody else ends a process, for want of memory or to stop."""
ROOT: Final = Path(__file__).parents[2]


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
        done = await trio.run_process(
            [sys.executable, "-P", "-X", "utf8", "-m", "server.files.decoder"],
            stdin=msgspec.json.encode(task),
            capture_stdout=True,
            stderr=subprocess.DEVNULL,
            check=False,
            env={**bare_environment(), "PYTHONPATH": str(ROOT)},
            start_new_session=True,  # a Ctrl-C is for the server
        )
    except OSError as error:
        raise StoreUnavailable(f"files: {error}") from error
    if done.returncode == -signal.SIGXCPU:
        raise unreadable("takes too long to be read", task.purpose)
    if done.returncode in ENDED:
        raise StoreUnavailable("files: reading one was ended")
    if done.returncode < 0:  # it crashed
        raise unreadable("cannot be read", task.purpose)
    if done.returncode:
        raise RuntimeError(f"python -m server.files.decoder ended with {done.returncode}")
    return _made(msgspec.json.decode(done.stdout, type=Outcome, dec_hook=_path), task.purpose)


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
