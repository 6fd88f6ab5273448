"""Changes of a message over HTTP: they do what ``edit``, ``delete``, ``react`` and ``pin`` do."""

from __future__ import annotations

from typing import Annotated, TypedDict

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.requests import Requests
from actors.rules.changing import ChangeFrame, Restore
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Listed
from protocol.fields import SeqField
from protocol.frames import Delete, Edit, Pin, React
from protocol.limits import EMOJI_MOST, MAX_FRAME
from server.http.bodies import invalid
from server.http.messages import PATH as MESSAGES
from server.http.messages import seq_of
from server.http.route import Answer, Call, NoQuery, Route
from server.http.schemas import Changed
from server.postgres.messages import LATEST, MessageStore
from server.postgres.messages import Pin as PinPlace

PATH = MESSAGES + "/{seq}"
REACTION = PATH + "/reactions/{emoji}"

PageLimit = Annotated[int, Meta(ge=1, le=MessageStore.MOST)]
PinCursor = Annotated[str, Meta(pattern=r"^[0-9]{1,15}-[0-9]{1,10}$")]


class NewBody(msgspec.Struct):
    """What a message says from now on."""

    body: str


class Reacted(msgspec.Struct):
    """One reaction of one user. ``at`` is a time."""

    emoji: str
    user: str
    name: str
    at: int


class Reactions(msgspec.Struct):
    """The reactions to a message, first come first, a thousand at most."""

    items: list[Reacted]


class VersionsQuery(msgspec.Struct):
    """``after`` is the ``next`` of the page before."""

    after: SeqField = 0
    limit: PageLimit = 200


class Version(msgspec.Struct):
    """What a message said from ``at`` on, by the event ``seq``, and who wrote that."""

    seq: int
    body: str
    at: int
    user: str


class Versions(msgspec.Struct):
    """The versions of a message, oldest first. With ``next`` there are more."""

    items: list[Version]
    next: int | UnsetType = UNSET


class PinsQuery(msgspec.Struct):
    """``after`` is the ``next`` of the page before."""

    after: PinCursor | None = None
    limit: PageLimit = 200


class PinnedMessages(msgspec.Struct):
    """What is pinned, the latest pin first. With ``next`` there is more."""

    items: list[Listed]
    next: str | UnsetType = UNSET


class ChangeRoutes:
    """The routes of one message."""

    def __init__(self, *, requests: Requests, messages: MessageStore) -> None:
        self._requests = requests
        self._messages = messages

    async def edit(self, call: Call[NewBody, NoQuery]) -> Answer:
        """Give one's own message another body."""
        if len(call.body.body.encode()) > MAX_FRAME:
            raise ProtocolError(ErrorCode.TOO_LARGE, f"body: at most {MAX_FRAME} bytes")
        return await self._change(call, Edit(**_message(call), body=call.body.body))

    async def delete(self, call: Call[None, NoQuery]) -> Answer:
        """Take a message back."""
        return await self._change(call, Delete(**_message(call)))

    async def restore(self, call: Call[None, NoQuery]) -> Answer:
        """Bring a deleted message back."""
        return await self._change(call, Restore(**_message(call)))

    async def react(self, call: Call[None, NoQuery]) -> Answer:
        """Put an emoji on a message; it is there once."""
        return await self._change(call, React(**_message(call), emoji=_emoji(call), on=True))

    async def unreact(self, call: Call[None, NoQuery]) -> Answer:
        """Take one's own emoji off."""
        return await self._change(call, React(**_message(call), emoji=_emoji(call), on=False))

    async def pin(self, call: Call[None, NoQuery]) -> Answer:
        """Pin a message."""
        return await self._change(call, Pin(**_message(call), on=True))

    async def unpin(self, call: Call[None, NoQuery]) -> Answer:
        """Unpin a message."""
        return await self._change(call, Pin(**_message(call), on=False))

    async def reactions(self, call: Call[None, NoQuery]) -> Answer:
        """Who reacted."""
        room, seq = call.room, seq_of(call)
        found = await self._messages.reactions(room, call.caller.user_no, seq)
        return Answer(200, Reactions([Reacted(*each) for each in found]))

    async def versions(self, call: Call[None, VersionsQuery]) -> Answer:
        """What a message said before."""
        user_no, query = call.caller.user_no, call.query
        found, more = await self._messages.versions(
            call.room, user_no, seq_of(call), after=query.after, limit=query.limit
        )
        following = found[-1].seq if more else UNSET
        return Answer(200, Versions([Version(*each) for each in found], following))

    async def pins(self, call: Call[None, PinsQuery]) -> Answer:
        """What is pinned."""
        after = call.query.after
        place = LATEST if after is None else PinPlace(*map(int, after.split("-")))
        found, more = await self._messages.pins(
            call.room, call.caller.user_no, after=place, limit=call.query.limit
        )
        following = "{}-{}".format(*found[-1][1]) if more else UNSET
        return Answer(200, PinnedMessages([listed for listed, _ in found], following))

    async def _change(
        self, call: Call[NewBody, NoQuery] | Call[None, NoQuery], frame: ChangeFrame
    ) -> Answer:
        ok = await self._requests.change(call.caller, frame)
        return Answer(200, Changed(ok.seq, ok.at))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        rows = (
            ("PATCH", PATH, "edit_message", "Edit a message", self.edit),
            ("DELETE", PATH, "delete_message", "Delete a message", self.delete),
            ("POST", PATH + "/restore", "restore_message", "Restore a message", self.restore),
            ("PUT", REACTION, "react", "React to a message", self.react),
            ("DELETE", REACTION, "unreact", "Take a reaction back", self.unreact),
            ("PUT", PATH + "/pin", "pin_message", "Pin a message", self.pin),
            ("DELETE", PATH + "/pin", "unpin_message", "Unpin a message", self.unpin),
        )
        changes = (
            Route(
                method=method,
                path=path,
                name=name,
                summary=summary,
                handler=handler,
                body=NewBody if method == "PATCH" else None,
                answers={200: Changed},
                refusals=(400, 403, 410),
            )
            for method, path, name, summary, handler in rows
        )
        return (*changes, *self._readings())

    def _readings(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path=PATH + "/reactions",
                name="list_reactions",
                summary="Who reacted to a message",
                handler=self.reactions,
                answers={200: Reactions},
                refusals=(403,),
            ),
            Route(
                method="GET",
                path=PATH + "/versions",
                name="list_versions",
                summary="What a message said before",
                handler=self.versions,
                query=VersionsQuery,
                answers={200: Versions},
                refusals=(403, 410),
            ),
            Route(
                method="GET",
                path="/api/v1/chats/rooms/{room}/pins",
                name="list_pins",
                summary="What is pinned in a room",
                handler=self.pins,
                query=PinsQuery,
                answers={200: PinnedMessages},
                refusals=(403,),
            ),
        )


class _Message(TypedDict):
    room: str
    seq: int


def _message(call: Call[NewBody, NoQuery] | Call[None, NoQuery]) -> _Message:
    return {"room": call.path["room"], "seq": seq_of(call)}


def _emoji(call: Call[None, NoQuery]) -> str:
    emoji = call.path["emoji"]
    if len(emoji) > EMOJI_MOST:
        raise invalid("emoji", f"must be a string of 1 to {EMOJI_MOST} characters")
    return emoji
