"""Who pushes, told to push services: VAPID (RFC 8292)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.jwk import ECKey

from actors.ports import WallClock
from server.failure import BadSetting
from server.private_file import write_private_once
from server.providers.endpoints import Endpoint

ALGORITHM: Final = "ES256"
HEADER: Final = {"typ": "JWT", "alg": ALGORITHM}
LIFETIME_S: Final = 12 * 3600
"""RFC 8292 allows 24 hours; half of it leaves room for clocks that are wrong."""
RENEWED_S: Final = 3600
"""So long before its end a token is made anew."""
MOST_ORIGINS: Final = 256
KEY_BYTES: Final = 32
FILE: Final = "vapid.key"


class _Token(NamedTuple):
    made_s: int
    header: str


def read_vapid_key(text: str) -> ec.EllipticCurvePrivateKey:
    """The key of *text*: base64url of a P-256 private key's 32 bytes, as other tools write them.

    Raises ValueError, whose text does not show it.
    """
    try:
        number = base64.b64decode(text.rstrip("=") + "=", altchars=b"-_", validate=True)
        if len(number) == KEY_BYTES:
            return ec.derive_private_key(int.from_bytes(number), ec.SECP256R1())
    except ValueError:  # also binascii.Error
        pass
    raise ValueError(f"must be base64url of a P-256 private key of {KEY_BYTES} bytes")


def load_vapid_key(
    given: ec.EllipticCurvePrivateKey | None, data: Path, *, embedded: bool
) -> ec.EllipticCurvePrivateKey | None:
    """The *given* key, else the one in *data*, which is made where it is missing.

    None with an external database: browsers subscribe to one key, that of every server on it.
    """
    if given is not None or not embedded:
        return given
    path = data / FILE
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    fresh = _base64url(number.to_bytes(KEY_BYTES))
    try:
        return read_vapid_key(write_private_once(path, fresh.encode()).decode().strip())
    except ValueError as error:
        raise BadSetting(f"{path} {error}") from None


class Vapid:
    """Signs for each push service. *subject*: how its people reach ours, mailto: or https:."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, *, subject: str | None, clock: WallClock
    ) -> None:
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._key, self._subject, self._clock = ECKey.import_key(pem), subject, clock
        self._tokens: dict[str, _Token] = {}
        point = key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.public_key = _base64url(point)
        """What browsers subscribe to (``applicationServerKey``)."""

    def authorization(self, endpoint: Endpoint) -> str:
        """The ``Authorization`` header for the push service of *endpoint*."""
        origin, now_s = _origin(endpoint), self._clock.now_ms() // 1000
        token = self._tokens.get(origin)
        # Where the clock was set back the token would be too long for what is left of its day.
        if token is None or not 0 <= now_s - token.made_s < LIFETIME_S - RENEWED_S:
            token = _Token(now_s, f"vapid t={self._signed(origin, now_s)}, k={self.public_key}")
            self.forget(endpoint)
            if len(self._tokens) >= MOST_ORIGINS:
                del self._tokens[next(iter(self._tokens))]
            self._tokens[origin] = token
        return token.header

    def forget(self, endpoint: Endpoint) -> None:
        """Sign anew next time: what was signed was not believed."""
        self._tokens.pop(_origin(endpoint), None)

    def _signed(self, origin: str, now_s: int) -> str:
        claims: dict[str, object] = {"aud": origin, "exp": now_s + LIFETIME_S}
        if self._subject is not None:
            claims["sub"] = self._subject
        payload = msgspec.json.encode(claims)
        return jws.serialize_compact(dict(HEADER), payload, self._key, algorithms=[ALGORITHM])


def _origin(endpoint: Endpoint) -> str:
    return f"{endpoint.scheme}://{endpoint.authority()}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
