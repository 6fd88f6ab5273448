"""Signatures by the Standard Webhooks scheme, version 1.0.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
SHORTEST_SECRET, LONGEST_SECRET = 24, 64  # bytes, as the scheme has it


def read_secrets(text: str) -> tuple[bytes, ...]:
    """The secrets of *text*, separated by spaces: the new one and, in a rotation, the old ones.

    Raises ValueError, whose text does not show them.

    >>> [len(secret) for secret in read_secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [24]
    """
    secrets = tuple(_secret(each) for each in text.split())
    if not secrets:
        raise ValueError("must hold a secret")
    return secrets


def signature(secrets: Sequence[bytes], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one signature for each secret. *timestamp*: seconds."""
    content = f"{webhook_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signed(secret, content)}" for secret in secrets)


def _signed(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, "sha256")).decode()


def _secret(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if not (text.startswith(PREFIX) and SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET):
        raise ValueError(
            f"must be {PREFIX} and {SHORTEST_SECRET} to {LONGEST_SECRET} bytes in base64:"
            f' make one with `echo "{PREFIX}$(openssl rand -base64 32)"`'
        )
    return secret
