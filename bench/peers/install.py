"""Install a peer on first use, at the versions that are checked in, or say what is not there."""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.peers import tools
from bench.peers.catalogue import Entry, entry_named

STAMP = ".installed"


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer that can be started: ``argv`` wants only the port, ``env`` is added to ours."""

    entry: Entry
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    version: str

    @property
    def name(self) -> str:
        """Its name in the list."""
        return self.entry.name


@dataclass(frozen=True, slots=True)
class Missing:
    """A peer that can't be had here, and why, in one line."""

    name: str
    reason: str


def installed(name: str, *, download: bool = True) -> Peer | Missing:
    """The peer *name*, installed if need be. Without *download* nothing is fetched."""
    entry = entry_named(name)
    try:
        tool = tools.TOOLS[entry.tool]()
        stamp, mark = entry.home / STAMP, _mark(entry, tool)
        if not stamp.exists() or stamp.read_text() != mark:
            _install(entry, tool, download=download)
            stamp.write_text(mark)
        tool.probe(entry)
        return Peer(entry, tool.argv(entry), tool.env(entry), tool.version(entry))
    except tools.NotThereError as missing:
        return Missing(name, str(missing))


def _install(entry: Entry, tool: tools.Tool, *, download: bool) -> None:
    if tool.downloads and not download:
        raise tools.NotThereError(f"not installed yet (python -m bench.peers install {entry.name})")
    print(f"installing what {entry.name} needs", file=sys.stderr, flush=True)
    shutil.rmtree(entry.home, ignore_errors=True)
    entry.home.mkdir(parents=True)
    tool.install(entry)


def _mark(entry: Entry, tool: tools.Tool) -> str:
    """Changes with what is to be installed and with what installs it."""
    digest = hashlib.sha256(tool.release.encode())
    for path in sorted(_read_by_install(entry.sources, tool)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read_by_install(folder: Path, tool: tools.Tool) -> list[Path]:
    return [path for pattern in tool.reads for path in folder.glob(pattern)]
