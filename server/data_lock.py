"""One owner of a data folder at a time, and what the others may know of him.

The lock is the kernel's (flock), so that it ends with its owner, however he ends. The text of the
lock file says who he is, and where his backends are once they run.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from server.failure import DataInUse, DataUnusable

Role = Literal["serve", "command"]

WAIT = 60.0
POLL = 0.02


class Owner(msgspec.Struct, frozen=True):
    """Who has the lock. The addresses are empty until his backends run."""

    role: Role
    pid: int
    database_url: str = ""
    redis_url: str = ""
    embedded: bool = True


class DataLock:
    """The lock, held. Only its holder writes the file."""

    def __init__(self, descriptor: int, role: Role) -> None:
        self._descriptor = descriptor
        self._role = role
        self.publish("", "", embedded=True)

    def publish(self, database_url: str, redis_url: str, *, embedded: bool) -> None:
        """Tell others where the backends are; empty addresses say: not yet, or not any more."""
        owner = Owner(self._role, os.getpid(), database_url, redis_url, embedded)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, msgspec.json.encode(owner), 0)

    def release(self) -> None:
        """Let the next one in."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def claim(data: Path, role: Role, *, say: Callable[[str], None]) -> DataLock | Owner:
    """Become the owner of *data*; for a command, a running server's backends will do.

    Waits a bounded time for a command, or a server that is starting or stopping, to be done.
    """
    descriptor = _open(data / "lock")
    said = False
    for _ in range(int(WAIT / POLL)):
        if _locked(descriptor):
            return DataLock(descriptor, role)
        owner = _owner(descriptor)
        if owner is not None and owner.role == "serve":
            if role == "serve":
                raise DataInUse(
                    f"{data} is already served by process {owner.pid}:"
                    " stop it, or choose another folder with --data"
                )
            if owner.database_url:
                os.close(descriptor)
                return owner
        elif owner is not None and not said:
            said = True
            say(f"waiting up to {WAIT:.0f} s for process {owner.pid}, a command on {data}, to end")
        time.sleep(POLL)
    raise DataInUse(f"{data} has been in use by another process for {WAIT:.0f} s: try again later")


def serving_process(data: Path) -> int | None:
    """The process that serves *data* now."""
    try:
        with (data / "lock").open("rb") as file:
            owner = None if _locked(file.fileno()) else _owner(file.fileno())
    except OSError:
        return None
    return owner.pid if owner is not None and owner.role == "serve" else None


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataUnusable(f"cannot use {path}: {error.strerror}") from error


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(descriptor: int) -> Owner | None:
    """Who the file says it is, if he lives: a killed owner's text may still stand there."""
    try:
        owner = msgspec.json.decode(os.pread(descriptor, 65536, 0), type=Owner)
    except msgspec.DecodeError:
        return None
    return owner if Path("/proc", str(owner.pid)).exists() else None
