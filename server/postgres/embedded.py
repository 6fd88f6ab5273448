"""PostgreSQL as a child process: unix socket only, fully durable, gone when we are."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from server.child import POLL, Child, bare_environment, identity
from server.data_folder import DataFolder, give
from server.failure import ChildFailed
from server.programs import Programs

START_WITHIN = 60.0
OLD_ONE_ENDS_WITHIN = 20.0

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "64",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",  # compiling costs more than any query here
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # details and statements would carry what people wrote
    "log_min_error_statement": "panic",
}

WAL_SEGMENTS = "--wal-segsize=4"
"""In MiB. Commits wait while a new one is filled: 6 ms, and 16 ms for one of the usual 16."""


def launch_postgres(folder: DataFolder, programs: Programs) -> Child:
    """Start PostgreSQL on the folder's cluster, which is made first where there is none."""
    if not folder.cluster.exists():
        _make_cluster(folder, programs)
    _outlast_old_one(folder.cluster)
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return Child(
        "PostgreSQL",
        [programs.postgres, "-D", folder.cluster, "-k", folder.sockets, *settings],
        run_as=folder.run_as,
        log=folder.path / "postgres.log",
        # A crash to it: gone at once, whatever was to be written; the log brings it back.
        death_signal=signal.SIGQUIT,
    )


def await_postgres(child: Child, folder: DataFolder) -> str:
    """Wait until *child* takes connections; return its address."""
    child.wait_until(
        lambda: (
            _pid_file(folder.cluster)[:1] == [str(child.pid)]
            and _pid_file(folder.cluster)[7:8] == ["ready"]
        ),
        within=START_WITHIN,
    )
    return f"postgresql://madang@/postgres?host={quote(str(folder.sockets))}"


def _make_cluster(folder: DataFolder, programs: Programs) -> None:
    """Make the cluster beside its place and move it there whole: half of one is never met."""
    fresh = folder.home / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    give(fresh, folder.run_as)
    options = ["-U", "madang", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", WAL_SEGMENTS]
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        [str(programs.initdb), "-D", str(fresh), *options],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd="/",
        env=bare_environment(),
        **identity(folder.run_as),
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        raise ChildFailed(f"initdb could not make {fresh}: {said}")
    fresh.rename(folder.cluster)


def _outlast_old_one(cluster: Path) -> None:
    """Wait for a killed owner's PostgreSQL to end; drop a pid file whose number is another's."""
    for _ in range(int(OLD_ONE_ENDS_WITHIN / POLL)):
        pid = next(iter(_pid_file(cluster)), "")
        command = _command_of(pid)
        if command is None:
            return  # PostgreSQL itself knows what to do with the pid of nobody
        if os.fsencode(cluster) not in command:
            (cluster / "postmaster.pid").unlink(missing_ok=True)  # it may remove it itself
            return
        time.sleep(POLL)
    raise ChildFailed(f"another PostgreSQL still runs on {cluster}")


def _command_of(pid: str) -> bytes | None:
    """The command line of a process; None when there is none."""
    try:
        return Path("/proc", pid, "cmdline").read_bytes() if pid.isdigit() else None
    except (FileNotFoundError, ProcessLookupError):
        return None


def _pid_file(cluster: Path) -> list[str]:
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    return [line.strip() for line in lines]
