"""What is said of rooms over HTTP; each struct is a schema of the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from protocol.fields import FOREVER, IdField, Metadata, Role, RoomMode, RoomType, Visibility
from protocol.frames import RoomSummary
from server.http.schemas import PEOPLE_DEFAULT

MOST_MEMBERS = 1_000
ROOMS_DEFAULT, ROOMS_MOST = 200, 1_000
ROOMS_PAGE = 100
LONGEST_ROOM_NAME = 100

RoomName = Annotated[str, Meta(max_length=LONGEST_ROOM_NAME)]
Description = Annotated[str, Meta(max_length=1000)]


class Groups(msgspec.Struct):
    """Two groups of people, by user id or username."""

    A: Annotated[list[IdField], Meta(max_length=MOST_MEMBERS)]
    B: Annotated[list[IdField], Meta(max_length=MOST_MEMBERS)]


class NewRoom(msgspec.Struct):
    """``members`` are user ids or usernames; whoever asks is in it besides.

    A matching room has ``groups`` instead, and in the ``mode`` blind everybody has a pseudonym.
    """

    type: RoomType
    members: Annotated[list[IdField], Meta(max_length=MOST_MEMBERS)] = []
    name: RoomName | None = None
    description: Description | None = None
    visibility: Visibility | None = None
    groups: Annotated[Groups, Meta(description="a map with the lists A and B")] | None = None
    mode: RoomMode | None = None


class RoomChange(msgspec.Struct):
    """What is given changes. ``description`` may be empty; ``metadata`` is replaced as a whole."""

    name: RoomName | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    post: Role | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class PublicRoomsQuery(msgspec.Struct):
    """``q`` is part of a name; ``after`` is the ``next`` of the page before."""

    q: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    after: IdField | None = None
    limit: Annotated[int, Meta(ge=1, le=ROOMS_PAGE)] = PEOPLE_DEFAULT


class PublicRoom(msgspec.Struct):
    """A room that everybody may join."""

    id: str
    name: str
    members: int
    joined: bool
    description: str | UnsetType = UNSET


class PublicRooms(msgspec.Struct):
    """Public rooms, newest first."""

    items: list[PublicRoom]
    next: str | UnsetType = UNSET


class RoomsQuery(msgspec.Struct):
    """``after`` is the ``next`` of the page before."""

    after: IdField | None = None
    limit: Annotated[int, Meta(ge=1, le=ROOMS_MOST)] = ROOMS_DEFAULT


class Rooms(msgspec.Struct):
    """Rooms of the caller, newest activity first."""

    items: list[RoomSummary]
    next: str | UnsetType = UNSET


class RoomMember(msgspec.Struct):
    """One who is in a room."""

    user: str
    name: str
    username: str
    role: Role
    group: str | UnsetType = UNSET


class FormerMember(msgspec.Struct):
    """One who has left."""

    user: str
    name: str


class RoomDetail(RoomSummary, kw_only=True):
    """A room summary, who is in the room, and who has left it: up to a thousand of each."""

    members: list[RoomMember]
    former: list[FormerMember]


class NewMute(msgspec.Struct):
    """``until`` is a time; without it the room is muted until that is taken back."""

    until: Annotated[int, Meta(ge=1, le=FOREVER)] | None = None


class Muted(msgspec.Struct):
    """Until when the room is muted, a time; without ``until`` for good, where ``muted``."""

    muted: bool
    until: int | UnsetType = UNSET


class NewRole(msgspec.Struct):
    """What a member is from now on."""

    role: Role


class NewMember(msgspec.Struct):
    """A user id or username."""

    user: IdField
