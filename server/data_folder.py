"""The data folder: what lies where, and who may go there.

As root the embedded programs run as a user without rights, who cannot enter a private folder such
as root's home. Then their files lie in a folder of their own under ``/var/lib/madang``, and the
file ``elsewhere`` in the data folder says which.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import tempfile
from pathlib import Path
from typing import NamedTuple

from server.child import RunAs
from server.failure import DataUnusable
from server.programs import OUTSIDE, may_run

SOCKET_PATH_MAX = 107
LONGEST_SOCKET = "/run/.s.PGSQL.5432.lock"


class DataFolder(NamedTuple):
    """``path`` is what the user named; the embedded programs keep their files in ``home``."""

    path: Path
    home: Path
    sockets: Path
    run_as: RunAs | None

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own folder."""
        return self.home / "postgres"


def holds_data(path: Path) -> bool:
    """Whether a server or a command has ever worked on *path*."""
    return any((path / name).exists() for name in ("lock", "postgres", "elsewhere"))


def make_data_folder(path: Path) -> Path:
    """Make *path* where it is missing; return it absolute."""
    path = path.absolute()
    try:
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataUnusable(f"cannot make the data folder {path}: {error.strerror}") from error
    return path


def lay_out(path: Path) -> DataFolder:
    """Find out who runs the programs of *path* and where. Only for the owner of its lock."""
    try:
        return _as_root(path) if os.geteuid() == 0 else _as_myself(path)
    except OSError as error:
        raise DataUnusable(f"cannot use the data folder {path}: {error.strerror}") from error


def give(folder: Path, run_as: RunAs | None) -> Path:
    """Make *folder*, private to *run_as*."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in _owners(run_as):
        raise DataUnusable(
            f"{folder} belongs to another user: run as that user, or choose another data folder"
        )
    if run_as is not None:
        os.chown(folder, run_as.uid, run_as.gid)
    return folder


def _owners(run_as: RunAs | None) -> tuple[int, ...]:
    return (os.geteuid(),) if run_as is None else (0, run_as.uid)


def _as_myself(path: Path) -> DataFolder:
    home = _recorded(path) or path
    sockets = home / "run"
    if _too_long(home):
        name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        sockets = Path(tempfile.gettempdir(), f"madang-{os.geteuid()}-{name}")
    return DataFolder(path, home, sockets, None)


def _as_root(path: Path) -> DataFolder:
    run_as = _user_without_rights(path)
    home = _recorded(path)
    if home is None:
        home = path if may_run(path, run_as) and not _too_long(path) else _new_home(path)
    return DataFolder(path, home, home / "run", run_as)


def _user_without_rights(path: Path) -> RunAs:
    """Whoever owns the cluster that is there (an ordinary user made it), else nobody."""
    cluster = path / "postgres"
    if cluster.exists() and cluster.stat().st_uid != 0:
        return RunAs(cluster.stat().st_uid, cluster.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return RunAs(nobody.pw_uid, nobody.pw_gid)


def _too_long(home: Path) -> bool:
    return len(os.fsencode(home)) + len(LONGEST_SOCKET) > SOCKET_PATH_MAX


def _recorded(path: Path) -> Path | None:
    record = path / "elsewhere"
    if not record.exists():
        return None
    home = Path(record.read_text(encoding="utf-8").strip())
    if not home.is_dir():
        raise DataUnusable(
            f"the database of {path} lay in {home}, which is gone; remove {record} to start empty"
        )
    return home


def _new_home(path: Path) -> Path:
    OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="data-", dir=OUTSIDE))
    home.chmod(0o711)
    (home / "belongs-to").write_text(f"{path}\n", encoding="utf-8")
    (path / "elsewhere").write_text(f"{home}\n", encoding="utf-8")
    return home
