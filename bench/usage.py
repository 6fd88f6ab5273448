"""What processes use, by ``/proc``: CPU and memory, of a server and of its database apart."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.results import Connected, Progress

TICK = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
STORES = ("postgres", "valkey-server", "redis-server")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU since each process began, and memory now. ``at`` is the time of looking.

    ``sockets_kib`` is what the kernel holds for TCP, of the whole machine.
    """

    at: float
    server_s: float
    database_s: float
    server_kib: int
    database_kib: int
    sockets_kib: int


@dataclass(frozen=True, slots=True)
class Processes:
    """Those of a server as of now: its own, and those that store for it."""

    server: tuple[int, ...]
    database: tuple[int, ...]

    def usage(self) -> Usage:
        """Of all that still run. Shared memory counts in each process that uses it."""
        return Usage(
            time.monotonic(),
            sum(map(_cpu_s, self.server)),
            sum(map(_cpu_s, self.database)),
            sum(map(_resident_kib, self.server)),
            sum(map(_resident_kib, self.database)),
            _sockets_kib(),
        )


def sorted_out(pids: Iterable[int]) -> Processes:
    """*pids* by what they are."""
    names = {pid: _name(pid) for pid in pids}
    stores = tuple(pid for pid, name in names.items() if name.startswith(STORES))
    return Processes(tuple(pid for pid in names if pid not in stores), stores)


class Stolen:
    """What the host of a virtual machine kept from it, since this was made."""

    def __init__(self) -> None:
        self._then = _machine_ticks()

    def share(self) -> float:
        """Of all the time of all cores, from 0 to 1.

        >>> 0 <= Stolen().share() <= 1
        True
        """
        stolen, every = (now - then for now, then in zip(_machine_ticks(), self._then, strict=True))
        return stolen / max(1, every)


def _machine_ticks() -> tuple[int, int]:
    """Stolen ones, and all: user, nice, system, idle, iowait, irq, softirq, steal."""
    ticks = [int(word) for word in Path("/proc/stat").read_text("ascii").split()[1:9]]
    return ticks[7], sum(ticks)


def begin_peak(pid: int) -> int:
    """Forget how much memory *pid* has ever had; what it has now, in bytes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")
    return peak_bytes(pid)


def peak_bytes(pid: int) -> int:
    """The most memory that *pid* has had."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


class Meter:
    """Looks at processes whenever the generator says something.

    ``first`` is the look when a phase began, ``last`` the one nearest to its end.
    """

    def __init__(self, processes: Callable[[], Processes | None]) -> None:
        self._processes = processes
        self.first: dict[str, Usage] = {}
        self.last: dict[str, Usage] = {}

    def look(self, line: Progress | Connected) -> None:
        """Now."""
        processes = self._processes()
        if processes is None:
            return
        phase = line.phase if isinstance(line, Progress) else "connected"
        seen = processes.usage()
        self.first.setdefault(phase, seen)
        self.last[phase] = seen


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    return ""


def _cpu_s(pid: int) -> float:
    """Its own, not that of children that ended."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / TICK
    return 0.0


def _resident_kib(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE_KIB
    return 0


def _sockets_kib() -> int:
    with suppress(OSError, ValueError, IndexError):
        words = Path("/proc/net/sockstat").read_text("ascii").partition("TCP:")[2].split()
        return int(words[words.index("mem") + 1]) * PAGE_KIB
    return 0
