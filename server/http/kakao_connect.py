"""KakaoTalk messages to oneself: one goes to Kakao, agrees there, and comes back with a code.

Whoever comes back has to be the browser that went, and does so once: else somebody could have
another agree that his KakaoTalk is told what is not his.
"""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple
from urllib.parse import urlencode

import msgspec
import trio
from werkzeug.http import dump_cookie, parse_cookie

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from server.http.auth import rate_limited
from server.http.ports import Limits, Rate
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.ids import IdSource
from server.postgres.notification_endpoints import NotificationEndpoints
from server.postgres.notification_links import NotificationLinks
from server.providers.kakao_tokens import KakaoApp, KakaoTokens
from server.providers.outside_addresses import AddressReader, KakaoAccount

PATH: Final = "/api/notifications/kakao"
SCOPE: Final = "talk_message"
HELD_S: Final = 600
GOING: Final = Rate(per_second=0.05, burst=10)
"""How often a user goes to Kakao."""
ONCE: Final = Rate(per_second=1 / HELD_S, burst=1)
"""How often one comes back: when there might be another time, the state is over."""
WITHIN_S: Final = 8.0
"""A browser waits so long for what Kakao says of its code."""
COOKIE: Final = "madang_kakao"
PAGE: Final = "/#/notifications"
REFUSED: Final = "/?kakao=failed#/notifications"


class KakaoConnect(msgspec.Struct):
    """Where to go: Kakao's own page, which asks for what we want."""

    url: str


class KakaoReturn(msgspec.Struct):
    """What Kakao says of it, as it sends the browser back."""

    code: str = ""
    state: str = ""
    error: str = ""


class KakaoLogin(NamedTuple):
    """Our app at Kakao, and how its codes become tokens."""

    app: KakaoApp
    tokens: KakaoTokens


class SignedState:
    """Who went to Kakao, until when he may come back, and by which browser."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def made(self, user_no: int, until: int, nonce: str) -> str:
        """It as it travels. ``until``: in seconds."""
        said = f"{user_no}.{until}.{nonce}"
        return f"{said}.{self._digest(said)}"

    def read(self, text: str, *, nonce: str, now: int) -> int | None:
        """The number of the user; None unless this was made for that browser, and not long ago."""
        said, _, digest = text.rpartition(".")
        if not hmac.compare_digest(self._digest(said).encode(), digest.encode()):
            return None
        user_no, until, sent = said.split(".")
        is_his = hmac.compare_digest(sent.encode(), nonce.encode())
        return int(user_no) if is_his and now < int(until) else None

    def _digest(self, said: str) -> str:
        return hmac.digest(self._key, said.encode(), "sha256").hex()


class KakaoConnectRoutes:
    """Both routes of it. Without a *login* there is nowhere to go."""

    def __init__(  # noqa: PLR0913 - each is a part of it
        self,
        login: KakaoLogin | None,
        *,
        addresses: AddressReader,
        endpoints: NotificationEndpoints,
        people: NotificationLinks,
        limits: Limits,
        state_key: bytes,
        clock: WallClock,
        new_id: IdSource,
    ) -> None:
        self._login, self._addresses = login, addresses
        self._endpoints, self._people, self._limits = endpoints, people, limits
        self._state, self._clock, self._new_id = SignedState(state_key), clock, new_id

    async def connect(self, call: Call[None, NoQuery]) -> Answer:
        """Where the browser that asks has to go to. It is known by a cookie when it comes back."""
        app = self._known().app
        wait = await self._limits.take(f"kakao-connect:{call.caller.user_no}", GOING)
        if wait:
            raise rate_limited(wait)
        nonce, until = self._new_id(), self._now() + HELD_S
        asked = {
            "response_type": "code",
            "client_id": app.rest_key,
            "redirect_uri": app.redirect,
            "scope": SCOPE,
            "state": self._state.made(call.caller.user_no, until, nonce),
        }
        to = app.auth.below("/oauth/authorize")
        url = f"{to.scheme}://{to.authority()}{to.target}?{urlencode(asked)}"
        return Answer(200, KakaoConnect(url), {"Set-Cookie": self._cookie(nonce, HELD_S)})

    async def come_back(self, call: Call[None, KakaoReturn]) -> Answer:
        """One is back from Kakao, and goes on to the page's notifications.

        There ``?kakao=failed`` says that it came to nothing.
        """
        is_done = await self._connected(self._known(), call)
        headers = {"Location": PAGE if is_done else REFUSED, "Set-Cookie": self._cookie("", 0)}
        return Answer(303, None, headers)

    async def _connected(self, login: KakaoLogin, call: Call[None, KakaoReturn]) -> bool:
        nonce = parse_cookie(call.headers.get("Cookie")).get(COOKIE, "")
        user_no = self._state.read(call.query.state, nonce=nonce, now=self._now())
        if user_no is None or await self._limits.take(f"kakao-return:{nonce}", ONCE):
            return False
        who = await self._people.linked(user_no)
        account = await self._account(login, call.query.code) if who else None
        if account is None:
            return False
        new = self._addresses.kakao_account(account)
        at = self._clock.now_ms()
        await self._endpoints.add(user_no, new.platform, new.kind, new.address, new.label, at)
        return True

    async def _account(self, login: KakaoLogin, code: str) -> KakaoAccount | None:
        with trio.move_on_after(WITHIN_S):
            return await login.tokens.first(code) if code else None
        return None

    def _known(self) -> KakaoLogin:
        if self._login is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "this server has no app at Kakao")
        return self._login

    def _now(self) -> int:
        return self._clock.now_ms() // 1000

    def _cookie(self, nonce: str, seconds: int) -> str:
        is_secure = self._known().app.redirect.startswith("https:")
        return dump_cookie(
            COOKIE,
            nonce,
            max_age=seconds,
            path=PATH,
            secure=is_secure,
            httponly=True,
            samesite="Lax",
        )

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH + "/connect",
                name="connect_kakao",
                summary="Where one agrees to be told in KakaoTalk",
                handler=self.connect,
                answers={200: KakaoConnect},
                refusals=(404,),
            ),
            Route(
                method="GET",
                path=PATH + "/callback",
                name="return_from_kakao",
                summary="Where Kakao sends the browser back to",
                access=Access.ANYBODY,
                handler=self.come_back,
                query=KakaoReturn,
                answers={303: None},
                refusals=(404, 503),
            ),
        )
