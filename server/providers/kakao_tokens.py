"""The tokens of Kakao's OAuth, by which somebody lets us write to him.

    POST {auth}/oauth/token   (a form)
    grant_type=refresh_token, client_id, client_secret, refresh_token

answers with an ``access_token`` for ``expires_in`` seconds, and where the refresh token is soon
over with a new one, by which the old one is over at once. ``invalid_grant`` is the end of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urlencode
from weakref import WeakValueDictionary

import msgspec
import trio

from actors.notification_records import Attempt
from actors.ports import OutcomeUnknown, StoreUnavailable, WallClock
from protocol.ids import Millis
from server.providers.attempts import attempt_of, is_taken, repeatable
from server.providers.endpoints import Endpoint
from server.providers.outside_addresses import (
    KakaoAccount,
    OpenedEndpoint,
    Shape,
    kept_account,
    kept_as,
)
from server.providers.posting import Posted, Poster

EARLY_MS: Final = 60_000
"""So long before its end a token is not used any more."""
STORED_WITHIN_S: Final = 1.0
"""How long another server needs at most to keep what it got for the same token."""
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
GONE: Final = Attempt(kind="gone", reason="endpoint_gone")


class KeptEndpoints(Protocol):
    """Where addresses are kept."""

    async def address(self, endpoint_no: int) -> OpenedEndpoint | None:
        """It as it is now; None where it was ended."""

    async def replace(self, endpoint: OpenedEndpoint, address: str) -> None:
        """Keep its new secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KakaoApp:
    """Our app at Kakao."""

    auth: Endpoint
    api: Endpoint
    rest_key: str = field(repr=False)
    secret: str | None = field(repr=False)
    redirect: str
    """Where Kakao sends people back to, as it is registered there."""


@dataclass(frozen=True, slots=True)
class _Unkept:
    """An account that is not in the store yet."""

    account: KakaoAccount
    instead_of: frozenset[str] = field(repr=False)
    """The refresh tokens that may be in the store, its own among them: any other one is newer."""


class _Tokens(msgspec.Struct):
    access_token: str
    expires_in: int
    refresh_token: str | None = None


class _Fault(msgspec.Struct):
    error: str


class _User(msgspec.Struct):
    id: int


class KakaoTokens:
    """Gives tokens that hold, and gets new ones: for one endpoint once at a time."""

    def __init__(
        self, poster: Poster, app: KakaoApp, endpoints: KeptEndpoints, *, clock: WallClock
    ) -> None:
        self._poster, self._app, self._endpoints = poster, app, endpoints
        self._clock = clock
        self._locks: WeakValueDictionary[int, trio.Lock] = WeakValueDictionary()
        self._unkept: dict[int, _Unkept] = {}

    async def account(
        self, endpoint: OpenedEndpoint, refused: str | None = None
    ) -> KakaoAccount | Attempt:
        """Its account with a token that holds, and is not the one that was *refused*; or why there
        is none.
        """
        lock = self._locks.setdefault(endpoint.endpoint_no, trio.Lock())
        async with lock:
            kept = await self._kept(endpoint)
            if isinstance(kept, Attempt) or self._holds(kept, refused):
                return kept
            return await self._refreshed(endpoint, kept)

    async def first(self, code: str) -> KakaoAccount | None:
        """The account of somebody who came back with *code*; None where Kakao knows it not."""
        app = self._app
        posted = await self._ask(
            grant_type="authorization_code", redirect_uri=app.redirect, code=code
        )
        tokens = _tokens(posted)
        if tokens is None or tokens.refresh_token is None:
            return None
        headers = FORM | {"Authorization": f"Bearer {tokens.access_token}"}
        answer = await self._poster.post(app.api.below("/v2/user/me"), headers, b"")
        user = _said(answer, _User) if is_taken(answer) else None
        return self._account(str(user.id), tokens, tokens.refresh_token) if user else None

    async def _kept(self, endpoint: OpenedEndpoint) -> KakaoAccount | Attempt:
        """What another turn, or another server, has kept meanwhile; or what still has to be."""
        now = await self._endpoints.address(endpoint.endpoint_no)
        kept = GONE if now is None else kept_as(KakaoAccount, now)
        unkept = self._unkept.get(endpoint.endpoint_no)
        if unkept is None:
            return kept
        if isinstance(kept, Attempt) or kept.refresh not in unkept.instead_of:
            del self._unkept[endpoint.endpoint_no]
            return kept
        await self._keep(endpoint, unkept.account)
        return unkept.account

    def _holds(self, account: KakaoAccount, refused: str | None) -> bool:
        return account.access != refused and account.until > self._clock.now_ms() + EARLY_MS

    async def _refreshed(
        self, endpoint: OpenedEndpoint, old: KakaoAccount
    ) -> KakaoAccount | Attempt:
        posted = await self._ask(grant_type="refresh_token", refresh_token=old.refresh)
        if tokens := _tokens(posted):
            account = self._account(old.id, tokens, tokens.refresh_token or old.refresh)
            before = self._unkept.get(endpoint.endpoint_no)
            known = {old.refresh} if before is None else before.instead_of
            unkept = _Unkept(account, frozenset({*known, account.refresh}))
            self._unkept[endpoint.endpoint_no] = unkept
            return await self._kept(endpoint)
        if _is_over(posted):
            return await self._others(endpoint, old)
        return repeatable(attempt_of(posted, self._clock))

    async def _others(self, endpoint: OpenedEndpoint, old: KakaoAccount) -> KakaoAccount | Attempt:
        """A refresh token is over, too, where another server got a new one for it just now."""
        await trio.sleep(STORED_WITHIN_S)
        kept = await self._kept(endpoint)
        if isinstance(kept, Attempt) or kept.refresh == old.refresh:
            return GONE
        return kept

    async def _keep(self, endpoint: OpenedEndpoint, account: KakaoAccount) -> None:
        """Not to lose it where the store is away: then it is kept here, and there with the next."""
        try:
            await self._endpoints.replace(endpoint, kept_account(account))
        except (StoreUnavailable, OutcomeUnknown):
            return
        del self._unkept[endpoint.endpoint_no]

    async def _ask(self, **fields: str) -> Posted:
        client = {"client_id": self._app.rest_key}
        if self._app.secret is not None:
            client["client_secret"] = self._app.secret
        content = urlencode(client | fields).encode()
        return await self._poster.post(self._app.auth.below("/oauth/token"), FORM, content)

    def _account(self, user_id: str, tokens: _Tokens, refresh: str) -> KakaoAccount:
        until = Millis(self._clock.now_ms() + tokens.expires_in * 1000)
        return KakaoAccount(id=user_id, access=tokens.access_token, refresh=refresh, until=until)


def _tokens(posted: Posted) -> _Tokens | None:
    return _said(posted, _Tokens) if is_taken(posted) else None


def _is_over(posted: Posted) -> bool:
    fault = _said(posted, _Fault)
    return fault is not None and fault.error == "invalid_grant"


def _said(posted: Posted, shape: type[Shape]) -> Shape | None:
    try:
        return msgspec.json.decode(posted.body or b"", type=shape)
    except ValueError:
        return None
