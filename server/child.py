"""Child processes that never outlive this one, not even when it is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from server.failure import ChildFailed

PR_SET_PDEATHSIG = 1
POLL = 0.005
LOG_KEPT = 8 * 1024 * 1024


class RunAs(NamedTuple):
    """The user without rights that a program of root's is run as."""

    uid: int
    gid: int


def identity(run_as: RunAs | None) -> Mapping[str, Any]:
    """What ``subprocess`` needs to become *run_as*; None changes nothing."""
    if run_as is None:
        return {}
    return {"user": run_as.uid, "group": run_as.gid, "extra_groups": []}


def bare_environment() -> dict[str, str]:
    """The environment of a child: no secret of ours, and no setting that changes its ways."""
    return {"PATH": os.defpath, "LANG": "C.UTF-8"}


class Child:
    """A running program. The kernel sends it *death_signal* when this process ends, in any way."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        run_as: RunAs | None,
        log: Path,
        death_signal: signal.Signals,
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            # The kernel's signal follows the thread that forked, not the process.
            raise RuntimeError(f"{name} must be started from the main thread")
        self.name = name
        self._log = log
        self._words_from = _trim(log)
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=bare_environment(),
                umask=0o077,
                start_new_session=True,  # a Ctrl-C at the terminal is for us alone
                preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 - no thread runs yet
                **identity(run_as),
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], *, within: float) -> None:
        """Return when *ready* says so; ChildFailed when the program ended or time is up."""
        for _ in range(int(within / POLL)):
            if ready():
                return
            if self._process.poll() is not None:
                raise ChildFailed(f"{self.name} did not start: {self._last_words()}")
            time.sleep(POLL)
        raise ChildFailed(f"{self.name} was not ready in {within:.0f} s: {self._last_words()}")

    def ask_to_stop(self, how: signal.Signals) -> None:
        """Send *how* and return at once."""
        self._process.send_signal(how)

    def wait_stopped(self, *, within: float, then: Sequence[signal.Signals]) -> None:
        """Wait for the end; each time *within* is over, send the next signal of *then*."""
        for harder in then:
            try:
                self._process.wait(within)
            except subprocess.TimeoutExpired:
                self._process.send_signal(harder)
            else:
                return
        self._process.wait()

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._words_from)
            lines = log.read().decode(errors="replace").split("\n")
        spoken = [line.strip() for line in lines if line.strip()]
        telling = [line for line in spoken if "FATAL" in line or "PANIC" in line] or spoken
        return telling[-1] if telling else f"it ended with {self._process.poll()} and said nothing"


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def in_the_child() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_the_child


def _trim(log: Path) -> int:
    """Put a log that has grown large aside; return where new words will begin."""
    size = log.stat().st_size if log.exists() else 0
    if size < LOG_KEPT:
        return size
    log.replace(log.with_suffix(".old.log"))
    return 0
