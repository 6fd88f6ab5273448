"""Who may change who is in a room, and as what; `actors.rules.permissions` has the table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from actors.rules.permissions import Action, may, outranks
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import Role, RoomType, Visibility


class HasRole(Protocol):
    """A member, as far as these rules look."""

    @property
    def role(self) -> Role: ...


def add_refusal(room_type: RoomType, role: Role) -> ProtocolError | None:
    """Why somebody with *role* may not add a member, or None.

    >>> add_refusal("team", "admin") is None, add_refusal("direct", "member").code.value
    (True, 'forbidden')
    """
    if room_type != "team":
        return _fixed(room_type)
    if not may(Action.ADD, room_type=room_type, role=role):
        return ProtocolError(ErrorCode.FORBIDDEN, "only owners and admins may add members")
    return None


def may_join(room_type: RoomType, visibility: Visibility) -> bool:
    """Whether somebody who is no member may make himself one."""
    return room_type == "team" and visibility == "public"


def may_come_back(room_type: RoomType) -> bool:
    """Whether somebody who left may make himself a member again."""
    return room_type == "matching"


def remove_refusal(
    room_type: RoomType, *, asker: HasRole, target: HasRole | None, members: Iterable[HasRole]
) -> ProtocolError | None:
    """Why *asker* may not end the membership of *target*, or None."""
    if room_type != "team":
        leaves = room_type == "matching" and target is asker
        return None if leaves else _fixed(room_type)
    if target is asker:
        return _ownerless(asker, members)
    if not may(Action.REMOVE, room_type=room_type, role=asker.role):
        return ProtocolError(ErrorCode.FORBIDDEN, "only owners and admins may remove others")
    if target is None:
        return nobody()
    if not outranks(asker.role, target.role):
        return ProtocolError(ErrorCode.FORBIDDEN, "only owners may remove owners and admins")
    return _ownerless(target, members)


def role_refusal(
    room_type: RoomType,
    *,
    asker: HasRole,
    target: HasRole | None,
    role: Role,
    members: Iterable[HasRole],
) -> ProtocolError | None:
    """Why *asker* may not give *target* the *role*, or None."""
    if room_type != "team":
        return _fixed(room_type)
    if not may(Action.CHANGE_ROLE, room_type=room_type, role=asker.role):
        return ProtocolError(ErrorCode.FORBIDDEN, "only owners and admins may change roles")
    if target is None:
        return nobody()
    if not (outranks(asker.role, target.role) and outranks(asker.role, role)):
        return ProtocolError(ErrorCode.FORBIDDEN, "only owners make and unmake owners and admins")
    return None if role == "owner" else _ownerless(target, members)


def nobody() -> ProtocolError:
    """The one it is about is no member."""
    return ProtocolError(ErrorCode.NOT_FOUND, "not a member of this room")


def _fixed(room_type: RoomType) -> ProtocolError:
    return ProtocolError(ErrorCode.FORBIDDEN, f"a {room_type} room keeps its members and roles")


def _ownerless(target: HasRole, members: Iterable[HasRole]) -> ProtocolError | None:
    """An owner less must leave another, unless nobody is left."""
    others = [member for member in members if member is not target]
    if others and not any(member.role == "owner" for member in others):
        return ProtocolError(ErrorCode.CONFLICT, "a room needs an owner while it has members")
    return None
