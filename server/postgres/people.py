"""The port People over the stores of users and rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.ports import Claims, Standing, UserState
from protocol.frames import RoomSummary
from protocol.ids import Millis, UserId
from server.postgres.rooms import RoomStore
from server.postgres.users import UserStore


class StoredPeople:
    """The port People over two stores."""

    def __init__(self, users: UserStore, rooms: RoomStore) -> None:
        self._users, self._rooms = users, rooms

    async def standings(self, claims: Sequence[Claims]) -> Mapping[str, Standing]:
        """By ``jti``."""
        return await self._users.standings(claims)

    async def states(self, users: Sequence[UserId]) -> Mapping[UserId, UserState]:
        """What users' actors start from."""
        return await self._users.states(users)

    async def choose(self, user_no: int, choice: str) -> None:
        """Store a presence choice."""
        await self._users.choose(user_no, choice)

    async def seen(self, at_by_user: Mapping[int, Millis]) -> None:
        """Store when users were last seen."""
        await self._users.seen(at_by_user)

    async def were_online(self, seconds: Mapping[tuple[int, int], int]) -> None:
        """Add time that users were connected."""
        await self._users.were_online(seconds)

    async def summaries(self, users: Sequence[UserId]) -> Mapping[UserId, list[RoomSummary]]:
        """Every room of each user."""
        return await self._rooms.summaries(users)
