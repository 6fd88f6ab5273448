"""The addresses of others' HTTP services, as the settings name them."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import urlsplit

PORTS = (443, 8443)
DEFAULT_PORTS = {"https": 443, "http": 80}

_PLAIN = re.compile(r"[!-\[\]-~]+")  # ASCII that is visible, without the backslash
_HOST = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,252}")


class Endpoint(NamedTuple):
    """Where requests go. It is parsed here once, so that nothing else can read it otherwise."""

    scheme: str
    host: str
    """A name, or an address; of IPv6 without brackets."""
    port: int
    target: str
    """Path and query."""

    def below(self, path: str) -> Endpoint:
        """The one whose path goes on with *path*.

        >>> read_endpoint("https://example.org/v1/", private=False).below("/messages").target
        '/v1/messages'
        """
        return self._replace(target=self.target.rstrip("/") + path)

    def authority(self) -> str:
        """What a ``Host`` header says.

        >>> read_endpoint("http://[::1]:81", private=True).authority()
        '[::1]:81'
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_endpoint(url: str, *, private: bool) -> Endpoint:
    """The endpoint of *url*: with TLS, on a port of ``PORTS``, unless *private* ones are allowed.

    Raises ValueError, whose text does not show the address: it may hold a password.

    >>> read_endpoint("https://example.org/a?b=c#d", private=False)
    Endpoint(scheme='https', host='example.org', port=443, target='/a?b=c')
    """
    if not _PLAIN.fullmatch(url):
        raise ValueError("must be plain ASCII without spaces; other hosts are written as xn--…")
    scheme, host, port, target = _parts(url)
    if scheme not in (("https", "http") if private else ("https",)):
        raise ValueError("must begin with https://")
    if not private and port not in (None, *PORTS):
        raise ValueError(f"must be on port {' or '.join(map(str, PORTS))}")
    return Endpoint(scheme, host, port or DEFAULT_PORTS[scheme], target)


def _parts(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = str(IPv6Address(host)) if "[" in parts.netloc else host
    except ValueError:  # its text repeats what was given
        raise ValueError("must be like https://HOST/PATH") from None
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or a password")
    if not (_HOST.fullmatch(host) or ":" in host):
        raise ValueError("must name a host")
    query = f"?{parts.query}" if parts.query else ""
    return parts.scheme, host, port, (parts.path or "/") + query
