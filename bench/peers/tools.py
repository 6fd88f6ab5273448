"""What installs and starts the peers of a language: npm, pip, or the C compiler."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bench.peers.catalogue import Entry

INSTALL_WITHIN = 600.0
WARNINGS = ("-O2", "-Wall", "-Wextra", "-Werror")


class NotThereError(Exception):
    """Something that a peer needs is not on this machine; the message is one line."""


class Tool(Protocol):
    """One way to install and start. ``reads`` are the files that decide what is installed."""

    downloads: bool
    reads: tuple[str, ...]
    release: str

    def install(self, entry: Entry) -> None: ...
    def probe(self, entry: Entry) -> None: ...
    def argv(self, entry: Entry) -> tuple[str, ...]: ...
    def env(self, entry: Entry) -> tuple[tuple[str, str], ...]: ...
    def version(self, entry: Entry) -> str: ...


class Node:
    """npm and Node."""

    downloads = True
    reads: tuple[str, ...] = ("package.json", "package-lock.json")

    def __init__(self) -> None:
        self._node, self._npm = _found("node"), _found("npm")
        self.release = _run([self._node, "--version"])

    def install(self, entry: Entry) -> None:
        """What the lock says, and nothing that the packages would run."""
        for name in (*self.reads, ".npmrc"):
            shutil.copy(entry.sources / name, entry.home)
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        _run([self._npm, "ci", *quiet], cwd=entry.home)

    def probe(self, entry: Entry) -> None:
        """Load the package once."""
        _run([self._node, "-e", entry.probe], env=self.env(entry))

    def argv(self, entry: Entry) -> tuple[str, ...]:
        """Node, and the server."""
        return (self._node, str(entry.sources / "server.js"))

    def env(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """The packages are not beside the server, as Node would expect them."""
        return (("NODE_PATH", str(entry.home / "node_modules")), ("NODE_ENV", "production"))

    def version(self, entry: Entry) -> str:
        """From the package's own description."""
        path = entry.home / "node_modules" / entry.package / "package.json"
        about = json.loads(path.read_text(encoding="utf-8"))
        return f"{entry.package} {about['version']} ({about['license']}), Node {self.release}"


class Python:
    """pip, in a virtual environment made for the peer."""

    downloads = True
    reads: tuple[str, ...] = ("requirements.lock",)
    release = f"Python {sys.version}"

    def install(self, entry: Entry) -> None:
        """Exactly the locked files, each checked by its hash."""
        _run([sys.executable, "-m", "venv", entry.home])
        quiet = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
        lock = entry.sources / "requirements.lock"
        _run([_python(entry), "-m", "pip", "install", *quiet, "-r", lock])

    def probe(self, entry: Entry) -> None:
        """Load the packages once."""
        _run([_python(entry), "-I", "-c", entry.probe])

    def argv(self, entry: Entry) -> tuple[str, ...]:
        """The environment's Python, deaf to our PYTHON variables, and the server."""
        return (str(_python(entry)), "-I", str(entry.sources / "server.py"))

    def env(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """What the list says."""
        return entry.settings

    def version(self, entry: Entry) -> str:
        """From the metadata of the installed package."""
        packages = [str(path) for path in entry.home.glob("lib/python*/site-packages")]
        (found,) = importlib.metadata.distributions(name=entry.package, path=packages)
        python = ".".join(map(str, sys.version_info[:3]))
        return f"{entry.package} {found.version} ({_licence(found)}), Python {python}"


class Compiler:
    """The C compiler; nothing is fetched."""

    downloads = False
    reads: tuple[str, ...] = ("*.c", "*.h")

    def __init__(self) -> None:
        self._cc = _found("cc")
        self.release = _run([self._cc, "--version"]).split("\n")[0]

    def install(self, entry: Entry) -> None:
        """Compile all of its folder into one program."""
        sources = sorted(entry.sources.glob("*.c"))
        _run([self._cc, *WARNINGS, *sources, "-o", entry.home / entry.folder])

    def probe(self, entry: Entry) -> None:
        """What was compiled here runs here."""

    def argv(self, entry: Entry) -> tuple[str, ...]:
        """The program, in its mode."""
        return (str(entry.home / entry.folder), *entry.arguments)

    def env(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """Nothing."""
        return entry.settings

    def version(self, entry: Entry) -> str:
        """The compiler's: the rest is in this repository."""
        return self.release


TOOLS: Mapping[str, Callable[[], Tool]] = {"node": Node, "python": Python, "cc": Compiler}


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise NotThereError(f"no {program} on this machine")
    return path


def _python(entry: Entry) -> Path:
    return entry.home / "bin" / "python"


def _licence(package: importlib.metadata.Distribution) -> str:
    """New packages state an expression, old ones a field or only a classifier."""
    about = package.metadata
    said = [about[field] for field in ("License-Expression", "License") if field in about]
    if said and "\n" not in said[0]:
        return said[0]
    classifiers = [line for line in about.get_all("Classifier", []) if line.startswith("License")]
    return " or ".join(line.rsplit(":: ", 1)[1] for line in classifiers) or "no licence stated"


def _run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Sequence[tuple[str, str]] = (),
) -> str:
    """Its output; NotThereError, with the line that says most, when it failed."""
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=cwd,
            env={**os.environ, **dict(env)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_WITHIN,
        )
    except subprocess.TimeoutExpired:
        raise NotThereError(f"{_short(command)}: not done in {INSTALL_WITHIN:.0f} s") from None
    if done.returncode:
        raise NotThereError(f"{_short(command)}: {_telling_line(done.stderr + done.stdout)}")
    return done.stdout.strip()


def _short(command: Sequence[str | Path]) -> str:
    return " ".join([Path(command[0]).name, *(str(part) for part in command[1:3])])


def _telling_line(output: str) -> str:
    """The last line with the word error in it, or else the first."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in reversed(lines) if "error" in line.lower()), lines[0])
