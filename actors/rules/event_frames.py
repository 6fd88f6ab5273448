"""A row of the room's log as the frame every member sees, and how much of a page fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType, structs

from actors.records import EventKind, NewEvent, PageQuery, PageResult, StoredEvent, Withdrawn
from protocol.events import (
    Event,
    FileInfo,
    Listed,
    Member,
    Message,
    MessageDeleted,
    MessageRestored,
    MessageUpdated,
    Pinned,
    Reaction,
    RoomChanged,
)
from protocol.fields import Kind, MemberChange, Role, Visibility

PAGE_BYTES: Final = 512 * 1024
AROUND_BYTES: Final = PAGE_BYTES // 8  # of bodies before the middle, so that this has its place


class MessageExtra(msgspec.Struct):
    """What the ``extra`` of a message may say; without ``kind`` it is a text."""

    mentions: list[str] | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    files: list[FileInfo] | UnsetType = UNSET


class RestoredExtra(MessageExtra):
    """What the ``extra`` of a restored message says: all that its deletion took."""

    edited_at: int | UnsetType = UNSET


class ReactionExtra(msgspec.Struct):
    """What the ``extra`` of a reaction says."""

    emoji: str
    on: bool


class PinnedExtra(msgspec.Struct):
    """What the ``extra`` of a pin says."""

    on: bool


class RoomExtra(msgspec.Struct, omit_defaults=True):
    """What the ``extra`` of a changed room says: what is different now."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    post: Role | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


class MemberExtra(msgspec.Struct):
    """What the ``extra`` of a member event says."""

    user: str
    change: MemberChange
    role: Role | UnsetType = UNSET
    by: str | UnsetType = UNSET


_NOTHING: Final = MessageExtra()
_message_extra = msgspec.json.Decoder(MessageExtra).decode
_restored_extra = msgspec.json.Decoder(RestoredExtra).decode
_room_extra = msgspec.json.Decoder(RoomExtra).decode
_member_extra = msgspec.json.Decoder(MemberExtra).decode
_reaction_extra = msgspec.json.Decoder(ReactionExtra).decode
_pinned_extra = msgspec.json.Decoder(PinnedExtra).decode
_as_json = msgspec.json.Encoder().encode


def written(extra: MessageExtra | MemberExtra | RoomExtra | ReactionExtra | PinnedExtra) -> str:
    """The text of the column ``extra``, as ``frame_of`` reads it."""
    return _as_json(extra).decode()


def restored_extra(found: Withdrawn) -> str:
    """The ``extra`` of the event that brings *found* back."""
    said = _message_extra(found.extra) if found.extra else MessageExtra()
    edited_at = UNSET if found.edited_at is None else found.edited_at
    back = RestoredExtra(mentions=said.mentions, files=said.files, edited_at=edited_at)
    return written(back)


def files_in(extra: str | None) -> list[FileInfo] | UnsetType:
    """What the ``extra`` of a message says of files."""
    return _message_extra(extra).files if extra else UNSET


def without_files(extra: str | None) -> str | None:
    """The ``extra`` of a message that is deleted now, or of one that brought it back before.

    >>> without_files('{"kind":"file","files":[]}'), without_files(None)
    ('{"kind":"file"}', None)
    """
    if extra is None:
        return None
    return written(structs.replace(_restored_extra(extra), files=UNSET))


def is_stored_as(asked: NewEvent, stored: NewEvent) -> bool:
    """Whether *stored* is the event *asked*. What it told may have been deleted since."""
    if asked.kind is EventKind.RESTORED:
        stored = structs.replace(stored, extra=asked.extra)
    return asked == structs.replace(stored, body=asked.body)


def frame_of(room: str, stored: StoredEvent) -> Event:
    """The frame of *stored*, as it was shown when it happened.

    >>> from actors.records import NewEvent
    >>> from protocol.ids import UserId
    >>> left = NewEvent(7, 1000, EventKind.MEMBER, 1, 5, extra='{"user": "ann", "change": "left"}')
    >>> frame_of("r", StoredEvent(left, UserId("ann")))
    Member(room='r', seq=7, at=1000, user='ann', change='left', role=UNSET, by=UNSET)
    """
    event = stored.event
    if event.of is not None:
        return _change_of(room, stored, event.of)
    if event.kind is EventKind.MEMBER:
        says = _member_extra(event.extra or "")
        return Member(
            room=room,
            seq=event.seq,
            at=event.at,
            user=says.user,
            change=says.change,
            role=says.role,
            by=says.by,
        )
    if event.kind is EventKind.ROOM_CHANGED:
        said = structs.asdict(_room_extra(event.extra or ""))
        return RoomChanged(room=room, seq=event.seq, at=event.at, by=stored.sender, **said)
    said_beside = _message_extra(event.extra) if event.extra else _NOTHING
    return Message(
        room=room,
        seq=event.seq,
        at=event.at,
        sender=stored.sender,
        kind=said_beside.kind or "text",
        body=event.body or "",
        reply_to=UNSET if event.reply_to is None else event.reply_to,
        thread=UNSET if event.thread is None else event.thread,
        mentions=said_beside.mentions,
        files=said_beside.files,
    )


def _change_of(room: str, stored: StoredEvent, of: int) -> Event:
    event, sender = stored.event, stored.sender
    seq, at, body, extra = event.seq, event.at, event.body or "", event.extra or ""
    match event.kind:
        case EventKind.UPDATED:
            return MessageUpdated(room=room, seq=seq, at=at, of=of, body=body, sender=sender)
        case EventKind.DELETED:
            return MessageDeleted(room=room, seq=seq, at=at, of=of, sender=sender)
        case EventKind.RESTORED:
            back = _restored_extra(extra or "{}")
            return MessageRestored(
                room=room,
                seq=seq,
                at=at,
                of=of,
                body=body,
                sender=sender,
                edited_at=back.edited_at,
                mentions=back.mentions,
                files=back.files,
            )
        case EventKind.REACTION:
            put = _reaction_extra(extra)
            return Reaction(
                room=room, seq=seq, at=at, of=of, emoji=put.emoji, sender=sender, on=put.on
            )
        case EventKind.PINNED:
            on = _pinned_extra(extra).on
            return Pinned(room=room, seq=seq, at=at, of=of, sender=sender, on=on)
        case kind:
            raise ValueError(f"an event of kind {kind} changes no message")


def blank(event: Event, of: int) -> Event:
    """*event* without its body and files, where it tells those of the message *of*."""
    told = event.seq if isinstance(event, Message) else getattr(event, "of", None)
    if told != of or not isinstance(event, Message | MessageUpdated | MessageRestored):
        return event
    taken = {} if isinstance(event, MessageUpdated) else {"files": UNSET}
    return structs.replace(event, body="", **taken)


def page_of(found: Sequence[Listed], query: PageQuery, *, more: bool, upto: int) -> PageResult:
    """The page of *found*, which starts at the asked bound and may have one event too many.

    What does not fit *query*'s limit or PAGE_BYTES is left for the next page.
    """
    fit = how_many_fit(found[: query.limit])
    events = list(found[:fit])
    if query.after is None:
        events.reverse()
    return PageResult(events, more or fit < len(found), upto)


def how_many_fit(events: Sequence[object], *, most_bytes: int = PAGE_BYTES) -> int:
    """How many of *events*, or of what else is listed, fit a page: one at least, if there is one.

    Counted in JSON, the longer of the two codecs for text full of control characters.
    """
    size = 0
    for count, event in enumerate(events):
        size += len(_as_json(event))
        if size > most_bytes:
            return max(count, 1)
    return len(events)
