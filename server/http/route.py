"""The declared table of routes: what the server answers, the documents say and the tests go by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from werkzeug.datastructures import Headers

from actors.ports import Claims
from actors.requests import Caller
from protocol.ids import RoomId

B = TypeVar("B")
Q = TypeVar("Q")


class Access(Enum):
    """Who may call."""

    ANYBODY = auto()
    USER = auto()  # a valid token
    ADMIN = auto()  # a valid token of an admin, at an address where admins may act
    LINK = auto()  # a valid token; without one the query says who, which the route checks


class NoQuery(msgspec.Struct):
    """A route without parameters in the query."""


class SignedIn(NamedTuple):
    """The caller and the token that says so."""

    caller: Caller
    claims: Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[B, Q]):
    """One request, checked: everything in it has the declared type."""

    body: B
    query: Q
    path: Mapping[str, str]
    key: str | None  # the Idempotency-Key
    address: str
    admits_admins: bool  # whether admins may act from that address
    signed_in: SignedIn | None
    method: str
    headers: Headers
    mimetype: str
    content: AsyncIterator[bytes]  # the body as it comes, where the route takes any bytes

    @property
    def caller(self) -> Caller:
        """Who asks; only where the route wants somebody."""
        assert self.signed_in is not None  # noqa: S101 - the gate has seen to it
        return self.signed_in.caller

    @property
    def room(self) -> RoomId:
        """The room that the path names; only where it does."""
        return RoomId(self.path["room"])

    @property
    def claims(self) -> Claims:
        """What the caller's token says."""
        assert self.signed_in is not None  # noqa: S101 - the gate has seen to it
        return self.signed_in.claims


class Answer(NamedTuple):
    """A status and what the body says (already JSON when it is Raw); None for no body."""

    status: int
    value: msgspec.Struct | msgspec.Raw | None = None
    headers: Mapping[str, str] = {}


class Streamed(NamedTuple):
    """A good answer that comes in parts, each made when the client has taken those before it.

    ``close`` is called in the end, whether anybody took a part or not.
    """

    parts: AsyncIterator[bytes]
    headers: Mapping[str, str] = {}
    status: int = 200
    close: Callable[[], Awaitable[None]] | None = None


Handler = Callable[[Call[Any, Any]], Awaitable[Answer | Streamed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path. ``answers`` maps each good status to its struct, None for no body.

    ``refusals`` are the statuses of errors beyond those that every route of its kind has.
    ``takes_bytes``, ``sends_bytes``: the body of the request, or of good answers, is any bytes.
    ``form``: these bytes are a form with those fields and a file, called ``file``.
    ``lines``: the answer is streamed, one JSON text a line, of which the struct is the first.
    ``text``: it is a text of that media type.
    ``headers``: those that a request may have, and what each is for.
    ``key`` is the longest Idempotency-Key the route takes; 0 where it takes none.
    """

    method: str
    path: str  # with {name} for each part that varies
    name: str
    summary: str
    handler: Handler
    answers: Mapping[int, type[msgspec.Struct] | None]
    access: Access = Access.USER
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] = NoQuery
    refusals: Sequence[int] = field(default=())
    key: int = 0
    lines: bool = False
    takes_bytes: bool = False
    form: type[msgspec.Struct] | None = None
    file: str = ""
    sends_bytes: bool = False
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        """What its good answers are."""
        if self.sends_bytes:
            return "application/octet-stream"
        if self.text:
            return self.text
        return "application/x-ndjson" if self.lines else "application/json"
