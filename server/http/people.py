"""Other people: finding them, and what admins may do to their accounts."""

from __future__ import annotations

from actors.requests import Requests
from protocol.close import CloseCode
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import UserId
from server.http.audit import Audit
from server.http.bodies import invalid
from server.http.names import normal
from server.http.profiles import account_of, found_person
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.http.schemas import Account, AccountChange, People, PeopleQuery
from server.postgres.people_rows import Person
from server.postgres.users import UserStore


class Others:
    """The routes about other people."""

    def __init__(self, *, users: UserStore, requests: Requests, audit: Audit) -> None:
        self._users = users
        self._requests = requests
        self._audit = audit

    async def find(self, call: Call[None, PeopleQuery]) -> Answer:
        """Active users whose username or name begins with ``q``."""
        found = await self._users.search(normal(call.query.q), limit=call.query.limit)
        return Answer(200, People([found_person(person) for person in found]))

    async def change(self, call: Call[AccountChange, NoQuery]) -> Answer:
        """Change status or role; either revokes the user's tokens and closes his sockets."""
        user = UserId(call.path["id"])
        before, by = await self._users.by_id(user), self._audit.by(call)
        after = await self._users.set_status_role(
            user,
            status=call.body.status,
            role=call.body.role,
            by_no=by.actor_no,
            at=by.at,
            address=by.address,
        )
        if before is None or after is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no such user")
        code = closing(before, after)
        if code is not None:
            self._requests.sign_out(user, jti=None, code=code)
        return Answer(200, account_of(after))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path="/api/v1/users",
                name="find_people",
                summary="Find people by the beginning of a username or name",
                handler=self.find,
                query=PeopleQuery,
                answers={200: People},
            ),
            Route(
                method="PATCH",
                path="/api/v1/admin/users/{id}",
                name="change_account",
                summary="Suspend, delete or restore an account; change its role",
                access=Access.ADMIN,
                handler=self.change,
                body=AccountChange,
                answers={200: Account},
            ),
        )


def closing(before: Person, after: Person) -> CloseCode | None:
    """With what code the sockets of a changed account close; None when they may stay."""
    if after.status != "active":
        return CloseCode.SUSPENDED
    changed = (before.status, before.role) != (after.status, after.role)
    return CloseCode.UNAUTHENTICATED if changed else None


def check_may_join(person: Person | None, field: str, name: str) -> Person:
    """*person*, who was called *name* in *field*. Raises ProtocolError where he can't be added."""
    if person is None:
        raise invalid(field, f"no such user: {name}")
    if person.status != "active":
        raise invalid(field, f"cannot be added: {name}")
    return person
