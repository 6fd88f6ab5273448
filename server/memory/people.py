"""People in memory, with the promises of the real store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from actors.online_time import DAY_S
from actors.ports import Claims, Standing, UserState
from protocol.frames import RoomSummary
from protocol.ids import Millis, RoomId, UserId

RoomsOf = Callable[[UserId], frozenset[RoomId]]
BlocksOf = Callable[[int], frozenset[int]]
Pair = tuple[int, int]  # user numbers
Summaries = Callable[[Sequence[UserId]], Awaitable[Mapping[UserId, list[RoomSummary]]]]


@dataclass(slots=True)
class KnownPerson:
    """One user; a test changes what it likes."""

    user_no: int
    user_id: UserId
    name: str
    role: str = "user"
    status: str = "active"
    choice: str = "online"
    last_seen: Millis | None = None
    hides_last_seen: bool = False
    receipts: bool = True
    tokens_after: int = 0  # seconds
    online: dict[int, int] = field(default_factory=dict)  # seconds of each day
    revoked: set[str] = field(default_factory=set)


class MemoryPeople:
    """The port People. Rooms and blocks come from wherever the arguments find them."""

    def __init__(self, *, rooms_of: RoomsOf, blocks_of: BlocksOf, summaries: Summaries) -> None:
        self._rooms_of = rooms_of
        self._blocks_of = blocks_of
        self._summaries = summaries
        self._by_id: dict[UserId, KnownPerson] = {}
        self._friends: set[Pair] = set()

    def befriend(self, one_no: int, other_no: int, *, on: bool) -> None:
        """These two are friends from now on, or no longer."""
        change = self._friends.update if on else self._friends.difference_update
        change({(one_no, other_no), (other_no, one_no)})

    def add(self, user: UserId, name: str = "") -> KnownPerson:
        """A new active user, numbered in the order of coming."""
        person = KnownPerson(len(self._by_id) + 1, user, name or user)
        self._by_id[user] = person
        return person

    def person(self, user: UserId) -> KnownPerson:
        """Somebody who was added."""
        return self._by_id[user]

    async def standings(self, claims: Sequence[Claims]) -> Mapping[str, Standing]:
        """By ``jti``; tokens of unknown users are left out."""
        return {
            claim.jti: _standing(self._by_id[claim.user], claim)
            for claim in claims
            if claim.user in self._by_id
        }

    async def states(self, users: Sequence[UserId]) -> Mapping[UserId, UserState]:
        """Unknown users are left out."""
        known = [self._by_id[user] for user in users if user in self._by_id]
        return {
            person.user_id: UserState(
                person.user_no,
                person.user_id,
                person.choice,
                person.last_seen,
                self._rooms_of(person.user_id),
                self._blocks_of(person.user_no),
                frozenset(other for one, other in self._friends if one == person.user_no),
                person.hides_last_seen,
                person.receipts,
            )
            for person in known
        }

    async def choose(self, user_no: int, choice: str) -> None:
        """Store a presence choice."""
        for person in self._by_id.values():
            if person.user_no == user_no:
                person.choice = choice

    async def seen(self, at_by_user: Mapping[int, Millis]) -> None:
        """Store when users were last seen; only ever raised."""
        for person in self._by_id.values():
            at = at_by_user.get(person.user_no)
            if at is not None:
                person.last_seen = max(person.last_seen or at, at)

    async def were_online(self, seconds: Mapping[tuple[int, int], int]) -> None:
        """Add time that users were connected, by (user_no, day)."""
        by_no = {person.user_no: person for person in self._by_id.values()}
        for (user_no, day), more in seconds.items():
            if user_no in by_no:
                online = by_no[user_no].online
                online[day] = min(online.get(day, 0) + more, DAY_S)

    async def summaries(self, users: Sequence[UserId]) -> Mapping[UserId, list[RoomSummary]]:
        """Every room of each user as of one moment, newest activity first."""
        return await self._summaries(users)


def _standing(person: KnownPerson, claim: Claims) -> Standing:
    revoked = claim.jti in person.revoked or claim.issued_at < person.tokens_after
    return Standing(person.user_no, person.name, person.role, person.status, revoked)
