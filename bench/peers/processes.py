"""Which processes there are, by ``/proc``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def children() -> frozenset[int]:
    """The processes that this one started."""
    return frozenset(pid for pid, parent in _parents().items() if parent == os.getpid())


def trees(roots: Iterable[int]) -> tuple[int, ...]:
    """Those of *roots* that run, and all below them."""
    parents = _parents()
    found = [pid for pid in roots if pid in parents]
    for above in found:  # grows meanwhile
        found += [pid for pid, parent in parents.items() if parent == above]
    return tuple(found)


def _parents() -> dict[int, int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            if folder.name.isdigit():
                # pid (name) state parent: a name may hold anything, a ")" too
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    return parents
