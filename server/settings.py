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

from server.campaign_settings import CampaignSettings, read_campaigns
from server.failure import BadSetting
from server.files.places import check_address
from server.notification_settings import NotifyingSettings, read_notifying
from server.providers.endpoints import Endpoint, read_endpoint
from server.providers.signing import read_secrets
from server.token_key import SHORTEST_KEY

DEFAULT_DATA = ".data"
DATABASE_SCHEMES = ("postgresql", "postgres")
REDIS_SCHEMES = ("redis", "rediss", "unix")
EVERY_KOREAN_MOBILE = "+8210"
PHONE_PREFIX = re.compile(r"\+?[0-9][0-9 ()-]{0,30}")
MAPPED_PREFIX = 96  # bits before an address of IPv4 that is mapped into IPv6
LOOPBACK_NETWORKS = "127.0.0.0/8,::1/128"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
HEADER_VALUE = re.compile(r"[!-~]+")


class Place(NamedTuple):
    """Where the data is. Without an address, that part runs embedded on the folder."""

    data: Path
    database_url: str | None
    redis_url: str | None


class MessageApiSettings(NamedTuple):
    """The provider of messages over HTTP."""

    endpoint: Endpoint
    key: str
    idempotent: bool
    """Whether it promises to send one ``Idempotency-Key`` once."""
    rate: int
    """Messages a second; 0 is no limit."""


class AlertSettings(NamedTuple):
    """Who is told of what goes wrong."""

    endpoint: Endpoint
    secrets: tuple[bytes, ...]


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
    admin_addresses: tuple[IPv4Network | IPv6Network, ...]
    """Networks that admins may act from; empty: nobody may."""
    log_level: str
    files_url: str | None
    """Where the contents of files are kept; None for the data folder."""
    files_quota: int
    """Bytes that the files of one user may take; 0 is no limit."""
    test_phone_prefix: str
    """Phones that begin so are those of test accounts; "" for none."""
    private_addresses: bool
    """Whether both below may be of this machine or a private network, on any port, without TLS."""
    message_api: MessageApiSettings | None
    alerts: AlertSettings | None
    campaigns: CampaignSettings
    notifying: NotifyingSettings


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
        trusted_proxies=_networks(environ, "MADANG_TRUSTED_PROXIES"),
        admin_addresses=read_admin_addresses(environ),
        log_level=read_log_level(environ),
        files_url=read_files_url(environ),
        files_quota=_count(environ, "MADANG_FILES_QUOTA_MIB", 1024) * 2**20,
        test_phone_prefix=read_test_phone_prefix(environ),
        private_addresses=_flag(environ, "MADANG_PRIVATE_ADDRESSES"),
        message_api=read_message_api(environ),
        alerts=read_alerts(environ),
        campaigns=read_campaigns(environ),
        notifying=read_notifying(environ),
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


def read_admin_addresses(environ: Mapping[str, str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks that admins may act from; set to nothing, there are none.

    >>> len(read_admin_addresses({})), read_admin_addresses({"MADANG_ADMIN_ADDRESSES": ""})
    (2, ())
    """
    return _networks(environ, "MADANG_ADMIN_ADDRESSES", LOOPBACK_NETWORKS)


def read_message_api(environ: Mapping[str, str]) -> MessageApiSettings | None:
    """The provider of messages; None when there is none."""
    given = _both(environ, "MADANG_MESSAGE_API_URL", "MADANG_MESSAGE_API_KEY")
    if given is None:
        return None
    url, key = given
    if not HEADER_VALUE.fullmatch(key):
        raise BadSetting("MADANG_MESSAGE_API_KEY must be visible ASCII without spaces")
    return MessageApiSettings(
        _endpoint(environ, "MADANG_MESSAGE_API_URL", url),
        key,
        idempotent=_flag(environ, "MADANG_MESSAGE_API_IDEMPOTENT"),
        rate=_count(environ, "MADANG_MESSAGE_API_RATE", 50),
    )


def read_alerts(environ: Mapping[str, str]) -> AlertSettings | None:
    """Where alerts go; None for nowhere."""
    given = _both(environ, "MADANG_ALERT_URL", "MADANG_ALERT_SECRET")
    if given is None:
        return None
    url, secrets = given
    endpoint = _endpoint(environ, "MADANG_ALERT_URL", url)
    try:
        return AlertSettings(endpoint, read_secrets(secrets))
    except ValueError as error:
        raise BadSetting(f"MADANG_ALERT_SECRET {error}") from None


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


def _both(environ: Mapping[str, str], url: str, secret: str) -> tuple[str, str] | None:
    given = environ.get(url, ""), environ.get(secret, "")
    if not any(given):
        return None
    if not all(given):
        missing, there = (url, secret) if given[1] else (secret, url)
        raise BadSetting(f"{missing} must be set where {there} is")
    return given


def _endpoint(environ: Mapping[str, str], name: str, url: str) -> Endpoint:
    private = _flag(environ, "MADANG_PRIVATE_ADDRESSES")
    try:
        return read_endpoint(url, private=private)
    except ValueError as error:
        # Without the cause: what Python says of an address may repeat it.
        raise BadSetting(f"{name} {error}") from None


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


def _items(environ: Mapping[str, str], name: str, default: str = "") -> list[str]:
    return [item.strip() for item in environ.get(name, default).split(",") if item.strip()]


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise BadSetting(f"MADANG_ORIGINS must name origins such as https://example.org: {text!r}")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _networks(
    environ: Mapping[str, str], name: str, default: str = ""
) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(_network(text) for text in _items(environ, name, default))
    except ValueError as error:
        raise BadSetting(f"{name} must name networks such as 10.0.0.0/8: {error}") from error


def _network(text: str) -> IPv4Network | IPv6Network:
    """*text* as a network, one of IPv4 also when it is mapped into IPv6, as addresses are."""
    network = ipaddress.ip_network(text, strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < MAPPED_PREFIX:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - MAPPED_PREFIX))
