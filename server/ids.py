"""Public ids: 80 random bits in sixteen characters that are hard to misread."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

IdSource = Callable[[], str]

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32: no i, l, o, u
PAIRS = [one + other for one in ALPHABET for other in ALPHABET]
ID_BITS = 80


def spell_id(bits: int) -> str:
    """*bits* (80 of them) as an id.

    >>> spell_id(0), spell_id(2**80 - 1), spell_id(33)
    ('0000000000000000', 'zzzzzzzzzzzzzzzz', '0000000000000011')
    """
    return "".join([PAIRS[(bits >> shift) & 1023] for shift in range(ID_BITS - 10, -1, -10)])


def keyed_id(key: bytes, text: bytes) -> str:
    """The id that *text* has by *key*, without which nobody can tell it."""
    bits = int.from_bytes(hmac.digest(key, text, "sha256"), "big")
    return spell_id(bits >> (256 - ID_BITS))


def random_id() -> str:
    """An id nobody can guess."""
    return spell_id(secrets.randbits(ID_BITS))
