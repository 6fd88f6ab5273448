"""Whose address a request has, when proxies of ours stand in front. Fails closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, NamedTuple

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
Scope = MutableMapping[str, Any]
Pipe = Callable[..., Awaitable[Any]]  # the receive and the send of ASGI
AsgiApp = Callable[[Scope, Pipe, Pipe], Awaitable[None]]
UNCLEAR: Final = "madang.client_unclear"
"""In a scope: whether the client may be another than it names."""


class Trust(NamedTuple):
    """Whom the edge believes."""

    origins: frozenset[str] = frozenset()  # of pages that may connect, besides our own
    proxies: tuple[Network, ...] = ()  # that may say whom they speak for


class Client(NamedTuple):
    """Whose a request is."""

    address: str
    is_clear: bool
    """Not with an ``X-Forwarded-For`` of a proxy that nobody declared, nor with no address in it,
    nor without one from a proxy that was declared: then the client may be another.
    """


def client_of(
    peer: str, headers: Iterable[tuple[bytes, bytes]], trusted: Sequence[Network]
) -> Client:
    """The right-most address of ``X-Forwarded-For`` and *peer* that is no trusted proxy.

    Only what a trusted proxy says is heard: with an untrusted *peer* the header means nothing.
    An entry that is no address ends the search at the proxy that passed it on.
    """
    hops = _hops(headers)
    known = address_of(peer) if trusted or ":" in peer else None
    if known is None or not _within(known, trusted):
        return Client(peer if known is None else str(known), not hops)
    is_told = bool(hops)
    while hops and _within(known, trusted):
        before = address_of(hops.pop())
        if before is None:
            return Client(str(known), is_clear=False)
        known = before
    return Client(str(known), is_clear=is_told)


def behind_proxies(app: AsgiApp, trusted: Sequence[Network]) -> AsgiApp:
    """*app* with the client's own address in ``scope["client"]``, and UNCLEAR beside it."""

    async def seeing_clients(scope: Scope, receive: Pipe, send: Pipe) -> None:
        if scope["type"] == "http" and scope.get("client"):
            peer, port = scope["client"][:2]
            client = client_of(peer, scope["headers"], trusted)
            scope["client"] = (client.address, port)
            scope[UNCLEAR] = not client.is_clear
        await app(scope, receive, send)

    return seeing_clients


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The entries of every ``X-Forwarded-For``, in the order they were added."""
    told = [value for name, value in headers if name.lower() == b"x-forwarded-for"]
    joined = b",".join(told).decode("latin-1")
    return [hop.strip() for hop in joined.split(",")] if told else []


def address_of(text: str) -> Address | None:
    """*text* as an address, one of IPv4 also when it is mapped into IPv6."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
