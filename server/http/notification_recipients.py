"""Whom a notification is for, and whether its sender may notify him."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from actors.requests import Caller
from actors.rules.notification_types import may_notify
from protocol.errors import ErrorCode, ProtocolError
from server.postgres.blocks import BlockStore
from server.postgres.people_rows import Person
from server.postgres.relations import Relations
from server.postgres.users import UserStore

RIGHTS: Final = frozenset({"admin", "service"})
"""What somebody is to everybody: by his account, and for admins by the address, too."""


class Recipient(NamedTuple):
    """Somebody who may be notified, and what the sender is to him."""

    person: Person
    relations: frozenset[str]

    def check(self, type: str) -> None:  # noqa: A002 - the field's name
        """Raises ProtocolError where the sender may not send him that."""
        if not may_notify(self.relations, type):
            text = "you may not send this to this person"
            raise ProtocolError(ErrorCode.FORBIDDEN, text)

    def takes_right(self, type: str) -> bool:  # noqa: A002
        """Whether only what the sender is to everybody lets him send it."""
        return not may_notify(self.relations - RIGHTS or {"stranger"}, type)


class Recipients:
    """Looks them up. Whoever has a block with the sender is not there for him."""

    def __init__(self, *, users: UserStore, blocks: BlockStore, relations: Relations) -> None:
        self._users, self._blocks, self.relations = users, blocks, relations

    async def named(self, caller: Caller, names: Sequence[str]) -> Mapping[str, Recipient]:
        """By user id or else username; who is not there is left out."""
        found = await self._users.named(names)
        people = {each.user_no: each for each in found.values() if _is_there(each)}
        blocked = await self._blocks.among(caller.user_no, list(people))
        relations = await self.relations.among(caller.user_no, list(people))
        return {
            name: Recipient(each, _held(caller, relations[each.user_no]))
            for name, each in found.items()
            if each.user_no in people and each.user_no not in blocked
        }


def _is_there(person: Person) -> bool:
    return person.status != "deleted" and person.role != "service"


def _held(caller: Caller, relations: frozenset[str]) -> frozenset[str]:
    """An admin elsewhere than where admins may act is a user like others."""
    return relations - (RIGHTS - {caller.role}) or frozenset({"stranger"})
