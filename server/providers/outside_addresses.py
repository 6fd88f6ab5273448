"""How people are reached outside: what an address of each kind is, and what is checked of it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, Literal, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from actors.notification_records import Outside
from protocol.ids import Millis
from server.providers.endpoints import DEFAULT_PORTS, Endpoint, read_endpoint

Shape = TypeVar("Shape", bound=msgspec.Struct)
Kind = Literal["web_push", "discord_webhook", "discord_bot", "kakao_talk", "alimtalk"]
PLATFORM_OF: Final[dict[Kind, Outside]] = {
    "web_push": "push",
    "discord_webhook": "discord",
    "discord_bot": "discord",
    "kakao_talk": "kakao",
    "alimtalk": "kakao",
}

PUSH_HOSTS: Final = frozenset({"fcm.googleapis.com", "updates.push.services.mozilla.com"})
PUSH_DOMAINS: Final = (".push.apple.com", ".notify.windows.com")
"""Of Apple and Microsoft any host below: they have many."""
LONGEST_PUSH_URL: Final = 2048
PUSH_KEY_BYTES, PUSH_AUTH_BYTES = 65, 16
WEBHOOK_HOSTS: Final = frozenset({"discord.com", "discordapp.com"})

_WEBHOOK = re.compile(r"/api(?:/v[0-9]{1,2})?/webhooks/([0-9]{15,21})/([A-Za-z0-9_-]{20,128})")
_DISCORD_ID = re.compile(r"[0-9]{15,21}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{6,30}")


class Subscription(msgspec.Struct, frozen=True):
    """A browser's, as ``PushSubscription.toJSON`` has it; its keys are base64url."""

    endpoint: str
    p256dh: str
    auth: str

    def __repr__(self) -> str:
        return "Subscription()"

    def keys(self) -> tuple[bytes, bytes]:
        """The receiver's public key and its authentication secret."""
        return _unpadded(self.p256dh), _unpadded(self.auth)


class KakaoAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who let us write to him in KakaoTalk, and the tokens by which we may."""

    id: str
    access: str
    refresh: str
    until: Millis
    """When ``access`` is over."""

    def __repr__(self) -> str:
        return "KakaoAccount()"


class WebhookAddress(msgspec.Struct, frozen=True):
    """A webhook of Discord. Where Discord is, the settings say."""

    id: str
    token: str

    def __repr__(self) -> str:
        return "WebhookAddress()"


class OpenedEndpoint(msgspec.Struct, frozen=True):
    """How somebody is reached, unsealed."""

    endpoint_no: int
    user_no: int
    platform: Outside
    kind: str
    address: str

    def __repr__(self) -> str:
        return f"OpenedEndpoint({self.endpoint_no}, {self.kind!r})"


class NewAddress(msgspec.Struct, frozen=True):
    """An address that was checked, as it is kept; ``label`` is what may be shown of it."""

    platform: Outside
    kind: Kind
    address: str
    label: str

    def __repr__(self) -> str:
        return f"NewAddress({self.kind!r}, {self.label!r})"


class AddressBroken(ValueError):
    """What is kept is no address of its kind."""


class KeysRefused(ValueError):
    """The keys of a subscription are none, wherever its endpoint is."""


class AddressReader:
    """Reads what people say of how they are reached. Its methods raise ValueError, whose text does
    not show it.

    *push*: a push service beside the known ones, if there is one; *discord*: where its API is.
    """

    def __init__(self, *, push: Endpoint | None = None, discord: Endpoint) -> None:
        self._push, self._discord = push, discord

    def push(self, endpoint: str, p256dh: str, auth: str) -> NewAddress:
        """A browser's subscription."""
        return _new("web_push", _spelled(read_subscription(endpoint, p256dh, auth, self._push)))

    def discord_webhook(self, url: str) -> NewAddress:
        """A webhook of Discord."""
        return _new("discord_webhook", _spelled(read_webhook(url, self._discord)))

    def discord_user(self, user_id: str) -> NewAddress:
        """Somebody whom the bot writes to."""
        return _new("discord_bot", read_discord_user(user_id))

    def kakao_account(self, account: KakaoAccount) -> NewAddress:
        """Somebody who let us write to him in KakaoTalk."""
        return _new("kakao_talk", _spelled(account))

    def phone(self, text: str) -> NewAddress:
        """A phone that AlimTalk goes to."""
        return _new("alimtalk", read_phone(text))


def read_subscription(
    endpoint: str, p256dh: str, auth: str, service: Endpoint | None = None
) -> Subscription:
    """The subscription, of a known push service or of *service*, in the one way it is written.

    Raises ValueError, whose text does not show it.
    """
    to = push_endpoint(endpoint, service)
    try:
        key, secret = _unpadded(p256dh.rstrip("=")), _unpadded(auth.rstrip("="))
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    except ValueError:  # also binascii.Error
        raise KeysRefused("p256dh and auth must be base64url of a P-256 key and a secret") from None
    if (len(key), len(secret)) != (PUSH_KEY_BYTES, PUSH_AUTH_BYTES):
        raise KeysRefused(f"p256dh must have {PUSH_KEY_BYTES} bytes and auth {PUSH_AUTH_BYTES}")
    url = f"{to.scheme}://{to.authority()}{to.target}"
    return Subscription(url, _base64url(key), _base64url(secret))


