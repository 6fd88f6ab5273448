"""Whom a request may reach: a guard against requests that are led into our own networks (SSRF).

A name is resolved once for each connection, all that it resolves to is checked, and the connection
goes to what was checked. So a name that resolves to something else a moment later gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpcore2
import trio

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MOST_TRIED = 3
ONE_TRY_S = 1.5
"""Of three addresses that do not answer, the last is asked within the 5 s of a request."""

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
SHARED = IPv4Network("100.64.0.0/10")  # of carriers, and of private networks across clouds
NOT_PUBLIC = (
    IPv6Network("2001::/23"),  # Teredo and other protocols' own
    IPv6Network("2002::/16"),  # 6to4: any IPv4 address, by whatever router feels called
    IPv6Network("3fff::/20"),  # documentation; not every Python knows it
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),  # the relays of 6to4
)
METADATA = (
    IPv6Network("fd00:ec2::/32"),  # Amazon's
    IPv6Network("fd20:ce::254/128"),  # Google's
    IPv4Network("100.100.100.200/32"),  # Alibaba's
    IPv4Network("192.0.0.192/32"),  # Oracle's
    IPv4Network("168.63.129.16/32"),  # Microsoft's, of the open internet by its number
)
"""Where clouds keep the credentials of their machines, beside link-local addresses."""


class AddressRefused(httpcore2.ConnectError):
    """The name resolves to an address that must not be asked. No connection was tried."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of *host*. Raises OSError or UnicodeError when it has none."""
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(text: str) -> bool:
    """Whether the address is one of the open internet, also where it wraps one of IPv4.

    >>> [is_public(text) for text in ("1.1.1.1", "10.0.0.1", "::1", "2606:4700:4700::1111")]
    [True, False, False, True]
    >>> [is_public(text) for text in ("::ffff:1.1.1.1", "::ffff:127.0.0.1", "64:ff9b::a00:1")]
    [True, False, False]
    """
    address = _unwrapped(text)
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    if address.is_multicast or any(address in network for network in (*NOT_PUBLIC, *METADATA)):
        return False
    return address.is_global


def is_near(text: str) -> bool:
    """Whether the address is this machine's or of a private network. Link-local ones are not, nor
    those of ``METADATA``: there clouds keep the credentials of their machines.

    >>> [is_near(text) for text in ("127.0.0.1", "fd00::1", "169.254.169.254", "fd00:ec2::254")]
    [True, True, False, False]
    """
    address = _unwrapped(text)
    refused = address.is_link_local or address.is_unspecified or address.is_multicast
    refused = refused or any(address in network for network in METADATA)
    return (address.is_private or address in SHARED) and not refused


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses only, to near ones too where *private* ones are allowed."""

    def __init__(self, *, private: bool, resolve: Resolve = resolve) -> None:
        self._private, self._resolve = private, resolve
        self._plain = httpcore2.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first address that takes it.

        Raises AddressRefused, or ConnectError or ConnectTimeout when none took it.
        """
        seconds = ONE_TRY_S if timeout is None else min(timeout, ONE_TRY_S)
        failed: Exception = httpcore2.ConnectError("no address")
        for address in (await self._addresses(host, port))[:MOST_TRIED]:
            try:
                return await self._plain.connect_tcp(
                    address, port, seconds, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("not resolved") from error
        # One that is refused refuses the name: who mixes them is up to something.
        if not all(self._allowed(address) for address in addresses):
            raise AddressRefused("not a public address")
        return addresses

    def _allowed(self, address: str) -> bool:
        return is_public(address) or (self._private and is_near(address))


def _unwrapped(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address
