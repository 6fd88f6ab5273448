"""Whom requests may reach: what is refused, and that the connection goes to what was checked."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore2
import pytest
import trio
from certificates import certified
from provider_server import Exchange, serving

from server.providers.addresses import AddressRefused, GuardedBackend, Resolve, is_near, is_public
from server.providers.addresses import resolve as resolve_by_system
from server.providers.endpoints import Endpoint, read_endpoint
from server.providers.posting import Deadlines, Poster

NAME = "hooks.example.org"


def to(*addresses: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


@asynccontextmanager
async def poster(
    backend: GuardedBackend, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Poster]:
    made = Poster(
        backend,
        tls=tls or ssl.create_default_context(),
        connections=5,
        deadlines=Deadlines(leaving=3, answer=3),
    )
    try:
        yield made
    finally:
        await made.aclose()


async def take(exchange: Exchange) -> bool:
    return bool(await exchange.request()) and await exchange.answer(204)


# ---- addresses


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "223.255.255.254",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
    ],
)
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:101:101::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "5f00::1",
    ],
)
async def test_no_other_address_is_connected_to(address: str) -> None:
    assert not is_public(address)
    backend = GuardedBackend(private=False, resolve=to(address))
    with pytest.raises(AddressRefused):
        await backend.connect_tcp(NAME, 443)


async def test_one_refused_address_refuses_the_name() -> None:
    backend = GuardedBackend(private=False, resolve=to("1.1.1.1", "10.0.0.1"))
    with pytest.raises(AddressRefused):
        await backend.connect_tcp(NAME, 443)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "100.64.0.1", "fd00::1", "::ffff:127.0.0.1"]
)
def test_near_addresses_are_those_of_this_machine_and_private_networks(address: str) -> None:
    assert is_near(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.1.1",
        "224.0.0.1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "100.100.100.200",
        "::ffff:100.100.100.200",
        "64:ff9b::6464:64c8",
        "192.0.0.192",
        "168.63.129.16",
    ],
)
async def test_where_clouds_keep_credentials_is_refused_where_private_addresses_are_allowed(
    address: str,
) -> None:
    with pytest.raises(AddressRefused):
        await GuardedBackend(private=True, resolve=to(address)).connect_tcp(NAME, 80)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "localhost"])
async def test_other_spellings_of_this_machine_are_refused_as_what_they_resolve_to(
    host: str,
) -> None:
    async with serving(take) as server:
        with pytest.raises(AddressRefused):
            await GuardedBackend(private=False).connect_tcp(host, server.port)
        assert server.connections == 0


async def test_the_system_resolver_gives_each_address_once() -> None:
    assert await resolve_by_system("127.0.0.1", 80) == ["127.0.0.1"]
    with pytest.raises(OSError):  # noqa: PT011 - of the resolver, whichever
        await resolve_by_system("no-such-name.invalid", 80)


# ---- connections


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    asked: list[str] = []

    async def changing(host: str, _port: int) -> Sequence[str]:
        asked.append(host)  # another answer would be refused, so it is not asked for
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    backend = GuardedBackend(private=True, resolve=changing)
    async with serving(take) as server, poster(backend) as posting:
        posted = await posting.post(Endpoint("http", NAME, server.port, "/a?b"), {}, b"{}")
        assert posted.status == 204 and asked == [NAME]
        (received,) = server.received
        assert (received.target, received.headers["host"]) == ("/a?b", f"{NAME}:{server.port}")


async def test_a_name_that_turns_to_our_own_network_is_refused_at_the_next_connection() -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    async def once(exchange: Exchange) -> bool:
        await take(exchange)
        return False

    backend = GuardedBackend(private=True, resolve=rebinding)
    async with serving(once) as server, poster(backend) as posting:
        endpoint = Endpoint("http", NAME, server.port, "/")
        assert (await posting.post(endpoint, {}, b"{}")).status == 204
        await trio.sleep(0.05)  # the end of the kept connection arrives
        posted = await posting.post(endpoint, {}, b"{}")
        assert (posted.address_refused, posted.left, posted.status) == (True, False, None)
        assert server.connections == 1


async def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    async with serving(take) as server:
        with socket.create_server(("127.0.0.2", 0)) as gone:
            assert gone  # 127.0.0.2 is there, but nobody listens on the port of the server
        backend = GuardedBackend(private=True, resolve=to("127.0.0.2", "127.0.0.1"))
        stream = await backend.connect_tcp(NAME, server.port)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", server.port)
        await stream.aclose()


async def test_no_more_than_three_addresses_are_tried() -> None:
    async with serving(take) as server:
        dead = [f"127.0.0.{last}" for last in (2, 3, 4)]
        backend = GuardedBackend(private=True, resolve=to(*dead, "127.0.0.1"))
        with pytest.raises(httpcore2.ConnectError):
            await backend.connect_tcp(NAME, server.port)
        assert server.connections == 0


async def test_tls_is_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    tls, trusting = certified(NAME, tmp_path)
    asked: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    backend = GuardedBackend(private=True, resolve=to("127.0.0.1"))
    async with serving(take, tls) as server, poster(backend, trusting) as posting:
        for _ in range(2):
            posted = await posting.post(Endpoint("https", NAME, server.port, "/"), {}, b"{}")
            assert posted.status == 204
        assert asked == [NAME]
        assert [each.connection for each in server.received] == [1, 1]


async def test_nothing_is_sent_to_who_has_no_certificate_for_the_name(tmp_path: Path) -> None:
    tls, trusting = certified("other.example.org", tmp_path)
    backend = GuardedBackend(private=True, resolve=to("127.0.0.1"))
    for context in (trusting, ssl.create_default_context()):
        async with serving(take, tls) as server, poster(backend, context) as posting:
            posted = await posting.post(Endpoint("https", NAME, server.port, "/"), {}, b"{}")
            assert (posted.left, posted.status) == (False, None)
            assert server.connections == 1 and not server.received


# ---- endpoints


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://Example.org", Endpoint("https", "example.org", 443, "/")),
        ("https://example.org:8443/a%20b", Endpoint("https", "example.org", 8443, "/a%20b")),
        ("https://[2606:4700::0:1]/", Endpoint("https", "2606:4700::1", 443, "/")),
    ],
)
def test_an_endpoint_is_read_into_its_parts(url: str, endpoint: Endpoint) -> None:
    assert read_endpoint(url, private=False) == endpoint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https:///path",
        "https://:443/",
        "https://user@example.org/",
        "https://user:hunter2@example.org/",
        "https://@example.org/",
        "https://user:hunter2/",
        "https://example.org:22/",
        "https://example.org:80/",
        "https://example.org:hunter2/",
        "https://example.org:99999/",
        "https://exa mple.org/",
        "https://example.org/\r\nHost: x",
        "https://example.org\\@hunter2.org/",
        "https://예시.example/",
        "https://example.org%2f@hunter2/",
        "https://ex%61mple.org/",
        "https://[::1/",
        "https://[hunter2]/",
    ],
)
def test_an_endpoint_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refused:
        read_endpoint(url, private=False)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://user:p@localhost/", "ws://localhost/", "http://"])
def test_who_allows_private_endpoints_does_not_allow_these(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        read_endpoint(url, private=True)
    assert read_endpoint("http://localhost:9000/", private=True).port == 9000
