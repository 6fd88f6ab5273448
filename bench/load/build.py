"""Compiles the load generator once, with whatever C compiler is there.

The program is named after a hash of its sources and of the compiler, so that a change of either
builds anew and an unchanged one costs nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

SOURCES = Path(__file__).parent
FOLDER = Path(".bench")
FLAGS = ("-std=c11", "-O2", "-D_GNU_SOURCE")
COMPILERS = ("cc", "gcc", "clang")
NONE = "no C compiler: apt-get install gcc libc6-dev, or pip install ziglang"


class CannotBuild(Exception):
    """No compiler, or none that can; the message is one line for people."""


def build(into: Path = FOLDER) -> Path:
    """The program, in folder *into*; the first compiler that succeeds makes it."""
    failures = []
    for compiler in compilers():
        program = into.absolute() / f"load-{_key(compiler)}"
        if program.exists():
            return program
        failure = _compile(compiler, program)
        if failure is None:
            return program
        failures.append(f"{' '.join(compiler)}: {failure}")
    raise CannotBuild(failures[0] if failures else NONE)


def compilers() -> Iterator[Sequence[str]]:
    """Each compiler that is there, as the beginning of a command."""
    for name in COMPILERS:
        path = shutil.which(name)
        if path is not None:
            yield (path,)
    if importlib.util.find_spec("ziglang") is not None:
        yield (sys.executable, "-m", "ziglang", "cc")


def _sources() -> list[Path]:
    return sorted(path for path in SOURCES.iterdir() if path.suffix in {".c", ".h"})


def _key(compiler: Sequence[str]) -> str:
    known = hashlib.sha256("\0".join((*compiler, *FLAGS)).encode())
    for source in _sources():
        known.update(f"{source.name}\0".encode() + source.read_bytes())
    return known.hexdigest()[:16]


def _compile(compiler: Sequence[str], program: Path) -> str | None:
    """Make *program*; what is wrong where that fails. Several may do it at once."""
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        made = Path(folder, "load")
        sources = [str(path) for path in _sources() if path.suffix == ".c"]
        command = [*compiler, *FLAGS, "-o", str(made), *sources, "-lm"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            return (ended.stderr.strip().splitlines() or ["failed"])[0]
        made.replace(program)
    return None


if __name__ == "__main__":
    try:
        print(build())
    except CannotBuild as error:
        sys.exit(f"bench: {error}")
