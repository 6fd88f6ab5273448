"""The events of a room's log, as frames. See README.md beside this file for the contract."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from protocol.fields import FileKind, Frame, MemberChange, Role, Visibility


class Tally(msgspec.Struct):
    """How many have put one emoji on a message, and whether the asker is among them."""

    count: int
    me: bool


class FileInfo(msgspec.Struct, kw_only=True):
    """A file that was uploaded. ``thumbnail``: there is a small image of it."""

    id: str
    name: str
    type: str
    size: int
    kind: FileKind
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    thumbnail: bool | UnsetType = UNSET


class Message(Frame):
    """A message as every member sees it; the last fields only in pages (folded state)."""

    room: str
    seq: int
    at: int
    sender: str
    kind: str
    body: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    reply_to: int | UnsetType = UNSET
    thread: int | UnsetType = UNSET
    mentions: list[str] | UnsetType = UNSET
    files: list[FileInfo] | UnsetType = UNSET
    edited_at: int | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    reactions: dict[str, Tally] | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET


class MessageUpdated(Frame):
    """The message ``of`` has another body."""

    room: str
    seq: int
    at: int
    of: int
    body: str
    sender: str


class MessageDeleted(Frame):
    """The message ``of`` is a tombstone."""

    room: str
    seq: int
    at: int
    of: int
    sender: str


class MessageRestored(Frame):
    """The message ``of`` is there again, as it was last."""

    room: str
    seq: int
    at: int
    of: int
    body: str
    sender: str
    edited_at: int | UnsetType = UNSET
    mentions: list[str] | UnsetType = UNSET
    files: list[FileInfo] | UnsetType = UNSET


class Reaction(Frame):
    """``sender`` put an emoji on the message ``of``, or took it off."""

    room: str
    seq: int
    at: int
    of: int
    emoji: str
    sender: str
    on: bool


class Pinned(Frame):
    """The message ``of`` was pinned, or unpinned."""

    room: str
    seq: int
    at: int
    of: int
    sender: str
    on: bool


class Member(Frame):
    """Somebody joined, left or changed role."""

    room: str
    seq: int
    at: int
    user: str
    change: MemberChange
    role: Role | UnsetType = UNSET
    by: str | UnsetType = UNSET


class RoomChanged(Frame):
    """What is said of the room itself changed: those of the fields that are here."""

    room: str
    seq: int
    at: int
    by: str
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    post: Role | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


Listed = Message | Member | RoomChanged
"""The events that pages list: the others are folded into the messages they are of."""

Event = Listed | MessageUpdated | MessageDeleted | MessageRestored | Reaction | Pinned
