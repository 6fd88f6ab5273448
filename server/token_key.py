"""The key that signs tokens: given, or made once and kept beside the embedded data."""

from __future__ import annotations

import secrets
from pathlib import Path

from server.failure import BadSetting
from server.private_file import write_private_once

SHORTEST_KEY = 32
"""Bytes. RFC 7518 asks for a key no shorter than the digest of HS256."""


def load_token_key(given: str | None, data: Path, *, embedded: bool) -> bytes:
    """The *given* key, else the one in *data*, which is made where it is missing.

    With an external database there must be a given key: every server on it has to know the same.
    """
    if given is not None:
        return given.encode()
    if not embedded:
        raise BadSetting(
            "MADANG_TOKEN_KEY must be set with an external database:"
            " make one with `openssl rand -hex 32` and give it to every server on that database"
        )
    path = data / "token.key"
    key = write_private_once(path, secrets.token_hex(SHORTEST_KEY).encode()).strip()
    if len(key) < SHORTEST_KEY:
        raise BadSetting(f"{path} holds {len(key)} bytes and needs {SHORTEST_KEY}: remove the file")
    return key
