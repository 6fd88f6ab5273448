"""Broadcasts for those who hear them: what one received, that one heard it, and replies."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET

from actors.notices import Notices
from actors.ports import WallClock
from actors.records import FilesKey
from actors.requests import Requests
from actors.rules.sending import refusal
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Send
from protocol.ids import Millis
from protocol.limits import ID_MOST, MAX_FRAME
from protocol.notices import BroadcastChange
from server.http.bodies import invalid
from server.http.broadcast_parts import ONE, PATH, Stores
from server.http.broadcast_schemas import (
    Broadcast,
    Broadcasts,
    BroadcastsQuery,
    NewReply,
    as_of,
    received,
    sent,
)
from server.http.idempotency import REPLAY
from server.http.route import Answer, Call, NoQuery, Route
from server.http.schemas import Posted
from server.ids import IdSource
from server.postgres.broadcast_replies import Standing


class HearingRoutes:
    """The routes of recipients, and the one that both have."""

    def __init__(
        self,
        *,
        stores: Stores,
        requests: Requests,
        notices: Notices,
        clock: WallClock,
        new_id: IdSource,
    ) -> None:
        self._stores, self._requests, self._notices = stores, requests, notices
        self._clock, self._new_id = clock, new_id

    async def received(self, call: Call[None, BroadcastsQuery]) -> Answer:
        """What one received, newest first."""
        return Answer(200, await self._stores.lists.received(call.caller.user_no, call.query))

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """One that one sent, or received."""
        user_no, broadcast, now = call.caller.user_no, call.path["broadcast"], self._clock.now_ms()
        for row in await self._stores.views.sent(user_no, only=broadcast):
            return Answer(200, as_of(sent(row), now))
        for row in await self._stores.views.received(user_no, only=broadcast):
            return Answer(200, received(row))
        raise ProtocolError(ErrorCode.NOT_FOUND)

    async def read(self, call: Call[None, NoQuery]) -> Answer:
        """One has heard it. Again it changes nothing."""
        standing = await self._standing(call)
        user_no, now = call.caller.user_no, self._clock.now_ms()
        is_new = await self._stores.replies.read(call.path["broadcast"], user_no, at=now)
        await self._changed(user_no, standing)
        if is_new:
            await self._tell(standing, "read", now)
        return Answer(204)

    async def reply(self, call: Call[NewReply, NoQuery]) -> Answer:
        """Reply: the conversation opens for both, with the recording and this in it.

        It is a room of its own, of this broadcast and these two, apart from their direct one. Later
        replies go there too.
        """
        body, broadcast = call.body, call.path["broadcast"]
        if len(body.body.encode()) > MAX_FRAME:
            raise ProtocolError(ErrorCode.TOO_LARGE, f"body: at most {MAX_FRAME} bytes")
        standing = await self._standing(call)
        me = call.caller
        said = Send(
            room=standing.room, id=call.key or self._new_id(), body=body.body, files=body.files
        )
        await self._check(said, standing, me.user_no)
        if await self._stores.replies.open_conversation(standing, me.user_no):
            both = [standing.sender.user_id, me.user_id]
            self._requests.room_created(standing.room, both)
        recording = Send(
            room=standing.room, id=f"broadcast-{broadcast}", body="", files=[standing.file]
        )
        await self._requests.post(standing.sender, recording)
        ack = await self._requests.post(me, said)
        now = self._clock.now_ms()
        is_new = await self._stores.replies.replied(standing, me.user_no, at=now)
        await self._changed(me.user_no, standing)
        if is_new:
            await self._tell(standing, "replied", now)
        posted = Posted(ack.room, ack.id, ack.seq, ack.at, ack.dup)
        return Answer(201, posted, {REPLAY: "true"} if ack.dup else {})

    async def _check(self, said: Send, standing: Standing, user_no: int) -> None:
        """A reply that the room would refuse opens nothing. Raises ProtocolError."""
        if error := refusal(said, room_type="direct", role="member", members=()):
            raise error
        if said.files:
            key = FilesKey(standing.room_no, user_no, tuple(said.files), blind=False)
            if key not in await self._stores.posted.ready([key]):
                raise invalid("files", "must be files of your own, uploaded to their end")

    async def _standing(self, call: Call[NewReply, NoQuery] | Call[None, NoQuery]) -> Standing:
        found = await self._stores.replies.standing(call.path["broadcast"], call.caller.user_no)
        if found is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        if found.blocked:
            raise ProtocolError(ErrorCode.BLOCKED)
        return found

    async def _changed(self, recipient_no: int, standing: Standing) -> None:
        """Also where it is not new: a node may have ended between the change and this."""
        await self._stores.lists.changed([standing.sender.user_no, recipient_no])

    async def _tell(
        self, standing: Standing, change: Literal["read", "replied"], at: Millis
    ) -> None:
        """Tell the sender, who is told the newest state alone."""
        counts = await self._stores.replies.counts(standing.broadcast_no)
        frame = BroadcastChange(
            id=standing.broadcast,
            change=change,
            at=at,
            counts=counts._asdict(),
            room=standing.room if change == "replied" else UNSET,
        )
        self._notices.tell(standing.sender.user_id, ("broadcast", standing.broadcast), frame)
        self._notices.told()

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH + "/received",
                name="list_received_broadcasts",
                summary="Broadcasts one received, newest first",
                handler=self.received,
                query=BroadcastsQuery,
                answers={200: Broadcasts},
            ),
            Route(
                method="GET",
                path=ONE,
                name="show_broadcast",
                summary="A broadcast one sent or received",
                handler=self.show,
                answers={200: Broadcast},
            ),
            Route(
                method="PUT",
                path=ONE + "/mark_as_read",
                name="read_broadcast",
                summary="Say that one has heard a broadcast",
                handler=self.read,
                answers={204: None},
                refusals=(403,),
            ),
            Route(
                method="POST",
                path=ONE + "/reply",
                name="reply_to_broadcast",
                summary="Reply to a broadcast: a conversation begins",
                handler=self.reply,
                body=NewReply,
                answers={201: Posted},
                refusals=(403, 409),
                key=ID_MOST,
            ),
        )
