"""Where admins may act from."""

from __future__ import annotations

from collections.abc import Sequence

from server.edge.proxies import Network, address_of


class AdminAddresses:
    """The networks that admit admins: none of them, nobody. Those of IPv4 are written as such."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)

    def admit(self, address: str) -> bool:
        """Whether an admin may act from *address*; not from what is none.

        >>> from ipaddress import ip_network
        >>> only = AdminAddresses([ip_network("10.0.0.0/8")])
        >>> [only.admit(text) for text in ("10.1.2.3", "::ffff:10.1.2.3", "::1", "a socket", "")]
        [True, True, False, False, False]
        """
        known = address_of(address)
        return known is not None and any(known in network for network in self._networks)
