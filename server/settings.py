"""Every setting, read once from the environment and the command line, and checked."""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from server.failure import BadSetting
from server.files.places import check_address
from server.token_key import SHORTEST_KEY

DEFAULT_DATA = ".data"
DATABASE_SCHEMES = ("postgresql", "postgres")
REDIS_SCHEMES = ("redis", "rediss", "unix")
EVERY_KOREAN_MOBILE = "+8210"
PHONE_PREFIX = re.compile(r"\+?[0-9][0-9 ()-]{0,30}")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Place(NamedTuple):
    """Where the data is. Without an address, that part runs embedded on the folder."""

    data: Path
    database_url: str | None
    redis_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``serve`` goes by."""

    place: Place
    host: str
    port: int
    token_key: bytes
    demo: bool
    """Whether demo accounts exist: only with an embedded database, on a loopback address."""
    echo: bool
    rate_per_connection: int
    """Frames a second; 0 is no limit."""
    rate_per_user: int
    origins: tuple[str, ...]
    """Browser origins that may connect, besides the page's own."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    """Networks whose ``X-Forwarded-For`` is believed."""
    log_level: str
    files_url: str | None
    """Where the contents of files are kept; None for the data folder."""
    files_quota: int
    """Bytes that the files of one user may take; 0 is no limit."""
    test_phone_prefix: str
    """Phones that begin so are those of test accounts; "" for none."""


def read_place(
    environ: Mapping[str, str],
    *,
    data: str | None = None,
    database_url: str | None = None,
    redis_url: str | None = None,
) -> Place:
    """The place that the arguments name, else the environment, else the default folder."""
    return Place(
        Path(data or environ.get("DATA") or DEFAULT_DATA),
        _url(environ, "MADANG_DATABASE_URL", database_url, DATABASE_SCHEMES),
        _url(environ, "MADANG_REDIS_URL", redis_url, REDIS_SCHEMES),
    )


def read_settings(
    environ: Mapping[str, str], place: Place, *, host: str, port: int, token_key: bytes
) -> Settings:
    """Everything else, with the relations between settings checked."""
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the ports there are
        raise BadSetting(f"PORT must be from 0 to 65535, not {port}")
    echo = _flag(environ, "MADANG_ECHO")
    if echo and not is_loopback(host):
        raise BadSetting(f"MADANG_ECHO is for a loopback address only, and the host is {host}")
    return Settings(
        place=place,
        host=host,
        port=port,
        token_key=token_key,
        demo=place.database_url is None and is_loopback(host),
        echo=echo,
        rate_per_connection=_count(environ, "MADANG_RATE_PER_CONNECTION", 100),
        rate_per_user=_count(environ, "MADANG_RATE_PER_USER", 200),
        origins=tuple(_origin(text) for text in _items(environ, "MADANG_ORIGINS")),
        trusted_proxies=tuple(_network(text) for text in _items(environ, "MADANG_TRUSTED_PROXIES")),
        log_level=read_log_level(environ),
        files_url=read_files_url(environ),
        files_quota=_count(environ, "MADANG_FILES_QUOTA_MIB", 1024) * 2**20,
        test_phone_prefix=read_test_phone_prefix(environ),
    )


def read_token_key(environ: Mapping[str, str]) -> str | None:
    """The signing key that was given; None when there is none.

    >>> read_token_key({})
    """
    key = environ.get("MADANG_TOKEN_KEY") or None
    if key is not None and len(key.encode()) < SHORTEST_KEY:
        raise BadSetting(
            f"MADANG_TOKEN_KEY has {len(key.encode())} bytes and needs at least {SHORTEST_KEY}:"
            " make one with `openssl rand -hex 32`"
        )
    return key


def read_files_url(environ: Mapping[str, str]) -> str | None:
    """Where files are kept, if not in the data folder."""
    return check_address(environ.get("MADANG_FILES_URL") or None)


def read_test_phone_prefix(environ: Mapping[str, str]) -> str:
    """How the phones of test accounts begin; the default is specification 001's.

    >>> read_test_phone_prefix({}), read_test_phone_prefix({"MADANG_TEST_PHONE_PREFIX": ""})
    ('+8210', '')
    """
    prefix = environ.get("MADANG_TEST_PHONE_PREFIX", EVERY_KOREAN_MOBILE).strip()
    if prefix and not PHONE_PREFIX.fullmatch(prefix):
        raise BadSetting(
            f"MADANG_TEST_PHONE_PREFIX must be the beginning of a phone number, not {prefix!r}"
        )
    return prefix


def read_log_level(environ: Mapping[str, str]) -> str:
    """The lowest level that is logged.

    >>> read_log_level({}), read_log_level({"MADANG_LOG_LEVEL": "debug"})
    ('INFO', 'DEBUG')
    """
    level = (environ.get("MADANG_LOG_LEVEL") or logging.getLevelName(logging.INFO)).upper()
    if level not in LOG_LEVELS:
        raise BadSetting(f"MADANG_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {level!r}")
    return level


def is_loopback(host: str) -> bool:
    """Whether *host* can be reached from this machine alone.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0")]
    [True, True, True, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(
    environ: Mapping[str, str], name: str, given: str | None, schemes: tuple[str, ...]
) -> str | None:
    url = given or environ.get(name) or None
    if url is not None and urlsplit(url).scheme not in schemes:
        # Not the value itself: it may hold a password.
        raise BadSetting(f"{name} must begin with {schemes[0]}://")
    return url


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").lower()
    if text not in ("", "0", "1", "false", "true"):
        raise BadSetting(f"{name} must be 1 or 0, not {text!r}")
    return text in ("1", "true")


def _count(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise BadSetting(f"{name} must be a whole number, 0 for none, not {text!r}")
    return int(text)


def _items(environ: Mapping[str, str], name: str) -> list[str]:
    return [item.strip() for item in environ.get(name, "").split(",") if item.strip()]


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise BadSetting(f"MADANG_ORIGINS must name origins such as https://example.org: {text!r}")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise BadSetting(
            f"MADANG_TRUSTED_PROXIES must name networks such as 10.0.0.0/8: {text!r}"
        ) from error
