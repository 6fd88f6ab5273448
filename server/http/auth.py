"""Who is calling: the bearer token, and one look at whether it still holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from actors.ports import Claims, Standing
from actors.requests import Caller
from protocol.errors import ErrorCode, ProtocolError
from server.http.admin_addresses import AdminAddresses
from server.http.ports import Rate
from server.http.route import Access, SignedIn
from server.memory.limits import LocalLimits
from server.tokens import Tokens


class Standings(Protocol):
    """Where to look whether tokens hold."""

    async def standings(self, claims: Sequence[Claims]) -> Mapping[str, Standing]:
        """By ``jti``; tokens of unknown users are left out."""


class Gate:
    """Lets callers in. Each request of a user takes one of *rate* of that user."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        people: Standings,
        rate: Rate,
        limits: LocalLimits,
        admins: AdminAddresses,
    ) -> None:
        """*admins*: where one has to be, to be an admin. Elsewhere he is a user like others."""
        self._tokens = tokens
        self._admins = admins
        self._people = people
        self._rate = rate
        self._limits = limits

    async def admit(
        self, access: Access, authorization: str | None, address: str
    ) -> SignedIn | None:
        """Who calls, as far as the route wants to know. Raises ProtocolError."""
        if access is Access.ANYBODY or (access is Access.LINK and authorization is None):
            return None
        claims = self._tokens.verify(_bearer(authorization))
        wait = self._limits.take_nowait(claims.user, self._rate)
        if wait:
            raise rate_limited(wait)
        standing = (await self._people.standings([claims])).get(claims.jti)
        if standing is None or standing.revoked or standing.status != "active":
            raise _not_let_in(standing)
        is_admin = standing.role == "admin"
        if access is Access.ADMIN and not is_admin:
            raise ProtocolError(ErrorCode.FORBIDDEN, "this is for admins")
        at_home = self.admits_admins(address)
        if access is Access.ADMIN and not at_home:
            raise ProtocolError(ErrorCode.FORBIDDEN, "admins may not act from this address")
        role = "user" if is_admin and not at_home else standing.role
        caller = Caller(standing.user_no, claims.user, standing.name, role)
        return SignedIn(caller, claims)

    def admits_admins(self, address: str) -> bool:
        """Whether an admin may act from *address*."""
        return self._admins.admit(address)


def rate_limited(wait: float, why: str = "") -> ProtocolError:
    """``rate_limited`` for the next *wait* seconds; *why*: by which of several limits."""
    return ProtocolError(ErrorCode.RATE_LIMITED, why, retry_after_ms=math.ceil(wait * 1000))


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ProtocolError(ErrorCode.UNAUTHENTICATED, "an Authorization: Bearer token is needed")
    return token.strip()


def _not_let_in(standing: Standing | None) -> ProtocolError:
    status = "revoked" if standing is None or standing.status == "active" else standing.status
    what = "token has been" if status == "revoked" else "account is"
    return ProtocolError(ErrorCode.UNAUTHENTICATED, f"the {what} {status}")
