"""Messages of a room: a page of them, and one more."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from actors.ports import EventLog
from actors.records import PageQuery, PageResult
from actors.requests import Requests
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Message
from protocol.frames import Send
from protocol.limits import ID_MOST, MAX_FRAME
from server.http.bodies import invalid
from server.http.idempotency import REPLAY
from server.http.route import Answer, Call, NoQuery, Route
from server.http.schemas import Messages, MessagesQuery, NewMessage, Posted
from server.ids import IdSource

PATH = "/api/v1/chats/rooms/{room}/messages"
HIGHEST_SEQ = 2**53 - 1


class OneMessage(msgspec.Struct):
    """A message in its present state, true as of ``upto``."""

    message: Message
    upto: int


class MessageRoutes:
    """The routes of messages. They do what ``send`` and ``history`` do on the wire."""

    def __init__(self, *, requests: Requests, events: EventLog, new_id: IdSource) -> None:
        self._requests = requests
        self._events = events
        self._new_id = new_id

    async def post(self, call: Call[NewMessage, NoQuery]) -> Answer:
        """Post a message. The Idempotency-Key is the wire's ``id``: it holds for ever."""
        body = call.body
        if len(body.body.encode()) > MAX_FRAME:
            raise ProtocolError(ErrorCode.TOO_LARGE, f"body: at most {MAX_FRAME} bytes")
        send = Send(
            room=call.path["room"],
            id=call.key or self._new_id(),
            body=body.body,
            kind=body.kind,
            reply_to=body.reply_to,
            thread=body.thread,
            files=body.files,
            mentions=body.mentions,
        )
        ack = await self._requests.post(call.caller, send)
        posted = Posted(ack.room, ack.id, ack.seq, ack.at, ack.dup)
        return Answer(200, posted, {REPLAY: "true"}) if ack.dup else Answer(201, posted)

    async def page(self, call: Call[None, MessagesQuery]) -> Answer:
        """A page of the room's events, folded."""
        query = call.query
        if sum(bound is not None for bound in (query.after, query.before, query.around)) > 1:
            raise invalid("before", "only one of after, before and around")
        room, thread = call.room, query.thread
        bounds = (query.after, query.before, query.limit, thread, query.around)
        found = await self._read(PageQuery(room, call.caller.user_no, *bounds))
        return Answer(
            200, Messages(room, found.events, found.more, found.upto, next_bound(query, found))
        )

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """One message as it is now: for a quote, or a link to it."""
        seq = seq_of(call)
        found = await self._read(PageQuery(call.room, call.caller.user_no, seq - 1, None, 1, None))
        message = next(iter(found.events), None)
        if not isinstance(message, Message) or message.seq != seq:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no message of this room")
        return Answer(200, OneMessage(message, found.upto))

    async def _read(self, query: PageQuery) -> PageResult:
        found = await self._events.page(query)
        if isinstance(found, ErrorCode):
            raise ProtocolError(found)
        return found

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH,
                name="list_messages",
                summary="A page of a room's messages",
                handler=self.page,
                query=MessagesQuery,
                answers={200: Messages},
                refusals=(403,),
            ),
            Route(
                method="GET",
                path=PATH + "/{seq}",
                name="show_message",
                summary="One message",
                handler=self.show,
                answers={200: OneMessage},
                refusals=(403,),
            ),
            Route(
                method="POST",
                path=PATH,
                name="post_message",
                summary="Post a message",
                handler=self.post,
                body=NewMessage,
                answers={201: Posted, 200: Posted},
                refusals=(403, 409),
                key=ID_MOST,
            ),
        )


def next_bound(query: MessagesQuery, found: PageResult) -> int | UnsetType:
    """The ``after`` (or else ``before``) of the page that follows; UNSET when there is none."""
    if not found.more or not found.events:
        return UNSET
    upward = query.after is not None or query.around is not None
    return found.events[-1].seq if upward else found.events[0].seq


def seq_of(call: Call[Any, Any]) -> int:
    """The seq of the path; what is none names no message."""
    text = call.path["seq"]
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= HIGHEST_SEQ):
        raise ProtocolError(ErrorCode.NOT_FOUND, "no message of this room")
    return int(text)
