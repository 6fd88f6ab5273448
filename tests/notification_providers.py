"""Providers of notifications on loopback that behave as their documents say: real HTTP servers.

Each answers what is right by itself; ``next`` has what is done instead with the next requests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import trio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import structs
from provider_server import Exchange, Play, ProviderServer, Received, serving

from actors.notification_records import OutgoingNotification
from actors.ports import StoreUnavailable
from protocol.ids import Millis
from server.providers.addresses import GuardedBackend
from server.providers.outside_addresses import OpenedEndpoint
from server.providers.posting import Deadlines, Poster

NOW_MS = 1_700_000_000_000
CANARY = "canary-5f1d"
"""A part of every secret here: it must be in no repr, no log and no error."""
TITLE, BODY = "제목 «title»", "본문 body\nsecond line"
SHORT, PATIENT = Deadlines(leaving=20, answer=1.0), Deadlines(leaving=20, answer=20)


class Words(NamedTuple):
    title: str = TITLE
    body: str = BODY


class SetClock:
    """Stands still until it is set."""

    def __init__(self, ms: int = NOW_MS) -> None:
        self.ms = ms

    def now_ms(self) -> Millis:
        return Millis(self.ms)


def note(**fields: Any) -> OutgoingNotification:
    made = OutgoingNotification(
        leg_no=1,
        id="n1:7",
        notification_id="0123456789abcdef",
        platform="push",
        endpoint_no=7,
        recipient_no=1,
        type="meeting.invitation",
        title=TITLE,
        message=BODY,
        data={},
        priority=2,
        language="ko",
        sender_no=9,
        sender="김하늘",
        created_at=Millis(NOW_MS - 1000),
        expires_at=None,
        attempt=1,
        lease=1,
        collapse_key=None,
    )
    return structs.replace(made, **fields)


def opened(kind: str, address: str, *, endpoint_no: int = 7, user_no: int = 1) -> OpenedEndpoint:
    platform: Any = {"web_push": "push", "kakao_talk": "kakao", "alimtalk": "kakao"}.get(kind)
    return OpenedEndpoint(endpoint_no, user_no, platform or "discord", kind, address)


class KeptAddresses:
    """Where addresses are kept, in memory. ``is_away``: it cannot be written."""

    def __init__(self, *endpoints: OpenedEndpoint) -> None:
        self.kept = {each.endpoint_no: each for each in endpoints}
        self.is_away = False
        self.replaced = 0

    async def address(self, endpoint_no: int) -> OpenedEndpoint | None:
        await trio.lowlevel.checkpoint()
        return self.kept.get(endpoint_no)

    async def replace(self, endpoint: OpenedEndpoint, address: str) -> None:
        await trio.lowlevel.checkpoint()
        if self.is_away:
            raise StoreUnavailable("away")
        self.replaced += 1
        self.kept[endpoint.endpoint_no] = structs.replace(endpoint, address=address)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # it takes longer than a test


@asynccontextmanager
async def posting(deadlines: Deadlines = PATIENT) -> AsyncIterator[Poster]:
    backend = GuardedBackend(private=True)
    poster = Poster(backend, tls=_tls(), connections=20, deadlines=deadlines)
    try:
        yield poster
    finally:
        await poster.aclose()


# ---- what is done instead


async def stall(_: Exchange, __: Received) -> bool:
    await trio.sleep_forever()
    return False


async def cut(exchange: Exchange, _: Received) -> bool:
    return await exchange.reset()


async def redirect(exchange: Exchange, _: Received) -> bool:
    return await exchange.answer(307, b"", [("Location", "http://127.0.0.1/elsewhere")])


def answers(status: int, body: object = None, **headers: str) -> Instead:
    """The answer of that status; ``Retry_After="3"`` is a header."""
    content = b"" if body is None else json.dumps(body).encode()
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]

    async def answer(exchange: Exchange, _: Received) -> bool:
        return await exchange.answer(status, content, named)

    return answer


Instead = Callable[[Exchange, Received], Awaitable[bool]]


def deadlines_of(play: Instead) -> Deadlines:
    """Where nothing is answered it is not waited for long."""
    return SHORT if play is stall else PATIENT


class Provider:
    """A server that does what ``next`` says, or else what is right."""

    def __init__(self) -> None:
        self.next: deque[Instead] = deque()
        self.server = ProviderServer(self.play)

    async def play(self, exchange: Exchange) -> bool:
        request = await exchange.request()
        if request is None:
            return False
        if self.next:
            return await self.next.popleft()(exchange, request)
        status, body, headers = await self.respond(request)
        content = b"" if body is None else json.dumps(body).encode()
        return await exchange.answer(status, content, list(headers.items()))

    async def respond(self, request: Received) -> tuple[int, object, Mapping[str, str]]:
        raise NotImplementedError

    @property
    def received(self) -> Sequence[Received]:
        return self.server.received


@asynccontextmanager
async def provided(provider: Provider) -> AsyncIterator[str]:
    """It serves until the block ends; the address is ``http://127.0.0.1:PORT``."""
    play: Play = provider.play
    async with serving(play) as server:
        provider.server = server
        yield f"http://127.0.0.1:{server.port}"


