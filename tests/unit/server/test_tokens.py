"""Tokens: only what we issued ourselves comes in, and only in its time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from itertools import count
from typing import Any

import pytest

from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, UserId
from server.tokens import TokenExpired, Tokens

KEY = b"an excellent key of 32 bytes and more"
NOW = 1_800_000_000
MINJI = UserId("0000000000000001")
GOOD = {"iss": "madang", "aud": "madang", "sub": MINJI, "jti": "j", "iat": NOW, "exp": NOW + 60}


class Clock:
    def __init__(self) -> None:
        self.s = NOW

    def now_ms(self) -> Millis:
        return Millis(self.s * 1000)


def tokens(clock: Clock | None = None, **changes: Any) -> Tokens:
    numbers = count(1)
    given = {"lifetime_s": 3600, "leeway_s": 10} | changes
    return Tokens(KEY, clock=clock or Clock(), new_id=lambda: f"jti{next(numbers)}", **given)


def encoded(part: Any) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(header: Any, claims: Any, *, key: bytes = KEY, digest: str = "sha256") -> str:
    """A token made by hand, with a signature that is right for *key*."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.digest(key, signed.encode(), digest))}"


HEADER = {"alg": "HS256", "typ": "JWT"}


def test_a_token_made_by_hand_with_our_key_is_let_in() -> None:
    assert tokens().verify(forged(HEADER, GOOD)) == (MINJI, "j", NOW, NOW + 60)


def test_what_was_issued_verifies_until_its_end() -> None:
    clock = Clock()
    issuer = tokens(clock)
    token, claims = issuer.issue(MINJI, NOW)
    other, _ = issuer.issue(MINJI, NOW)
    assert other != token
    clock.s = claims.expires_at + 9
    assert issuer.verify(token) == claims == (MINJI, "jti1", NOW, NOW + 3600)
    clock.s += 1
    with pytest.raises(TokenExpired) as caught:
        issuer.verify(token)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED


FORGED = {
    "no algorithm": forged({"alg": "none", "typ": "JWT"}, GOOD),
    "no algorithm and no signature": f"{encoded({'alg': 'none'})}.{encoded(GOOD)}.",
    "none in capitals": f"{encoded({'alg': 'None'})}.{encoded(GOOD)}.",
    "an empty signature": f"{encoded(HEADER)}.{encoded(GOOD)}.",
    "no signature at all": f"{encoded(HEADER)}.{encoded(GOOD)}",
    "another key": forged(HEADER, GOOD, key=b"x" * 32),
    "an empty key": forged(HEADER, GOOD, key=b""),
    "a stronger algorithm": forged({"alg": "HS512", "typ": "JWT"}, GOOD, digest="sha512"),
    "an algorithm of another kind": forged({"alg": "RS256", "typ": "JWT"}, GOOD),
    "an algorithm that is not one": forged({"alg": ["HS256"], "typ": "JWT"}, GOOD),
    "a key id": forged(HEADER | {"kid": "../../dev/null"}, GOOD),
    "a key id with SQL": forged(HEADER | {"kid": "x' UNION SELECT 'k"}, GOOD),
    "an address of keys": forged(HEADER | {"jku": "https://evil.example/keys"}, GOOD),
    "an address of a certificate": forged(HEADER | {"x5u": "https://evil.example"}, GOOD),
    "a key of its own": forged(HEADER | {"jwk": {"kty": "oct", "k": "eA"}}, GOOD),
    "a critical extension": forged(HEADER | {"crit": ["exp"], "exp": 1}, GOOD),
    "a payload that is not encoded": forged(HEADER | {"b64": False, "crit": ["b64"]}, GOOD),
    "another type": forged(HEADER | {"typ": "refresh+jwt"}, GOOD),
    "no type": forged({"alg": "HS256"}, GOOD),
    "a header that is a list": forged([], GOOD),
    "a header of many lists": f"{encoded(b'[' * 5000)}.{encoded(GOOD)}.x",
    "a header that is not UTF-8": f"{encoded(bytes([255, 254]))}.{encoded(GOOD)}.x",
    "five parts": "a.b.c.d.e",
    "nothing": "",
    "dots": "..",
    "far too much": "x" * 10_000,
    "letters of no alphabet": "é.é.é",
    "a lone surrogate": "\ud800.a.b",
    "claims that are a list": forged(HEADER, [1]),
    "claims that are no JSON": forged(HEADER, b"{"),
    **{f"no {name}": forged(HEADER, {k: v for k, v in GOOD.items() if k != name}) for name in GOOD},
    **{f"null as {name}": forged(HEADER, GOOD | {name: None}) for name in GOOD},
    "another issuer": forged(HEADER, GOOD | {"iss": "evil"}),
    "another audience": forged(HEADER, GOOD | {"aud": "admin"}),
    "a list of audiences": forged(HEADER, GOOD | {"aud": ["madang", "admin"]}),
    "a number as subject": forged(HEADER, GOOD | {"sub": 1}),
    "an empty subject": forged(HEADER, GOOD | {"sub": ""}),
    "an endless subject": forged(HEADER, GOOD | {"sub": "x" * 65}),
    "an end in letters": forged(HEADER, GOOD | {"exp": str(NOW + 60)}),
    "an end that is no number": forged(HEADER, b'{"exp": NaN}'),
    "an end beyond all numbers": forged(
        HEADER, json.dumps(GOOD | {"exp": 7}).replace("7}", "1e400}").encode()
    ),
    "an end that is true": forged(HEADER, GOOD | {"exp": True}),
    "an issue in letters": forged(HEADER, GOOD | {"iat": str(NOW)}),
    "an issue after its end": forged(HEADER, GOOD | {"iat": NOW + 61}),
    "a start that is to come": forged(HEADER, GOOD | {"nbf": NOW + 11}),
    "a start in letters": forged(HEADER, GOOD | {"nbf": "now"}),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_is_unauthenticated_and_nothing_worse(how: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        tokens().verify(FORGED[how])
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    assert not isinstance(caught.value, TokenExpired)


def test_an_expired_token_that_was_never_ours_is_not_told_as_expired() -> None:
    with pytest.raises(ProtocolError) as caught:
        tokens().verify(forged(HEADER, GOOD | {"exp": 1, "iat": 0}, key=b"x" * 32))
    assert not isinstance(caught.value, TokenExpired)


def test_a_key_shorter_than_its_digest_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tokens(b"x" * 31, clock=Clock(), new_id=str)
    Tokens(b"x" * hashlib.sha256().digest_size, clock=Clock(), new_id=str)


@pytest.mark.parametrize("leeway_s", [-1, 31])
def test_more_leeway_than_half_a_minute_is_refused(leeway_s: int) -> None:
    with pytest.raises(ValueError, match="leeway"):
        tokens(leeway_s=leeway_s)