def push_endpoint(url: str, service: Endpoint | None = None) -> Endpoint:
    """Where to push to: to a known push service, or the one at the scheme, host and port of
    *service*. Raises ValueError, whose text does not show it.
    """
    if len(url) > LONGEST_PUSH_URL:
        raise ValueError(f"must have {LONGEST_PUSH_URL} characters at most")
    endpoint = read_endpoint(url, private=True)
    if service is not None and endpoint[:3] == service[:3]:
        return endpoint
    is_known = endpoint.host in PUSH_HOSTS or endpoint.host.endswith(PUSH_DOMAINS)
    port = DEFAULT_PORTS["https"]  # on others nobody may answer
    if is_known and (endpoint.scheme, endpoint.port) == ("https", port):
        return endpoint
    raise ValueError(f"must be of a known push service, by https on port {port}")


def read_webhook(url: str, api: Endpoint | None = None) -> WebhookAddress:
    """The webhook of an address that Discord's own page shows, or of one below *api*.

    Raises ValueError, whose text does not show it.
    """
    endpoint = read_endpoint(url, private=api is not None)
    at, host = endpoint.target, endpoint.host
    own = api is not None and endpoint[:3] == api[:3] and at.startswith(api.below("/").target)
    if own and api is not None:
        at = "/api/" + at.removeprefix(api.below("/").target)
    plain = endpoint.scheme == "https" and host in WEBHOOK_HOSTS and f"//{host}/" in url.lower()
    found = _WEBHOOK.fullmatch(at) if own or plain else None
    if found is None or "?" in url or "#" in url:
        raise ValueError("must be like https://discord.com/api/webhooks/ID/TOKEN")
    return WebhookAddress(found[1], found[2])


def read_discord_user(text: str) -> str:
    """The id of a user of Discord. Raises ValueError."""
    if not _DISCORD_ID.fullmatch(text):
        raise ValueError("must be an id of Discord")
    return text


def read_phone(text: str) -> str:
    """A phone of Korea in its digits, as it is called there. Raises ValueError.

    >>> read_phone("+82 10-1234-5678"), read_phone("010 1234 5678")
    ('01012345678', '01012345678')
    """
    digits = "".join(filter(str.isdigit, text))
    if text.startswith("+82"):
        digits = "0" + digits.removeprefix("82").removeprefix("0")
    if not _PHONE.fullmatch(text) or not digits.startswith("01"):
        raise ValueError("must be a mobile phone of Korea")
    return digits


def kept_as(shape: type[Shape], endpoint: OpenedEndpoint) -> Shape:
    """The address of an endpoint, which is kept as *shape*. Raises AddressBroken."""
    try:
        return msgspec.json.decode(endpoint.address, type=shape)
    except ValueError:
        raise AddressBroken(endpoint.kind) from None


def kept_account(account: KakaoAccount) -> str:
    """The account as it is kept."""
    return _spelled(account)


def identity(kind: str, address: str) -> str:
    """What one that is given again is known by. Whoever gives it takes it over, so that it has
    all that shows whose it is: the secrets of a subscription and of a webhook, too.

    >>> identity("discord_bot", "80351110224678912")
    '80351110224678912'
    """
    try:
        if kind == "kakao_talk":  # tokens change; whose they are Kakao itself has said
            return msgspec.json.decode(address, type=KakaoAccount).id
        if kind == "web_push":  # in how many ways a URL may be written its service alone knows
            browser = msgspec.json.decode(address, type=Subscription)
            return f"{browser.p256dh}.{browser.auth}"
    except ValueError:  # it is the identity itself
        pass
    return address


def label_of(kind: str, address: str) -> str:
    """What may be shown of an address.

    >>> label_of("discord_bot", "80351110224678912"), label_of("alimtalk", "01012345678")
    ('…8912', '010…5678')
    """
    match kind:
        case "web_push":
            url = msgspec.json.decode(address, type=Subscription).endpoint
            return read_endpoint(url, private=True).host
        case "discord_webhook":
            known = msgspec.json.decode(address, type=WebhookAddress).id
        case _:
            known = identity(kind, address)
    return f"{known[:3] if kind == 'alimtalk' else ''}…{known[-4:]}"


def _new(kind: Kind, address: str) -> NewAddress:
    return NewAddress(PLATFORM_OF[kind], kind, address, label_of(kind, address))


def _spelled(address: msgspec.Struct) -> str:
    return msgspec.json.encode(address).decode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpadded(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise binascii.Error
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
