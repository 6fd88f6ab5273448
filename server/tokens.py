"""Bearer tokens: JWTs of one algorithm, one issuer and one audience.

ProtocolError (unauthenticated)
└── TokenExpired      it was good once: a fresh one may come in
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Meta

from actors.ports import Claims, WallClock
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import UserId
from server.ids import IdSource
from server.token_key import SHORTEST_KEY

ALGORITHM: Final = "HS256"
HEADER: Final = {"alg": ALGORITHM, "typ": "JWT"}
NAME: Final = "madang"
LONGEST_TOKEN: Final = 8192
MOST_LEEWAY_S: Final = 30

Text = Annotated[str, Meta(min_length=1, max_length=64)]
Second = Annotated[int, Meta(ge=0, le=2**53)]


class TokenExpired(ProtocolError):
    """The token's time is over; nothing else is wrong with it."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.UNAUTHENTICATED, "the token has expired")


class _Payload(msgspec.Struct, omit_defaults=True):
    iss: Literal["madang"]
    aud: Literal["madang"]
    sub: Text
    jti: Text
    iat: Second
    exp: Second
    nbf: Second = 0


_decode: Final = msgspec.json.Decoder(_Payload).decode


class Tokens:
    """Issues and verifies tokens.

    Only a token whose header is exactly HEADER is looked into, so that no header can name an
    algorithm, a key or an extension.
    """

    def __init__(
        self,
        key: bytes,
        *,
        clock: WallClock,
        new_id: IdSource,
        lifetime_s: int = 7 * 86_400,
        leeway_s: int = 10,
    ) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"a token key needs {SHORTEST_KEY} bytes, this one has {len(key)}")
        if not 0 <= leeway_s <= MOST_LEEWAY_S:
            raise ValueError(f"leeway_s must be 0 to {MOST_LEEWAY_S}")
        self._key = OctKey.import_key(key)
        self._clock = clock
        self._new_id = new_id
        self._lifetime_s = lifetime_s
        self._leeway_s = leeway_s

    def issue(self, user: UserId, now_s: int) -> tuple[str, Claims]:
        """A token for *user* that counts as issued at *now_s* (seconds)."""
        claims = Claims(user, self._new_id(), now_s, now_s + self._lifetime_s)
        payload = _Payload(NAME, NAME, user, claims.jti, claims.issued_at, claims.expires_at)
        signed = jws.serialize_compact(
            dict(HEADER), msgspec.json.encode(payload), self._key, algorithms=[ALGORITHM]
        )
        return signed, claims

    def verify(self, token: str) -> Claims:
        """What *token* says; ProtocolError when it is not ours, TokenExpired when it is over."""
        payload = self._payload(token)
        now_s = self._clock.now_ms() // 1000
        if payload.nbf > now_s + self._leeway_s or payload.iat > payload.exp:
            raise _bad()
        if payload.exp + self._leeway_s <= now_s:
            raise TokenExpired
        return Claims(UserId(payload.sub), payload.jti, payload.iat, payload.exp)

    def _payload(self, token: str) -> _Payload:
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise _bad()
        try:
            signed = jws.deserialize_compact(token, self._key, algorithms=[ALGORITHM])
            if signed.protected != HEADER:
                raise _bad()
            return _decode(signed.payload)
        except (JoseError, ValueError, RecursionError, msgspec.ValidationError):
            raise _bad() from None


def _bad() -> ProtocolError:
    return ProtocolError(ErrorCode.UNAUTHENTICATED, "the token is not valid")
