"""Which cores who runs on: the server on one, the generator on another, the stores on any."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Cores(NamedTuple):
    """None where there are too few to keep anybody apart, or where the server is not ours."""

    server: int | None
    generator: int | None

    def __str__(self) -> str:
        if self.server is None and self.generator is not None:
            return f"generator on core {self.generator}, the server wherever it was"
        if self.server is None:
            return "nobody is pinned: server and generator share one core"
        return f"server on core {self.server}, generator on core {self.generator}, database free"


def share_out(available: Iterable[int]) -> Cores:
    """The first core for the server, the second for the generator.

    >>> share_out([0, 1, 2, 3]), share_out([5])
    (Cores(server=0, generator=1), Cores(server=None, generator=None))
    """
    cores = sorted(available)
    return Cores(cores[0], cores[1]) if len(cores) > 1 else Cores(None, None)


def our_cores() -> Cores:
    """Of those that this process may use."""
    return share_out(os.sched_getaffinity(0))


def pin(pids: Iterable[int], core: int | None) -> None:
    """Pin all threads of *pids*; what they start later inherits it, what they started does not."""
    if core is None:
        return
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {core})
