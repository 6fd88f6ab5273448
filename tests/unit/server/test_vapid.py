"""Who pushes: signed as RFC 8292 has it, for one service each, and not for too long."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from notification_providers import SetClock, base64url, verified

from server.failure import BadSetting
from server.providers.endpoints import Endpoint, read_endpoint
from server.providers.vapid import (
    FILE,
    LIFETIME_S,
    MOST_ORIGINS,
    RENEWED_S,
    Vapid,
    load_vapid_key,
    read_vapid_key,
)

PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
PUBLIC = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
"""A pair of RFC 8291, appendix A."""
GOOGLE = read_endpoint("https://fcm.googleapis.com/fcm/send/abc", private=False)
APPLE = read_endpoint("https://web.push.apple.com/xyz", private=False)


def vapid(clock: SetClock, subject: str | None = "mailto:ops@example.org") -> Vapid:
    return Vapid(read_vapid_key(PRIVATE), subject=subject, clock=clock)


def token_of(made: Vapid, endpoint: Endpoint) -> str:
    scheme, _, rest = made.authorization(endpoint).partition(" ")
    token, _, key = rest.partition(", ")
    assert scheme == "vapid" and key == f"k={made.public_key}"
    return token.removeprefix("t=")


def test_the_public_key_is_the_uncompressed_point() -> None:
    assert vapid(SetClock()).public_key == PUBLIC


def test_a_token_is_for_one_service_and_for_half_a_day() -> None:
    clock = SetClock()
    made = vapid(clock)
    claims = verified(token_of(made, GOOGLE), PUBLIC)
    assert claims == {
        "aud": "https://fcm.googleapis.com",
        "exp": clock.ms // 1000 + LIFETIME_S,
        "sub": "mailto:ops@example.org",
    }
    assert verified(token_of(made, APPLE), PUBLIC)["aud"] == "https://web.push.apple.com"
    assert LIFETIME_S <= 24 * 3600


def test_an_origin_has_its_port_where_it_is_another() -> None:
    endpoint = read_endpoint("http://127.0.0.1:8123/push", private=True)
    claims = verified(token_of(vapid(SetClock(), None), endpoint), PUBLIC)
    assert claims["aud"] == "http://127.0.0.1:8123" and "sub" not in claims


def test_another_key_does_not_verify_it() -> None:
    token = token_of(vapid(SetClock()), GOOGLE)
    key = ec.generate_private_key(ec.SECP256R1())
    other = Vapid(key, subject=None, clock=SetClock()).public_key
    with pytest.raises(InvalidSignature):
        verified(token, other)


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    clock = SetClock()
    made = vapid(clock)
    first = token_of(made, GOOGLE)
    clock.ms += (LIFETIME_S - RENEWED_S) * 1000 - 1
    assert token_of(made, GOOGLE) == first
    clock.ms += 1
    second = token_of(made, GOOGLE)
    assert second != first
    assert verified(second, PUBLIC)["exp"] == clock.ms // 1000 + LIFETIME_S


def test_a_clock_that_is_set_back_gives_no_token_that_is_too_long() -> None:
    clock = SetClock()
    made = vapid(clock)
    token_of(made, GOOGLE)
    clock.ms -= 20 * 3600 * 1000
    assert verified(token_of(made, GOOGLE), PUBLIC)["exp"] - clock.ms // 1000 == LIFETIME_S


def test_one_that_was_not_believed_is_made_anew() -> None:
    made = vapid(SetClock())
    first, other = token_of(made, GOOGLE), token_of(made, APPLE)
    made.forget(GOOGLE)
    assert token_of(made, GOOGLE) != first and token_of(made, APPLE) == other


def test_tokens_are_bounded() -> None:
    made = vapid(SetClock())
    first = token_of(made, GOOGLE)
    hosts = [APPLE._replace(host=f"{n}.push.apple.com") for n in range(MOST_ORIGINS)]
    tokens = [token_of(made, host) for host in hosts]
    assert token_of(made, hosts[-1]) == tokens[-1]
    assert token_of(made, GOOGLE) != first


@pytest.mark.parametrize(
    "text",
    ["", "canary", PRIVATE[:-2], PRIVATE + "AA", base64url(b"\0" * 32), base64url(b"\xff" * 32)],
)
def test_a_key_that_is_none_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="must be base64url of a P-256") as refused:
        read_vapid_key(text)
    assert not text or text not in str(refused.value)


def test_a_key_is_made_once_for_our_eyes_alone(tmp_path: Path) -> None:
    def public(embedded: bool) -> str | None:
        key = load_vapid_key(None, tmp_path, embedded=embedded)
        return key and Vapid(key, subject=None, clock=SetClock()).public_key

    assert public(False) is None and not list(tmp_path.iterdir())
    made = public(True)
    assert made is not None and made == public(True)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    given = read_vapid_key(PRIVATE)
    assert load_vapid_key(given, tmp_path, embedded=False) is given


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("canary")
    with pytest.raises(BadSetting, match=r"vapid\.key must be") as refused:
        load_vapid_key(None, tmp_path, embedded=True)
    assert "canary" not in str(refused.value)


def test_no_private_half_is_in_a_repr() -> None:
    key = read_vapid_key(PRIVATE)
    number = str(key.private_numbers().private_value)
    for shown in (repr(key), repr(Vapid(key, subject=None, clock=SetClock()))):
        assert PRIVATE not in shown and number not in shown
