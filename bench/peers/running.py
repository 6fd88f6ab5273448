"""Run a peer for as long as a measurement takes."""

from __future__ import annotations

import os
import resource
import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from bench.peers.catalogue import Service
from bench.peers.install import Peer
from bench.peers.processes import trees
from bench.peers.services import Services, services

HOST = "127.0.0.1"
READY_WITHIN = 20.0
STOP_WITHIN = 10.0
VARIABLE: dict[Service, str] = {"redis": "REDIS_URL", "postgres": "DATABASE_URL"}


class RunningPeer(NamedTuple):
    """Where it listens, its process, and what runs for it."""

    host: str
    port: int
    pid: int
    services: Services

    def pids(self) -> tuple[int, ...]:
        """The processes of the server itself, as of now."""
        return trees([self.pid])

    def service_pids(self) -> tuple[int, ...]:
        """The processes of PostgreSQL and Redis that were started for it, as of now."""
        return trees(self.services.roots)


class PeerFailedError(Exception):
    """A peer did not start; the message holds what it said."""


@contextmanager
def running(
    peer: Peer,
    *,
    port: int | None = None,
    redis_url: str | None = None,
    database_url: str | None = None,
    cpu: int | None = None,
) -> Iterator[RunningPeer]:
    """*peer* on *port* (or a free one), on the core *cpu* (or on all); stopped at the end.

    A service that it needs and whose address is not given is started with it, and ends with it.
    Only from the main thread.
    """
    port = port or free_port()
    with (
        services(peer.entry.needs, redis_url, database_url) as beside,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
    ):
        urls = {VARIABLE[service]: url for service, url in beside.urls.items()}
        process = subprocess.Popen(
            [*tied(), *peer.argv, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, **dict(peer.env), **urls},
        )
        try:
            _prepare(process.pid, cpu)
            _await_ready(process, peer.name, said)
            _prepare(process.pid, cpu)
            yield RunningPeer(HOST, port, process.pid, beside)
        finally:
            _stop(process)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
    return port


def tied() -> tuple[str, ...]:
    """Before a command: where the kernel can do it, it ends with us even when we are killed."""
    path = shutil.which("setpriv")
    return (path, "--pdeathsig", "TERM") if path else ()


def _prepare(pid: int, cpu: int | None) -> None:
    """Allow it all descriptors there are, and pin its threads; those to come inherit both."""
    with suppress(ProcessLookupError, FileNotFoundError):
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
        if cpu is not None:
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {cpu})


def _await_ready(process: subprocess.Popen[bytes], name: str, said: IO[str]) -> None:
    line, end = b"", time.monotonic() + READY_WITHIN
    assert process.stdout is not None
    while not line.endswith(b"\n"):
        left = max(0.0, end - time.monotonic())
        if not select.select([process.stdout], [], [], left)[0]:
            raise _failed(f"{name} was not ready in {READY_WITHIN:.0f} s", said)
        part = os.read(process.stdout.fileno(), 4096)
        if not part:
            raise _failed(f"{name} ended before it was ready", said)
        line += part
    if line != b"ready\n":
        raise _failed(f"{name} said {line!r} and not that it was ready", said)


def _failed(what: str, said: IO[str]) -> PeerFailedError:
    said.seek(0)
    return PeerFailedError(f"{what}:\n{said.read().strip() or '(it said nothing)'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        assert process.stdout is not None
        process.stdout.close()