# ---- push services


class Browser:
    """A subscription with its private half. It decrypts by RFC 8291, without our code."""

    def __init__(self, base: str, path: str = f"/push/{CANARY}") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = hashlib.sha256(b"secret").digest()[:16]
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.point, self.endpoint = point, base + path
        self.p256dh, self.auth = base64url(point), base64url(self._secret)

    def address(self) -> str:
        return json.dumps(
            {"endpoint": self.endpoint, "p256dh": self.p256dh, "auth": self.auth},
            separators=(",", ":"),
        )

    def decrypted(self, body: bytes) -> bytes:
        salt, record, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert record == 4096 and len(body) <= 4096
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self._key.exchange(ec.ECDH(), point)
        info = b"WebPush: info\0" + self.point + sender
        material = _hkdf(self._secret, shared, info, 32)
        key = _hkdf(salt, material, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(salt, material, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        text, end = plain.rstrip(b"\0")[:-1], plain.rstrip(b"\0")[-1:]
        assert end == b"\x02"  # the last record
        return text


class PushService(Provider):
    """Takes what is signed for it by *public_key*, and of subscriptions those it has."""

    def __init__(self, public_key: str, clock: SetClock) -> None:
        super().__init__()
        self._public_key, self._clock = public_key, clock
        self.base = ""
        self.gone: set[str] = set()
        self.forbidden: set[str] = set()  # they were made with another key

    async def respond(self, request: Received) -> tuple[int, object, Mapping[str, str]]:
        await trio.lowlevel.checkpoint()
        if request.target in self.gone:
            return 410, None, {}
        if request.target in self.forbidden:
            return 403, None, {}
        if not self._is_signed(request.headers["authorization"]):
            return 403, None, {}
        if len(request.body) > 4096:
            return 413, None, {}
        assert request.headers["content-encoding"] == "aes128gcm" and request.headers["ttl"]
        return 201, None, {"Location": f"{self.base}/message/1"}

    def _is_signed(self, header: str) -> bool:
        found = re.fullmatch(r"vapid t=([^,]+), k=([A-Za-z0-9_-]+)", header)
        if found is None or found[2] != self._public_key:
            return False
        claims = verified(found[1], self._public_key)
        left_s = claims["exp"] - self._clock.ms // 1000
        return claims["aud"] == self.base and 0 < left_s <= 24 * 3600


def verified(token: str, public_key: str) -> Any:
    """The claims of a JWT by ES256. Raises InvalidSignature."""
    signed, _, signature = token.rpartition(".")
    head, payload = signed.split(".")
    assert json.loads(unbase64url(head)) == {"typ": "JWT", "alg": "ES256"}
    raw = unbase64url(signature)
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    point = unbase64url(public_key)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
    return json.loads(unbase64url(payload))


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _hkdf(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 by SHA-256, of one block."""
    key = hmac.digest(salt, material, "sha256")
    return hmac.digest(key, info + b"\x01", "sha256")[:length]


# ---- Discord


class Discord(Provider):
    """Webhooks and direct messages, each channel with a limit in a window of time."""

    LIMIT, WINDOW_S = 5, 2.0

    def __init__(self, *, limit: int = LIMIT, window_s: float = WINDOW_S) -> None:
        super().__init__()
        self.limit, self.window_s = limit, window_s
        self.webhooks: dict[str, str] = {}  # their tokens by ids
        self.token = ""
        self.closed: set[str] = set()  # users who take no direct messages
        self.messages: dict[str, Any] = {}
        self.over = 0  # requests beyond the limits
        self._nonces: dict[str, str] = {}
        self._ids = count(900_000_000_000_000_001)
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    async def respond(self, request: Received) -> tuple[int, object, Mapping[str, str]]:
        await trio.lowlevel.checkpoint()
        assert request.headers["user-agent"].startswith("DiscordBot (")
        parts = request.target.removeprefix("/api/v10").partition("?")[0].strip("/").split("/")
        is_limited, limits = self._limited(request.method, parts)
        if is_limited:
            self.over += 1
            after = limits["X-RateLimit-Reset-After"]
            said = {"message": CANARY, "retry_after": float(after), "global": False}
            return 429, said, limits | {"Retry-After": after, "X-RateLimit-Scope": "user"}
        status, body = self._webhook(request, parts) if parts[0] == "webhooks" else (0, None)
        if not status:
            status, body = self._bot(request, parts)
        return status, body, limits

    def _limited(self, method: str, parts: list[str]) -> tuple[bool, dict[str, str]]:
        major = parts[1] if parts[0] in ("webhooks", "channels") else ""
        key, now = (f"{method}{len(parts)}{parts[0]}", major), trio.current_time()
        until, used = self._windows.get(key, (0.0, 0))
        if until <= now:
            until, used = now + self.window_s, 0
        is_limited = used >= self.limit
        used += not is_limited
        self._windows[key] = until, used
        return is_limited, {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.limit - used),
            "X-RateLimit-Reset-After": f"{until - now:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(key[0].encode()).hexdigest(),  # noqa: S324
        }

    def _webhook(self, request: Received, parts: list[str]) -> tuple[int, object]:
        if self.webhooks.get(parts[1]) != parts[2]:
            return 404, {"message": "Unknown Webhook", "code": 10015}
        if request.method == "DELETE":
            return self._deleted(parts[4])
        assert request.target.endswith("?wait=true")
        return 200, self._made(request.json())

    def _bot(self, request: Received, parts: list[str]) -> tuple[int, object]:
        if request.headers.get("authorization") != f"Bot {self.token}":
            return 401, {"message": "401: Unauthorized", "code": 0}
        if parts[0] == "users":
            return 200, {"id": "7" + request.json()["recipient_id"][1:], "type": 1}
        if request.method == "DELETE":
            return self._deleted(parts[3])
        if parts[1] in self.closed:
            return 403, {"message": "Cannot send messages to this user", "code": 50007}
        body = request.json()
        assert body["enforce_nonce"] is True and 0 < len(body["nonce"]) <= 25
        if body["nonce"] in self._nonces:
            return 200, self.messages[self._nonces[body["nonce"]]]
        made = self._made(body)
        self._nonces[body["nonce"]] = made["id"]
        return 200, made

    def _made(self, body: Any) -> Any:
        assert body["allowed_mentions"] == {"parse": []}
        made = {"id": str(next(self._ids)), "channel_id": "1", "embeds": body["embeds"]}
        self.messages[made["id"]] = made
        return made

    def _deleted(self, message: str) -> tuple[int, object]:
        if self.messages.pop(message, None) is None:
            return 404, {"message": "Unknown Message", "code": 10008}
        return 204, None


# ---- Kakao


class Kakao(Provider):
    """``kauth`` and ``kapi`` in one. A refresh token gives one access token after the other."""

    KEY, SECRET = f"rest-{CANARY}", f"secret-{CANARY}"

    def __init__(self, *, rotates: bool = False) -> None:
        super().__init__()
        self.rotates = rotates
        self.access: set[str] = set()
        self.refresh: set[str] = set()
        self.codes: set[str] = set()
        self.sent: list[dict[str, str]] = []
        self.refreshed = 0
        self._numbers = count(1)

    async def respond(self, request: Received) -> tuple[int, object, Mapping[str, str]]:
        await trio.sleep(0.01)
        assert request.headers["content-type"].startswith("application/x-www-form-urlencoded")
        form = {name: each[0] for name, each in parse_qs(request.body.decode()).items()}
        if request.target == "/oauth/token":
            return (*self._token(form), {})
        if request.headers["authorization"].removeprefix("Bearer ") not in self.access:
            return 401, {"msg": f"this access token does not exist {CANARY}", "code": -401}, {}
        if request.target == "/v2/user/me":
            return 200, {"id": 123456789}, {}
        self.sent.append(form | {"path": request.target})
        return 200, {"result_code": 0}, {}

    def _token(self, form: dict[str, str]) -> tuple[int, object]:
        if (form["client_id"], form.get("client_secret")) != (self.KEY, self.SECRET):
            return 401, {"error": "invalid_client", "error_code": "KOE010"}
        if form["grant_type"] == "authorization_code":
            if form["code"] not in self.codes:
                return 400, {"error": "invalid_grant", "error_code": "KOE320"}
            self.codes.discard(form["code"])
            return 200, self._tokens(is_new=True)
        if form["refresh_token"] not in self.refresh:
            return 400, {"error": "invalid_grant", "error_code": "KOE322"}
        self.refreshed += 1
        if self.rotates:
            self.refresh.discard(form["refresh_token"])
        return 200, self._tokens(is_new=self.rotates)

    def _tokens(self, *, is_new: bool) -> dict[str, object]:
        number = next(self._numbers)
        access, refresh = f"access-{CANARY}-{number}", f"refresh-{CANARY}-{number}"
        self.access.add(access)
        said: dict[str, object] = {"access_token": access, "token_type": "bearer"}
        if is_new:
            self.refresh.add(refresh)
            said |= {"refresh_token": refresh, "refresh_token_expires_in": 5_184_000}
        return said | {"expires_in": 21_599}


# ---- SENS


class Sens(Provider):
    """AlimTalk of Naver Cloud, for one service, channel and template."""

    ACCESS, SECRET, SERVICE = f"access-{CANARY}", f"secret-{CANARY}", "ncp:kkobizmsg:kr:1:x"
    CHANNEL, TEMPLATE = "@madang", "reminder1"

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self._clock = clock
        self.sent: list[Any] = []

    async def respond(self, request: Received) -> tuple[int, object, Mapping[str, str]]:
        await trio.lowlevel.checkpoint()
        if not self._is_signed(request):
            return 401, {"error": {"errorCode": "200", "message": "Authentication Failed"}}, {}
        assert request.target == f"/alimtalk/v2/services/{self.SERVICE}/messages"
        body = request.json()
        (message,) = body["messages"]
        assert message["useSmsFailover"] is False and body["plusFriendId"] == self.CHANNEL
        is_known = body["templateCode"] == self.TEMPLATE
        self.sent += [message] if is_known else []
        request_status = {
            "messageId": "aa724ca6-66dfc1a700e7",
            "to": message["to"],
            "content": message["content"],
            "requestStatusCode": "A000" if is_known else "A104",
            "requestStatusName": "success" if is_known else "fail",
            "useSmsFailover": False,
        }
        said = {"requestId": "r", "statusCode": "202", "statusName": "success"}
        return 202, said | {"messages": [request_status]}, {}

    def _is_signed(self, request: Received) -> bool:
        at = request.headers["x-ncp-apigw-timestamp"]
        text = f"POST {request.target}\n{at}\n{self.ACCESS}"
        signature = hmac.new(self.SECRET.encode(), text.encode(), hashlib.sha256).digest()
        return (
            request.headers["x-ncp-iam-access-key"] == self.ACCESS
            and abs(int(at) - self._clock.ms) < 300_000
            and request.headers["x-ncp-apigw-signature-v2"] == base64.b64encode(signature).decode()
        )
