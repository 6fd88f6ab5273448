"""What a workload runs against: Madang, a peer, the floor, or any server that runs already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from bench.madang import FORGETFUL, STORED, Folders, measured_server
from bench.peers.catalogue import ENTRIES, entry_named
from bench.peers.install import Missing, installed
from bench.peers.processes import trees
from bench.peers.running import running
from bench.pinning import pin
from bench.usage import Processes, sorted_out
from bench.workloads import Person, Workload

Dialect = Literal["madang", "raw", "socketio"]
FLOOR = ("floor_each", "floor_joined")
BASELINE = "node_ws"


class NotHere(Exception):
    """A target that can't be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that takes connections. Without *people* it is a relay and asks for no tokens.

    *data* is the folder of a Madang that we started; *processes* gives None where they are not
    known.
    """

    url: str
    dialect: Dialect
    processes: Callable[[], Processes | None]
    people: Sequence[Person] | None = None
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report says of a target. *chat*: it stores, so that one can come back to it."""

    name: str
    title: str
    stores: str
    version: str
    chat: bool


class Target(Protocol):
    """One column of the table."""

    @property
    def facts(self) -> Facts: ...

    def open(self, workload: Workload, *, core: int | None) -> AbstractContextManager[Running]: ...


@dataclass(frozen=True, slots=True)
class Madang:
    """Started by us, by *command*, on fresh data."""

    facts: Facts
    command: tuple[str, ...]
    folders: Folders

    @contextmanager
    def open(self, workload: Workload, *, core: int | None) -> Iterator[Running]:
        """Its Python on *core*; PostgreSQL and Redis on any."""
        with measured_server(
            workload.crowds,
            command=self.command,
            folders=self.folders,
            stored_rooms=workload.stored_rooms,
        ) as server:
            pin(_below(server.pid).server, core)
            yield Running(
                url=f"ws://{server.host}:{server.port}/ws",
                dialect="madang",
                processes=partial(_below, server.pid),
                people=server.people,
                data=server.data,
            )


@dataclass(frozen=True, slots=True)
class Relay:
    """A peer of the list, installed already."""

    facts: Facts

    @contextmanager
    def open(self, workload: Workload, *, core: int | None) -> Iterator[Running]:
        """On *core*; what it stores in on any."""
        peer = installed(self.facts.name, download=False)
        if isinstance(peer, Missing):
            raise NotHere(peer.reason)
        with running(peer, cpu=core) as at:
            yield Running(
                url=f"ws://{at.host}:{at.port}",
                dialect=peer.entry.dialect,
                processes=lambda: Processes(at.pids(), at.service_pids()),
            )


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A server that somebody else runs, with *people* that it knows; nothing of it is pinned."""

    facts: Facts
    url: str
    dialect: Dialect
    people: Sequence[Person] | None = None
    pid: int | None = None

    @contextmanager
    def open(self, workload: Workload, *, core: int | None) -> Iterator[Running]:
        """It is there already."""
        yield Running(
            url=self.url,
            dialect=self.dialect,
            processes=lambda: _below(self.pid) if self.pid else None,
            people=self.people,
        )


def _below(pid: int) -> Processes:
    return sorted_out(trees([pid]))


def madang(folders: Folders, version: str) -> Madang:
    """The product."""
    facts = Facts("madang", "Madang", "every message, first", version, chat=True)
    return Madang(facts, STORED, folders)


def null_journal(folders: Folders, version: str) -> Madang:
    """The product, but for what it stores."""
    facts = Facts("null", "Madang, null journal", "nothing", version, chat=False)
    return Madang(facts, FORGETFUL, folders)


def relay(name: str, *, download: bool) -> Relay:
    """The peer *name*; raises NotHere, and KeyError where there is none."""
    entry = entry_named(name)
    peer = installed(name, download=download)
    if isinstance(peer, Missing):
        raise NotHere(peer.reason)
    return Relay(Facts(name, entry.title, entry.stores, peer.version, chat=False))


def relay_names() -> tuple[str, ...]:
    """All peers, the floor last."""
    return tuple(entry.name for entry in ENTRIES)
