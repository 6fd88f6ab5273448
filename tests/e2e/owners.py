"""Other processes that use a data folder, and a look at what they leave behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg

from server.lifecycle import Backends

OWN = """
import sys
from pathlib import Path
from server.failure import CannotRun
from server.lifecycle import backends
try:
    with backends(Path(sys.argv[1]), None, None, role=sys.argv[2]) as running:
        print("up", running.database_url, running.redis_url, running.embedded, flush=True)
        sys.stdin.readline()
except CannotRun as error:
    print("refused", error, flush=True)
"""
REPOSITORY = Path(__file__).parents[2]


class Owner:
    """A process with backends on *data*, until it is let go or killed."""

    def __init__(self, data: Path, role: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN, str(data), role],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Owner:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.kill()

    def answer(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def up(self) -> Backends:
        """Where its backends are; it must have come up."""
        word, *rest = self.answer().split(" ")
        assert word == "up", rest
        return Backends(rest[0], rest[1], rest[2] == "True")

    def let_go(self) -> str:
        """Let it end in good order; what it said to people."""
        _, said = self.process.communicate("\n", timeout=20)
        assert self.process.returncode == 0, said
        return said

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=20)


def running_on(data: Path) -> list[int]:
    """The processes whose command line, or folder they work in, is of *data*."""
    record = data / "elsewhere"
    homes = [data, Path(record.read_text().strip())] if record.exists() else [data]
    return [pid for pid in _pids() if any(_is_on(pid, home) for home in homes)]


def seconds_until_gone(data: Path, *, at_most: float) -> float:
    """How long until no process is left on *data*."""
    started = time.monotonic()
    while (waited := time.monotonic() - started) < at_most:
        if not running_on(data):
            return waited
        time.sleep(0.01)
    raise AssertionError(f"still there: {running_on(data)}")


def ask(url: str, *statements: str) -> list[Any]:
    """The first value of each statement."""

    async def run() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(run())


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _is_on(pid: int, home: Path) -> bool:
    if pid == os.getpid():
        return False
    try:
        command = Path("/proc", str(pid), "cmdline").read_bytes()
        folder = Path("/proc", str(pid), "cwd").readlink()
    except OSError:
        return False
    return f"{home}/".encode() in command + b"/" or home in (folder, *folder.parents)
