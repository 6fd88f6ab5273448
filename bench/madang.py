"""Madang to measure: a fresh data folder, rate limits off, and people and rooms in it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from bench.generator import Seat
from bench.peers.running import tied
from bench.workloads import Crowd, Person
from server.data_folder import make_data_folder

UNLIMITED = {"MADANG_RATE_PER_CONNECTION": "0", "MADANG_RATE_PER_USER": "0"}
QUIET = {"MADANG_LOG_LEVEL": "WARNING"}
STORED = (sys.executable, "-m", "server", "serve")
FORGETFUL = (sys.executable, "-m", "bench.null_server")
READY_WITHIN = 60.0
STOP_WITHIN = 20.0
FIXTURE_WITHIN = 300.0
# Hashing the demo accounts' passwords leaves 40 MiB behind, which idle connections would then fill:
# 4.7 KiB each instead of 6.6 (5,000 of them).
NO_DEMO = b'{"accounts":[],"room":"none"}'
ROOMS_A_USER = 10  # of those that nobody talks in


class ServerFailed(Exception):
    """It did not start, or its people could not be made."""


class NotPeople(Exception):
    """A file that is no fixture; the message names it."""


class Measured(NamedTuple):
    """Where it listens, its process, its data, and its people."""

    host: str
    port: int
    pid: int
    data: Path
    people: list[Person]


@dataclass(frozen=True, slots=True)
class Folders:
    """Where data folders are made; see ``place_for_data``."""

    parent: Path

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """One that is gone afterwards. Root's PostgreSQL runs as somebody else, who must get in."""
        with tempfile.TemporaryDirectory(prefix="madang-bench-", dir=self.parent) as folder:
            Path(folder).chmod(0o755)
            yield Path(folder)


@contextmanager
def measured_server(
    crowds: Sequence[Crowd],
    *,
    command: Sequence[str] = STORED,
    folders: Folders | None = None,
    stored_rooms: int = 0,
) -> Iterator[Measured]:
    """A fresh server of *crowds*, with *stored_rooms* more that nobody will talk in."""
    folders = folders or Folders(Path(tempfile.gettempdir()))
    with folders.fresh() as folder, (folder / "said").open("w+", encoding="utf-8") as said:
        data = make_data_folder(folder / "data")
        (data / "demo.json").write_bytes(NO_DEMO)
        server = subprocess.Popen(
            [*tied(), *command, "--port", "0", "--data", data],
            stdout=subprocess.PIPE,
            stderr=said,
            env=os.environ | UNLIMITED | QUIET,
        )
        try:
            address = urlsplit(_ready(server, folder / "said"))
            if stored_rooms > 0:
                make_people(idle_crowd(stored_rooms), data)
            people = [person for crowd in crowds for person in make_people(crowd, data)]
            yield Measured(address.hostname or "", address.port or 0, server.pid, data, people)
        finally:
            _stop(server)


def idle_crowd(rooms: int) -> Crowd:
    """Rooms of two that only lie there."""
    return Crowd(max(2, 2 * rooms // ROOMS_A_USER), rooms, 2)


def make_people(crowd: Crowd, data: Path) -> list[Person]:
    """By ``madang fixture``, beside the server that runs on *data*."""
    out = data.parent / "people.jsonl"
    amounts = [f"--users={crowd.users}", f"--rooms={crowd.rooms}", f"--size={crowd.size}"]
    where = [f"--out={out}", f"--data={data}"]
    command = [sys.executable, "-m", "server", "fixture", *amounts, *where]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=FIXTURE_WITHIN
    )
    if done.returncode:
        raise ServerFailed(f"madang fixture: {done.stderr.strip()}")
    return read_people(out)


def read_people(path: Path) -> list[Person]:
    """The lines of a fixture; raises NotPeople."""
    decoder = msgspec.json.Decoder(Person)
    try:
        people = decoder.decode_lines(path.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotPeople(f"{path} is no file of `madang fixture`: {error}") from error
    if not any(person.rooms for person in people):
        raise NotPeople(f"{path}: there is nobody in a room")
    return people


def seats_of(people: Sequence[Person], cursor: int | None = None) -> Mapping[str, list[Seat]]:
    """Who sits in which room."""
    rooms: dict[str, list[Seat]] = {}
    for person in people:
        for room in person.rooms:
            rooms.setdefault(room, []).append(Seat(person.token, cursor))
    return rooms


def _ready(server: subprocess.Popen[bytes], said: Path) -> str:
    """The address that it prints once it serves."""
    line, end = b"", time.monotonic() + READY_WITHIN
    assert server.stdout is not None
    while not line.endswith(b"\n"):
        left = max(0.0, end - time.monotonic())
        if not select.select([server.stdout], [], [], left)[0]:
            raise ServerFailed(f"the server was not ready in {READY_WITHIN:.0f} s")
        part = os.read(server.stdout.fileno(), 4096)
        if not part:
            lines = said.read_text("utf-8", "replace").strip().splitlines()
            raise ServerFailed(f"the server ended: {(lines or ['it said nothing'])[-1]}")
        line += part
    return line.decode().split()[1]


def _stop(server: subprocess.Popen[bytes]) -> None:
    assert server.stdout is not None
    server.terminate()
    try:
        server.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    finally:
        server.stdout.close()
