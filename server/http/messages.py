"""Messages of a room: a page of them, and one more."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from actors.ports import EventLog
from actors.records import PageQuery, PageResult
from actors.requests import Requests
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Send
from protocol.limits import ID_MOST, MAX_FRAME
from server.http.bodies import invalid
from server.http.idempotency import REPLAY
from server.http.route import Answer, Call, NoQuery, Route
from server.http.schemas import Messages, MessagesQuery, NewMessage, Posted
from server.ids import IdSource

PATH = "/api/v1/chats/rooms/{room}/messages"


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
        if query.after is not None and query.before is not None:
            raise invalid("before", "not together with after")
        room = call.room
        found = await self._events.page(
            PageQuery(
                room, call.caller.user_no, query.after, query.before, query.limit, query.thread
            )
        )
        if isinstance(found, ErrorCode):
            raise ProtocolError(found)
        return Answer(
            200, Messages(room, found.events, found.more, found.upto, next_bound(query, found))
        )

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
    return found.events[-1].seq if query.after is not None else found.events[0].seq
