"""The key that signs tokens: given, or made once and kept beside the embedded data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SHORTEST_KEY = 32
"""Bytes. RFC 7518 asks for a key no shorter than the digest of HS256."""


class NoTokenKey(Exception):
    """No usable key; the text says what to do."""


def load_token_key(given: str | None, data: Path, *, embedded: bool) -> bytes:
    """The *given* key, else the one in *data*, which is made where it is missing.

    With an external database there must be a given key: every server on it has to know the same.
    """
    if given is not None:
        return given.encode()
    if not embedded:
        raise NoTokenKey(
            "MADANG_TOKEN_KEY must be set with an external database:"
            " make one with `openssl rand -hex 32` and give it to every server on that database"
        )
    return _kept(data / "token.key")


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for nobody's eyes but ours."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _kept(path: Path) -> bytes:
    if not path.exists():
        write_private(path, secrets.token_hex(SHORTEST_KEY).encode())
    key = path.read_bytes().strip()
    if len(key) < SHORTEST_KEY:
        raise NoTokenKey(f"{path} holds {len(key)} bytes and needs {SHORTEST_KEY}: remove the file")
    return key
