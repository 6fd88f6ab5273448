"""A row of the room's log as the frame every member sees, and how much of a page fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType, structs

from actors.ports import EventKind, PageQuery, PageResult, StoredEvent
from protocol.frames import Event, Member, MemberChange, Message, Role

PAGE_BYTES: Final = 512 * 1024


class MessageExtra(msgspec.Struct):
    """What the ``extra`` of a message may say."""

    mentions: list[str] | UnsetType = UNSET


class MemberExtra(msgspec.Struct):
    """What the ``extra`` of a member event says."""

    user: str
    change: MemberChange
    role: Role | UnsetType = UNSET
    by: str | UnsetType = UNSET


_message_extra = msgspec.json.Decoder(MessageExtra).decode
_member_extra = msgspec.json.Decoder(MemberExtra).decode
_as_json = msgspec.json.Encoder().encode


def written(extra: MessageExtra | MemberExtra) -> str:
    """The text of the column ``extra``, as ``frame_of`` reads it."""
    return _as_json(extra).decode()


def frame_of(room: str, stored: StoredEvent) -> Event:
    """The frame of *stored*, as it was shown when it happened.

    >>> from actors.ports import NewEvent
    >>> from protocol.ids import UserId
    >>> left = NewEvent(7, 1000, EventKind.MEMBER, 1, 5, extra='{"user": "ann", "change": "left"}')
    >>> frame_of("r", StoredEvent(left, UserId("ann")))
    Member(room='r', seq=7, at=1000, user='ann', change='left', role=UNSET, by=UNSET)
    """
    event = stored.event
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
    return Message(
        room=room,
        seq=event.seq,
        at=event.at,
        sender=stored.sender,
        kind="text",
        body=event.body or "",
        reply_to=UNSET if event.reply_to is None else event.reply_to,
        thread=UNSET if event.thread is None else event.thread,
        mentions=_message_extra(event.extra).mentions if event.extra else UNSET,
    )


def folded(event: Event) -> Event:
    """*event* in its present state, which a message says even while it is as it was sent."""
    return structs.replace(event, deleted=False) if isinstance(event, Message) else event


def page_of(found: Sequence[Event], query: PageQuery, *, more: bool, upto: int) -> PageResult:
    """The page of *found*, which starts at the asked bound and may have one event too many.

    What does not fit *query*'s limit or PAGE_BYTES is left for the next page.
    """
    fit = how_many_fit(found[: query.limit])
    events = [folded(event) for event in found[:fit]]
    if query.after is None:
        events.reverse()
    return PageResult(events, more or fit < len(found), upto)


def how_many_fit(events: Sequence[Event], *, most_bytes: int = PAGE_BYTES) -> int:
    """How many of *events*, from the first on, fit a page: one at least, if there is one.

    Counted in JSON, the longer of the two codecs for text full of control characters.
    """
    size = 0
    for count, event in enumerate(events):
        size += len(_as_json(event))
        if size > most_bytes:
            return max(count, 1)
    return len(events)
