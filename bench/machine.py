"""What a figure needs beside it: machine, versions, commit, durability, limits, pinning."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import trio
import trio_asyncio

from bench.pinning import Cores
from server.lifecycle import backends
from server.postgres.pool import connect, settled

PACKAGES = ("trio", "trio-asyncio", "asyncpg", "msgspec", "wsproto", "redis", "hypercorn")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
UNKNOWN = "unknown"
ASK_WITHIN = 10.0
SHOWN = ("server_version", "fsync", "synchronous_commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """All of it. *database* is what the measured server's own PostgreSQL says."""

    system: str
    kernel: str
    cpu: str
    cores: int
    cores_allowed: tuple[int, ...]
    memory_gib: float
    load_average: float
    python: str
    packages: Mapping[str, str]
    commit: str
    data_file_system: str
    open_files: str
    rate_limits: str
    pinning: str
    database: Mapping[str, str]


def look_around(data: Path, cores: Cores, *, rate_limits: str) -> Machine:
    """This machine, with *data* as the folder that data folders are made in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Machine(
        system=_system(),
        kernel=platform.release(),
        cpu=cpu_model(_read("/proc/cpuinfo")),
        cores=os.cpu_count() or 1,
        cores_allowed=tuple(sorted(os.sched_getaffinity(0))),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        load_average=os.getloadavg()[0],
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages=versions(PACKAGES),
        commit=commit(Path(__file__).parent),
        data_file_system=file_system(data, _read("/proc/self/mounts")),
        open_files=f"{soft} (at most {hard})",
        rate_limits=rate_limits,
        pinning=str(cores),
        database={},
    )


def place_for_data() -> Path:
    """Where data folders go: the temporary folder, unless that is memory and not a disk."""
    usual, mounts = Path(tempfile.gettempdir()), _read("/proc/self/mounts")
    other = Path("/var/tmp")  # noqa: S108 - a fresh folder is made in it, by mkdtemp
    if file_system(usual, mounts) in IN_MEMORY and os.access(other, os.W_OK):
        return other
    return usual


def cpu_model(cpuinfo: str) -> str:
    """The name of the first processor.

    >>> cpu_model("processor : 0\\nmodel name : Some CPU @ 2 GHz\\n")
    'Some CPU @ 2 GHz'
    """
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"}:
            return value.strip()
    return platform.machine() or UNKNOWN


def file_system(path: Path, mounts: str) -> str:
    """Of what kind the file system is that *path* lies on.

    >>> file_system(Path("/tmp/x"), "/dev/a / ext4 rw 0 0\\nnone /tmp tmpfs rw 0 0\\n")
    'tmpfs'
    """
    found, longest = UNKNOWN, 0
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split()
        if path.absolute().is_relative_to(point) and len(point) >= longest:
            found, longest = kind, len(point)
    return found


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def commit(folder: Path) -> str:
    """The commit that is checked out, and whether something differs from it."""
    try:
        name = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return f"{name} with changes" if changed else name


def database_facts(data: Path) -> dict[str, str]:
    """What the PostgreSQL of the server on *data* says of itself. From the main thread only."""
    with backends(data, None, None, role="command") as running:
        return trio.run(_asked, running.database_url)


async def _asked(url: str) -> dict[str, str]:
    async with trio_asyncio.open_loop() as loop:
        connection = await connect(url, loop)
        try:
            return {name: await _show(loop, connection, name) for name in SHOWN}
        finally:
            connection.terminate()


async def _show(loop: trio_asyncio.BaseTrioEventLoop, connection: Any, name: str) -> str:
    return str(await settled(loop, connection.fetchval, f"SHOW {name}", within=ASK_WITHIN))


def _git(folder: Path, *words: str) -> str:
    command = ["git", *words]
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=10
    )
    return done.stdout.strip()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""
