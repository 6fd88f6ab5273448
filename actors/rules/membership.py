"""Who may change who is in a room (the written permission table of this version).

| room   | who         | add | remove another | leave                                     |
|--------|-------------|-----|----------------|-------------------------------------------|
| direct | either      | no  | no             | no                                        |
| team   | owner       | yes | yes            | yes, unless others would be left ownerless |
| team   | member      | no  | no             | yes                                       |
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from protocol.errors import ErrorCode, ProtocolError


class HasRole(Protocol):
    """A member, as far as this table looks."""

    @property
    def role(self) -> str: ...


def add_refusal(room_type: str, role: str) -> ProtocolError | None:
    """Why somebody with *role* may not add a member, or None.

    >>> add_refusal("team", "owner") is None, add_refusal("direct", "owner").code.value
    (True, 'forbidden')
    """
    if room_type != "team":
        return ProtocolError(ErrorCode.FORBIDDEN, "a direct room keeps its two members")
    if role != "owner":
        return ProtocolError(ErrorCode.FORBIDDEN, "only owners may add members")
    return None


def remove_refusal(
    room_type: str, *, asker: HasRole, target: HasRole | None, members: Iterable[HasRole]
) -> ProtocolError | None:
    """Why *asker* may not end the membership of *target*, or None."""
    if room_type != "team":
        return ProtocolError(ErrorCode.FORBIDDEN, "a direct room keeps its two members")
    if target is not asker and asker.role != "owner":
        return ProtocolError(ErrorCode.FORBIDDEN, "only owners may remove others")
    if target is None:
        return nobody()
    others = [member for member in members if member is not target]
    if others and not any(member.role == "owner" for member in others):
        return ProtocolError(ErrorCode.CONFLICT, "a room needs an owner while it has members")
    return None


def nobody() -> ProtocolError:
    """The one to be removed is no member."""
    return ProtocolError(ErrorCode.NOT_FOUND, "not a member of this room")
