"""Secrets that are kept in the database, sealed by keys that are not: AES-256-GCM.

What is sealed is bound to what it is of, so that a row's secret opens in no other row. Of several
keys the first seals and all open; that is how a key is replaced: first it is given to every server
behind the old one, then before it, then rows are sealed anew, and then the old one goes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.failure import BadSetting
from server.private_file import write_private_once

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FILE: Final = "seal.key"

_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")


class NotOpened(Exception):
    """By none of the keys, or it is not of what it is said to be of."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """``id`` is kept beside what the key sealed; ``key`` has ``KEY_BYTES`` bytes."""

    id: str
    key: bytes = field(repr=False)


class Sealed(NamedTuple):
    """A secret as it is kept."""

    key_id: str
    data: bytes


def read_seal_keys(text: str) -> tuple[SealKey, ...]:
    """The keys of *text*: ``ID:BASE64``, separated by commas, the one that seals first.

    Raises ValueError, whose text does not show them.

    >>> read_seal_keys("a:" + "A" * 43 + "=")
    (SealKey(id='a'),)
    """
    keys = tuple(_key(each.strip()) for each in text.split(","))
    if len({key.id for key in keys}) < len(keys):
        raise ValueError("must give each key an id of its own")
    return keys


def load_seal_keys(
    given: Sequence[SealKey], data: Path, *, embedded: bool
) -> tuple[SealKey, ...] | None:
    """The *given* keys, else the one in *data*, which is made where it is missing.

    None with an external database: every server on it would have to know the same.
    """
    if given or not embedded:
        return tuple(given) or None
    path = data / FILE
    fresh = f"{os.urandom(4).hex()}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"
    try:
        return read_seal_keys(write_private_once(path, fresh.encode()).decode().strip())
    except ValueError as error:
        raise BadSetting(f"{path} {error}") from None


class Seals:
    """Seals with the first of *keys* and opens with all. ``nonce`` gives so many random bytes."""

    def __init__(
        self, keys: Sequence[SealKey], *, nonce: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.key_id = keys[0].id
        """The one that seals."""
        self._nonce = nonce
        self._ciphers = {key.id: AESGCM(_derived(key.key, b"seal")) for key in keys}
        self._digests = [_derived(key.key, b"lookup") for key in keys]

    def seal(self, secret: str, of: str) -> Sealed:
        """*secret*, bound to *of*."""
        nonce = self._nonce(NONCE_BYTES)
        sealed = self._ciphers[self.key_id].encrypt(nonce, secret.encode(), of.encode())
        return Sealed(self.key_id, nonce + sealed)

    def open(self, sealed: Sealed, of: str) -> str:
        """The secret. Raises NotOpened, which does not show it."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise NotOpened("sealed by a key that is not here")
        nonce, rest = sealed.data[:NONCE_BYTES], sealed.data[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, rest, of.encode()).decode()
        except (InvalidTag, ValueError):  # the latter: of too few bytes
            raise NotOpened("not what was sealed") from None

    def lookups(self, text: str) -> list[bytes]:
        """What *text* may be found by: its keyed digests, the current key's first."""
        return [hmac.digest(key, text.encode(), hashlib.sha256) for key in self._digests]


def _derived(key: bytes, use: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"madang " + use).derive(key)


def _key(text: str) -> SealKey:
    name, _, encoded = text.partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if not _ID.fullmatch(name) or len(key) != KEY_BYTES:
        raise ValueError(
            f"must hold keys such as ID:BASE64 of {KEY_BYTES} bytes, separated by commas:"
            ' make one with `echo "$(date +%F):$(openssl rand -base64 32)"`'
        )
    return SealKey(name, key)
