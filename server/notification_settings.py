"""The settings of notifications: the platforms outside, their secrets, and numbers for all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from actors.notification_records import Platform
from actors.rules.notification_types import TYPES
from server.failure import BadSetting
from server.providers.alimtalk import ANY, VERIFICATION, SensAccount
from server.providers.endpoints import Endpoint, read_endpoint
from server.providers.kakao_tokens import KakaoApp
from server.providers.sealing import SealKey, read_seal_keys
from server.providers.vapid import read_vapid_key

T = TypeVar("T")

DISCORD_API: Final = "https://discord.com/api/v10"
KAKAO_API: Final = "https://kapi.kakao.com"
KAKAO_AUTH: Final = "https://kauth.kakao.com"
SENS_API: Final = "https://sens.apigw.ntruss.com"
PAGE: Final = "/#/notifications"
LONGEST_WORD: Final = 64

PER_HOUR: Final[Mapping[str, Platform]] = {
    "MADANG_NOTIFICATION_PUSH_PER_HOUR": "push",
    "MADANG_NOTIFICATION_KAKAO_PER_HOUR": "kakao",
    "MADANG_NOTIFICATION_DISCORD_PER_HOUR": "discord",
}

_VISIBLE = re.compile(r"[!-~]{1,512}")
_SUBJECT = re.compile(r"mailto:[^@\s]+@[^@\s]+|https://[^\s]+")
_PUBLIC_KEY = re.compile(r"[0-9a-fA-F]{64}")
_SERVICE_ID = re.compile(r"[A-Za-z0-9:._-]{1,200}")
_CHANNEL = re.compile(r"@\S{1,64}")
_TEMPLATE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KAKAO_TEMPLATE = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """Who pushes to browsers. Without a ``key`` one is made in the data folder."""

    key: ec.EllipticCurvePrivateKey | None = field(repr=False)
    subject: str | None
    service: Endpoint | None
    """A push service beside those of browsers, of which any subscription is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordSettings:
    """Discord: webhooks need nothing, the bot a token, and what it hears a public key."""

    api: Endpoint
    token: str | None = field(repr=False)
    public_key: bytes | None
    """That of the app, 32 bytes: Discord signs with the other half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KakaoSettings:
    """Messages in KakaoTalk to whoever lets us."""

    app: KakaoApp
    template: str | None
    """The id of the app's own template; None for a text."""
    link: str
    """The page that a message leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyingSettings:
    """What holds for all notifications. Platforms that are None have no provider."""

    seal_keys: tuple[SealKey, ...]
    """() where one is made in the data folder."""
    push: PushSettings
    discord: DiscordSettings
    kakao: KakaoSettings | None
    kakao_bot_secret: str | None = field(repr=False)
    """What the bot of a KakaoTalk channel shows; None where there is none."""
    alimtalk: SensAccount | None
    blocked_words: tuple[str, ...]
    per_hour: Mapping[Platform, int]
    digest_s: int
    kept_days: int


def read_notifying(environ: Mapping[str, str]) -> NotifyingSettings:
    """What holds for notifications. Raises BadSetting, which shows no secret.

    >>> read = read_notifying({})
    >>> read.discord.api.host, read.kakao, read.alimtalk, read.per_hour["push"], read.digest_s
    ('discord.com', None, None, 30, 300)
    """
    return NotifyingSettings(
        seal_keys=_checked(environ, "MADANG_SEAL_KEYS", read_seal_keys) or (),
        push=_push(environ),
        discord=_discord(environ),
        kakao=_kakao(environ),
        kakao_bot_secret=_secret(environ, "MADANG_KAKAO_BOT_SECRET"),
        alimtalk=_alimtalk(environ),
        blocked_words=_words(environ, "MADANG_BLOCKED_WORDS"),
        per_hour={of: _number(environ, name, 30, 0, 10_000) for name, of in PER_HOUR.items()},
        digest_s=_number(environ, "MADANG_NOTIFICATION_DIGEST_S", 300, 0, 86_400),
        kept_days=_number(environ, "MADANG_NOTIFICATION_DAYS", 90, 1, 3_650),
    )


def _push(environ: Mapping[str, str]) -> PushSettings:
    name = "MADANG_PUSH_SERVICE_URL"
    return PushSettings(
        key=_checked(environ, "MADANG_VAPID_KEY", read_vapid_key),
        subject=_like(
            environ, "MADANG_VAPID_SUBJECT", _SUBJECT, "mailto:ops@example.org or https://…"
        ),
        service=_endpoint(environ, name, "") if environ.get(name) else None,
    )


def _discord(environ: Mapping[str, str]) -> DiscordSettings:
    key = _like(environ, "MADANG_DISCORD_PUBLIC_KEY", _PUBLIC_KEY, "64 hexadecimal digits")
    return DiscordSettings(
        api=_endpoint(environ, "MADANG_DISCORD_API_URL", DISCORD_API),
        token=_secret(environ, "MADANG_DISCORD_BOT_TOKEN"),
        public_key=None if key is None else bytes.fromhex(key),
    )


def _kakao(environ: Mapping[str, str]) -> KakaoSettings | None:
    needed = "MADANG_KAKAO_REST_KEY", "MADANG_KAKAO_REDIRECT_URL"
    if not _is_set(environ, needed, ("MADANG_KAKAO_CLIENT_SECRET", "MADANG_KAKAO_TEMPLATE")):
        return None
    redirect = _endpoint(environ, "MADANG_KAKAO_REDIRECT_URL", "")
    app = KakaoApp(
        auth=_endpoint(environ, "MADANG_KAKAO_AUTH_URL", KAKAO_AUTH),
        api=_endpoint(environ, "MADANG_KAKAO_API_URL", KAKAO_API),
        rest_key=_secret(environ, "MADANG_KAKAO_REST_KEY") or "",
        secret=_secret(environ, "MADANG_KAKAO_CLIENT_SECRET"),
        redirect=environ["MADANG_KAKAO_REDIRECT_URL"],
    )
    template = _like(environ, "MADANG_KAKAO_TEMPLATE", _KAKAO_TEMPLATE, "the number of a template")
    link = f"{redirect.scheme}://{redirect.authority()}{PAGE}"
    return KakaoSettings(app=app, template=template, link=link)


def _alimtalk(environ: Mapping[str, str]) -> SensAccount | None:
    needed = (
        "MADANG_SENS_ACCESS_KEY",
        "MADANG_SENS_SECRET_KEY",
        "MADANG_SENS_SERVICE_ID",
        "MADANG_SENS_CHANNEL",
        "MADANG_SENS_TEMPLATES",
    )
    if not _is_set(environ, needed):
        return None
    service = "an id such as ncp:kkobizmsg:kr:1:x"
    return SensAccount(
        api=_endpoint(environ, "MADANG_SENS_API_URL", SENS_API),
        access_key=_secret(environ, "MADANG_SENS_ACCESS_KEY") or "",
        secret_key=_secret(environ, "MADANG_SENS_SECRET_KEY") or "",
        service_id=_like(environ, "MADANG_SENS_SERVICE_ID", _SERVICE_ID, service) or "",
        channel=_like(environ, "MADANG_SENS_CHANNEL", _CHANNEL, "a search id such as @madang")
        or "",
        templates=_templates(environ["MADANG_SENS_TEMPLATES"]),
    )


def _templates(text: str) -> Mapping[str, str]:
    pairs = [each.strip().partition("=")[::2] for each in text.split(",")]
    for of, code in pairs:
        if of not in (ANY, VERIFICATION, *TYPES) or not _TEMPLATE.fullmatch(code):
            raise BadSetting(
                "MADANG_SENS_TEMPLATES must be like calendar.reminder=CODE,*=CODE,"
                f" with types that there are: {of!r}"
            )
    return dict(pairs)


def _is_set(
    environ: Mapping[str, str], needed: tuple[str, ...], more: tuple[str, ...] = ()
) -> bool:
    given = [name for name in (*needed, *more) if environ.get(name)]
    missing = [name for name in needed if not environ.get(name)]
    if given and missing:
        raise BadSetting(f"{missing[0]} must be set where {given[0]} is")
    return bool(given)


def _endpoint(environ: Mapping[str, str], name: str, default: str) -> Endpoint:
    private = environ.get("MADANG_PRIVATE_ADDRESSES", "").lower() in ("1", "true")
    try:
        return read_endpoint(environ.get(name) or default, private=private)
    except ValueError as error:
        raise BadSetting(f"{name} {error}") from None


def _secret(environ: Mapping[str, str], name: str) -> str | None:
    secret = environ.get(name) or None
    if secret is not None and not _VISIBLE.fullmatch(secret):
        raise BadSetting(f"{name} must be visible ASCII without spaces")
    return secret


def _like(
    environ: Mapping[str, str], name: str, pattern: re.Pattern[str], example: str
) -> str | None:
    text = environ.get(name) or None
    if text is not None and not pattern.fullmatch(text):
        raise BadSetting(f"{name} must be {example}")
    return text


def _checked(environ: Mapping[str, str], name: str, read: Callable[[str], T]) -> T | None:
    """A secret that *read* reads, if there is one."""
    text = environ.get(name)
    try:
        return read(text) if text else None
    except ValueError as error:
        raise BadSetting(f"{name} {error}") from None


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    words = tuple(word for each in environ.get(name, "").split(",") if (word := each.strip()))
    if any(len(word) > LONGEST_WORD for word in words):
        raise BadSetting(f"{name} must have words of {LONGEST_WORD} characters at most")
    return words


def _number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadSetting(f"{name} must be a whole number from {least} to {most}, not {text!r}")
    return int(text)
