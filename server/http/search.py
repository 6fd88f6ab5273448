"""Searching what was said, in all rooms at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import msgspec
import trio
from msgspec import UNSET, Meta, UnsetType

from actors.rules.excerpts import Excerpt, excerpt_of
from actors.rules.searching import (
    CARRIES,
    NOTHING_CARRIED,
    SEARCHED_MOST,
    Terms,
    carried,
    is_plain,
    terms_of,
    words_of,
)
from protocol.errors import ProtocolError
from protocol.events import Message
from protocol.fields import IdField, Kind, SeqField
from protocol.ids import Millis, RoomId
from protocol.limits import SEARCH_DEFAULT, SEARCH_MOST, SEARCH_WORDS
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.ports import Limits, Rate
from server.http.route import Answer, Call, Route
from server.postgres.rooms import RoomStore
from server.postgres.searching import LATEST, Page, Place, SearchStore, Sought

SEARCHES = Rate(per_second=5, burst=20)
"""Searches of one user."""
STRANGE_MOST = 8_192
"""Searched characters of a page's texts that are not folded one by one; in what is beyond them
nothing is marked. It takes up to 4 µs to find where each comes from.
"""

PlaceText = Annotated[str, Meta(pattern=r"^[0-9]{1,16}-[0-9]{1,10}-[0-9A-Za-z_-]{0,64}$")]


class SearchQuery(msgspec.Struct):
    """All of it has to be so. ``q`` may be missing where ``room``, ``from``, ``kind`` or ``has`` is
    there; ``after`` is the ``next`` of the page before.
    """

    q: Annotated[str, Meta(max_length=200)] | None = None
    room: IdField | None = None
    sender: IdField | None = msgspec.field(default=None, name="from")
    since: SeqField | None = None
    until: SeqField | None = None
    kind: Kind | None = None
    has: Literal["file"] | None = None
    after: PlaceText | None = None
    limit: Annotated[int, Meta(ge=1, le=SEARCH_MOST)] = SEARCH_DEFAULT


class Found(msgspec.Struct):
    """A message that was found, as pages have it."""

    room: str
    message: Message
    excerpt: Excerpt


class SearchResults(msgspec.Struct):
    """The newest first. With ``next`` there may be more, even if there is nothing here."""

    items: list[Found]
    next: str | UnsetType = UNSET


class SearchRoutes:
    """The route of the search."""

    def __init__(self, *, search: SearchStore, rooms: RoomStore, limits: Limits) -> None:
        self._search, self._rooms, self._limits = search, rooms, limits

    async def search(self, call: Call[None, SearchQuery]) -> Answer:
        """Messages of all rooms one is in that have every word of ``q``, wherever in a word."""
        query = call.query
        words = _words(query)
        sought = Sought(
            terms=_terms(query, words),
            room=None if query.room is None else RoomId(query.room),
            sender=query.sender,
            since=query.since or 0,
            below=_below(query),
            limit=query.limit,
        )
        wait = await self._limits.take(f"search:{call.caller.user_id}", SEARCHES)
        if wait:
            raise rate_limited(wait)
        page = await self._search.search(call.caller.user_no, sought)
        if page is None:
            assert sought.room is not None  # noqa: S101 - else there is a page
            raise ProtocolError(await self._rooms.absence(sought.room, call.caller.user_no))
        after = UNSET if page.following is None else "{}-{}-{}".format(*page.following)
        return Answer(200, SearchResults([found async for found in _found(page, words)], after))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path="/api/v1/chats/search",
                name="search_messages",
                summary="Search what was said, in all rooms one is in",
                handler=self.search,
                query=SearchQuery,
                answers={200: SearchResults},
                refusals=(403, 404),
            ),
        )


async def _found(page: Page, words: list[str]) -> AsyncIterator[Found]:
    left = STRANGE_MOST
    for message in page.messages:
        body = message.body if isinstance(message.body, str) else ""
        cost = 0 if is_plain(body) else min(len(body), SEARCHED_MOST)
        yield Found(message.room, message, excerpt_of(body, words if cost <= left else ()))
        left -= cost if cost <= left else 0
        await trio.lowlevel.checkpoint()


def _words(query: SearchQuery) -> list[str]:
    words = words_of(query.q or "")
    if not words and query.q is not None:
        raise invalid("q", "has no word")
    if not words and not (query.room or query.sender or query.kind or query.has):
        raise invalid("q", "missing")
    if len(words) > SEARCH_WORDS:
        raise invalid("q", f"must have at most {SEARCH_WORDS} words")
    return words


def _terms(query: SearchQuery, words: list[str]) -> Terms:
    has = [CARRIES] if query.has else []
    kind = [carried(query.kind)] if query.kind not in (None, "text") else []
    terms = terms_of([*words, *has, *kind])
    if query.kind == "text":
        return terms._replace(patterns=[*terms.patterns, NOTHING_CARRIED])
    return terms


def _below(query: SearchQuery) -> Place:
    """Where the page begins: both bounds are in the past of each other."""
    place = LATEST
    if query.after is not None:
        at, seq, room = query.after.split("-", 2)
        place = min(place, Place(Millis(int(at)), int(seq), room))
    if query.until is not None:
        place = min(place, Place(Millis(query.until + 1), 0, ""))
    return place
