"""Files for nobody's eyes but ours."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write *path* whole or not at all; whoever writes last wins."""
    written = _beside(path, content)
    written.replace(path)


def write_private_once(path: Path, content: bytes) -> bytes:
    """Write *path* unless it is there; return what is there then, whoever wrote it."""
    if not path.exists():
        written = _beside(path, content)
        try:
            os.link(written, path)
        except FileExistsError:
            pass  # another process was first
        finally:
            written.unlink()
    return path.read_bytes()


def _beside(path: Path, content: bytes) -> Path:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return fresh
