"""Who is connected to this node, found by user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from actors.ports import Claims, Session
from protocol.ids import RoomId, UserId


class Connected(Session, Protocol):
    """A session as the node keeps it: it opens, is open, and is gone."""

    claims: Claims
    opened: bool  # ``welcome`` has been sent
    changed: frozenset[RoomId]  # while it was opening: what it read of these may be stale

    @property
    def admits_admins(self) -> bool:
        """An admin may act from where it comes from: else he is a user like others."""


class Sessions:
    """Every session of this node. Rooms and audiences refer to sessions, never own them."""

    def __init__(self, *, most_per_user: int) -> None:
        self._by_user: dict[UserId, list[Connected]] = {}
        self._numbers: dict[UserId, int] = {}  # of those who were admitted
        self._here: dict[int, UserId] = {}
        self._most = most_per_user
        self.count = 0

    def add(self, session: Connected) -> bool:
        """Note an opening session; False when its user has too many already."""
        mine = self._by_user.setdefault(session.user_id, [])
        if len(mine) >= self._most:
            return False
        mine.append(session)
        self.count += 1
        return True

    def admitted(self, session: Connected) -> None:
        """*session*, which was added, knows its user's number now."""
        self._numbers[session.user_id] = session.user_no
        self._here[session.user_no] = session.user_id

    def has(self, user_no: int) -> bool:
        """Whether that user is connected, or about to be."""
        return user_no in self._here

    def remove(self, session: Connected) -> None:
        """Forget *session*; nothing if it was never added."""
        mine = self._by_user.get(session.user_id)
        if mine is None or session not in mine:
            return
        mine.remove(session)
        self.count -= 1
        if not mine:
            del self._by_user[session.user_id]
            self._here.pop(self._numbers.pop(session.user_id, 0), None)

    def of(self, user: UserId) -> list[Connected]:
        """The open sessions of *user*."""
        return [session for session in self._by_user.get(user, ()) if session.opened]

    def numbered(self, user_no: int) -> list[Connected]:
        """The open sessions of the user of that number."""
        user = self._here.get(user_no)
        return [] if user is None else self.of(user)

    def told(self, user: UserId, room: RoomId) -> list[Connected]:
        """The same, to be told of a change in *room*; opening ones note that there was one."""
        for session in self._by_user.get(user, ()):
            if not session.opened:
                session.changed |= {room}
        return self.of(user)

    def every(self, user: UserId) -> Sequence[Connected]:
        """Open and opening sessions of *user*."""
        return self._by_user.get(user, ())

    def holders(self, user: UserId, jti: str | None) -> list[Connected]:
        """Open or opening sessions of *user*, of one token when *jti* is given."""
        mine = self._by_user.get(user, ())
        return [session for session in mine if jti is None or session.claims.jti == jti]

    def users(self) -> int:
        """How many users are connected."""
        return len(self._by_user)

    def __iter__(self) -> Iterator[Connected]:
        return (session for mine in list(self._by_user.values()) for session in list(mine))
