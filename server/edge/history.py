"""``history``: a page of a room, when the client has read enough to be given more."""

from __future__ import annotations

from typing import Protocol

from msgspec import UNSET

from actors.node import Node
from actors.ports import StoreUnavailable
from actors.records import PageQuery, PageResult
from actors.replay import PacedSession
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import History, Page
from protocol.ids import RoomId
from protocol.limits import HISTORY_DEFAULT


class Asker(PacedSession, Protocol):
    """The session that asked."""

    def refuse(self, frame: History, error: ProtocolError, /) -> None:
        """Answer *frame* with *error*."""


def bounds_refusal(frame: History) -> ProtocolError | None:
    """Why no page lies where *frame* says, or None."""
    if sum(bound is not None for bound in (frame.after, frame.before, frame.around)) <= 1:
        return None
    fields = {"before": "only one of after, before and around"}
    return ProtocolError(ErrorCode.INVALID, fields=fields)


async def answer_history(session: Asker, node: Node, frame: History) -> None:
    """Offer the ``page``, or say why there is none."""
    await session.ready()
    try:
        found = await node.page(_query(session, frame))
    except StoreUnavailable:
        found = ErrorCode.UNAVAILABLE
    if isinstance(found, ErrorCode):
        session.refuse(frame, ProtocolError(found))
    else:
        session.offer(_page(frame, found))


def _query(session: Asker, frame: History) -> PageQuery:
    return PageQuery(
        RoomId(frame.room),
        session.user_no,
        frame.after,
        frame.before,
        frame.limit or HISTORY_DEFAULT,
        frame.thread,
        frame.around,
    )


def _page(frame: History, found: PageResult) -> Page:
    return Page(
        room=frame.room,
        events=found.events,
        more=found.more,
        upto=found.upto,
        rid=UNSET if frame.rid is None else frame.rid,
    )
