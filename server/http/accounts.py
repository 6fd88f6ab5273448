"""One's own account: signing up, in and out, the profile and the password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

from msgspec import UNSET, structs

from actors.ports import WallClock
from actors.requests import Requests
from protocol.close import CloseCode
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, UserId
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.names import (
    check_birth_date,
    check_time_zone,
    name_of,
    normal,
    region_of,
    username_of,
)
from server.http.ports import Limits, Rate
from server.http.profiles import own_profile
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.http.schemas import Me, NewPassword, ProfileChange, Session, SignIn, SignUp
from server.ids import IdSource
from server.passwords import Passwords
from server.postgres.people_rows import NewPerson, Person
from server.postgres.users import UserStore
from server.tokens import Tokens

PER_NAME = Rate(per_second=1 / 6, burst=10)
"""Attempts from one address at one username; a right password makes up for them."""
PER_ADDRESS = Rate(per_second=10.0, burst=300)


class SignIns:
    """Counts attempts, and hands out tokens.

    A token counts as issued at the moment its request came, so that whatever was revoked while the
    request was under way revokes it too.
    """

    def __init__(self, *, tokens: Tokens, limits: Limits, clock: WallClock) -> None:
        self._tokens = tokens
        self._limits = limits
        self.clock = clock

    async def attempt(self, address: str, username: str) -> None:
        """Raises ProtocolError for one attempt too many."""
        for key, rate in ((f"address:{address}", PER_ADDRESS), (_key(address, username), PER_NAME)):
            wait = await self._limits.take(key, rate)
            if wait:
                raise rate_limited(wait)

    async def succeeded(self, address: str, username: str) -> None:
        """The password was right."""
        await self._limits.forget(_key(address, username))

    def session(self, person: Person, *, at: Millis, since: int | None = None) -> Session:
        """A token for *person* that holds although older ones were revoked until *since*."""
        issued_s = max(at // 1000, since or person.tokens_after or 0)
        token, claims = self._tokens.issue(person.user_id, issued_s)
        return Session(own_profile(person), token, claims.expires_at * 1000)


class Accounts:
    """The routes of one's own account."""

    def __init__(
        self,
        *,
        users: UserStore,
        passwords: Passwords,
        sign_ins: SignIns,
        requests: Requests,
        new_id: IdSource,
        renamed: Callable[[UserId], Awaitable[None]],
    ) -> None:
        """*renamed* is told of those whose name is another now."""
        self._users, self._renamed = users, renamed
        self._passwords = passwords
        self._sign_ins = sign_ins
        self._requests = requests
        self._new_id = new_id

    async def sign_up(self, call: Call[SignUp, NoQuery]) -> Answer:
        """A new account, signed in."""
        at = self._sign_ins.clock.now_ms()
        username = username_of(call.body.username)
        name = name_of(call.body.name or "")
        await self._sign_ins.attempt(call.address, username)
        person = await self._users.create(
            NewPerson(
                user_id=self._new_id(),
                username=username,
                name=name,
                password_hash=await self._passwords.hash(call.body.password),
            )
        )
        if person is None:
            taken = {"username": "is taken"}
            raise ProtocolError(ErrorCode.CONFLICT, "username: is taken", fields=taken)
        await self._users.signed_in(person.user_no, at=at)
        return Answer(201, self._sign_ins.session(person, at=at))

    async def sign_in(self, call: Call[SignIn, NoQuery]) -> Answer:
        """A token. It takes as long for nobody's username as for a wrong password."""
        at = self._sign_ins.clock.now_ms()
        username = normal(call.body.username)
        await self._sign_ins.attempt(call.address, username)
        person = await self._users.by_username(username)
        stored = None if person is None else person.password_hash
        right = await self._passwords.matches(call.body.password, stored)
        if person is None or not right or person.status == "deleted":
            raise ProtocolError(ErrorCode.UNAUTHENTICATED, "wrong username or password")
        if person.status != "active":
            raise ProtocolError(ErrorCode.FORBIDDEN, "the account is suspended")
        await self._sign_ins.succeeded(call.address, username)
        await self._users.signed_in(person.user_no, at=at)
        return Answer(200, self._sign_ins.session(person, at=at))

    async def sign_out(self, call: Call[None, NoQuery]) -> Answer:
        """Revoke the token that came with the request, and no other."""
        await self._users.revoke(call.claims)
        self._requests.sign_out(
            call.claims.user, jti=call.claims.jti, code=CloseCode.UNAUTHENTICATED
        )
        return Answer(204)

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """The caller's own profile."""
        return Answer(200, own_profile(await self._myself(call.claims.user)))

    async def change(self, call: Call[ProfileChange, NoQuery]) -> Answer:
        """Change the caller's profile; the profile as it is then."""
        body = call.body
        self._check(body)
        changes = {
            name: value for name, value in structs.asdict(body).items() if value is not UNSET
        }
        person = await self._users.patch(call.caller.user_no, changes)
        if person is None:
            raise ProtocolError(ErrorCode.UNAUTHENTICATED)
        if "name" in changes:  # whatever it was: a request sent again finds it changed already
            await self._renamed(person.user_id)
        if body.last_seen is not UNSET:
            self._requests.last_seen_set(person.user_id, hidden=body.last_seen == "nobody")
        if isinstance(body.read_receipts, bool):
            rooms = await self._users.rooms(person.user_no)
            self._requests.reading_shown(person.user_no, rooms, on=person.read_receipts)
        return Answer(200, own_profile(person))

    def _check(self, body: ProfileChange) -> None:
        if isinstance(body.name, str):
            body.name = name_of(body.name)
        if body.birth_date is not UNSET and body.birth_date is not None:
            check_birth_date(body.birth_date, today=self._today())
        if isinstance(body.region, str):
            body.region = region_of(body.region)
        if isinstance(body.time_zone, str):
            check_time_zone(body.time_zone)

    async def change_password(self, call: Call[NewPassword, NoQuery]) -> Answer:
        """A new password and a fresh token: every other token is revoked, every socket closed, and
        bots have to be linked anew.
        """
        at = self._sign_ins.clock.now_ms()
        person = await self._myself(call.claims.user)
        await self._sign_ins.attempt(call.address, person.username)
        if not await self._passwords.matches(call.body.current_password, person.password_hash):
            raise invalid("current_password", "is wrong")
        hashed = await self._passwords.hash(call.body.new_password)
        since = await self._users.set_password(
            person.user_no, hashed, at=self._sign_ins.clock.now_ms()
        )
        await self._sign_ins.succeeded(call.address, person.username)
        self._requests.sign_out(person.user_id, jti=None, code=CloseCode.UNAUTHENTICATED)
        return Answer(200, self._sign_ins.session(person, at=at, since=since))

    async def _myself(self, user: UserId) -> Person:
        person = await self._users.by_id(user)
        if person is None:
            raise ProtocolError(ErrorCode.UNAUTHENTICATED)
        return person

    def _today(self) -> date:
        return datetime.fromtimestamp(self._sign_ins.clock.now_ms() / 1000, UTC).date()

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path="/api/v1/users",
                name="sign_up",
                summary="Sign up",
                access=Access.ANYBODY,
                handler=self.sign_up,
                body=SignUp,
                answers={201: Session},
                refusals=(409, 429, 503),
            ),
            Route(
                method="POST",
                path="/api/v1/auth/token",
                name="sign_in",
                summary="Sign in: a token for a username and password",
                access=Access.ANYBODY,
                handler=self.sign_in,
                body=SignIn,
                answers={200: Session},
                refusals=(401, 403, 429, 503),
            ),
            Route(
                method="POST",
                path="/api/v1/auth/logout",
                name="sign_out",
                summary="Sign out: revoke the token of this request",
                handler=self.sign_out,
                answers={204: None},
            ),
            Route(
                method="GET",
                path="/api/v1/me",
                name="show_me",
                summary="One's own profile",
                handler=self.show,
                answers={200: Me},
            ),
            Route(
                method="PATCH",
                path="/api/v1/me",
                name="change_me",
                summary="Change one's own profile",
                handler=self.change,
                body=ProfileChange,
                answers={200: Me},
            ),
            Route(
                method="PUT",
                path="/api/v1/me/password",
                name="change_password",
                summary="Change the password: every other token is revoked",
                handler=self.change_password,
                body=NewPassword,
                answers={200: Session},
            ),
        )


def _key(address: str, username: str) -> str:
    return f"sign-in:{address}:{username.lower()}"
