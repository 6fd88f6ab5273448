"""Whose address a request has."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from server.edge.proxies import Client, client_of

TRUSTED = tuple(ip_network(each) for each in ("10.0.0.0/8", "::1/128", "2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.9 , 10.9.9.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
        ("10.0.0.1", ["203.0.113.9, "], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:80"], "10.0.0.1"),
        ("10.0.0.1", ["0x7f.1"], "10.0.0.1"),
        ("10.0.0.1", ["010.0.0.1"], "10.0.0.1"),
        ("10.0.0.1", ["\xff"], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        ("::1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("::1", ["2001:db8::5"], "2001:db8::5"),
        ("::1", ["2001:db9::5, 2001:db8::5"], "2001:db9::5"),
        ("fe80::1%eth0", ["203.0.113.9"], "fe80::1"),
        ("a unix socket", ["203.0.113.9"], "a unix socket"),
    ],
)
def test_the_right_most_untrusted_address_counts(
    peer: str, forwarded: list[str], client: str
) -> None:
    headers = [(b"X-Forwarded-For", each.encode("latin-1")) for each in forwarded]
    assert client_of(peer, [(b"host", b"x"), *headers], TRUSTED).address == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "is_clear"),
    [
        ("198.51.100.1", [], True),
        ("198.51.100.1", ["203.0.113.9"], False),
        ("10.0.0.1", [], False),
        ("10.0.0.1", ["203.0.113.9"], True),
        ("10.0.0.1", ["10.2.2.2"], True),
        ("10.0.0.1", ["unknown, 203.0.113.9"], True),
        ("10.0.0.1", ["203.0.113.9, unknown"], False),
        ("10.0.0.1", [""], False),
        ("a unix socket", ["203.0.113.9"], False),
    ],
)
def test_who_may_be_another_is_unclear(peer: str, forwarded: list[str], is_clear: bool) -> None:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    assert client_of(peer, headers, TRUSTED).is_clear is is_clear


def test_without_trusted_proxies_the_header_means_nothing() -> None:
    told = client_of("10.0.0.1", [(b"x-forwarded-for", b"1.2.3.4")], ())
    assert told == Client("10.0.0.1", is_clear=False)
