"""Files as their readers have them: whole, in part, small, and by a link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType
from werkzeug.http import parse_range_header

from protocol.errors import ErrorCode, ProtocolError
from protocol.events import FileInfo
from protocol.fields import MAX_INT
from protocol.ids import UserId
from server.files.links import Links
from server.files.media import ANYTHING
from server.files.storage import Chunks, Storage
from server.http.audit import Audit
from server.http.auth import rate_limited
from server.http.errors import RangeNotSatisfiable
from server.http.route import Access, Answer, Call, Handler, NoQuery, Route, Streamed
from server.http.uploads import PATH
from server.postgres.files import Content, FileStore, Readable

READ_AT_ONCE: Final = 24
"""Files that one user reads at a time."""
AGAIN_S: Final = 1.0
POLICY: Final = "sandbox; default-src 'none'"
SMALL_TYPE: Final = "image/webp"


class LinkQuery(msgspec.Struct):
    """What a link has, and a token makes superfluous."""

    user: Annotated[str, Meta(max_length=64)] = ""
    until: Annotated[int, Meta(ge=0, le=MAX_INT)] = 0
    signature: Annotated[str, Meta(max_length=64)] = ""


class ThumbnailQuery(LinkQuery):
    """``side`` is about how long the longer side is."""

    side: Literal["320", "1280"] = "320"


class FileLink(msgspec.Struct, kw_only=True):
    """Addresses that need no token until then, for who asked and while he may have the file."""

    file: FileInfo
    url: str
    thumbnail_url: str | UnsetType = UNSET
    expires_at: int


class Span(NamedTuple):
    """A part of a content."""

    start: int
    length: int


class DownloadRoutes:
    """The routes of what goes out."""

    def __init__(self, *, files: FileStore, storage: Storage, links: Links, audit: Audit) -> None:
        self._files, self._storage, self._links = files, storage, links
        self._audit = audit
        self._under_way: Counter[UserId] = Counter()

    async def show(self, call: Call[None, LinkQuery]) -> Answer | Streamed:
        """A file, to its owner and to members of a room where a message has it."""
        user, file = await self._readable(call)
        inline = file.info.kind != "file"
        media_type = file.info.type if inline else ANYTHING
        etag = f'"{file.info.id}"'
        shown = Shown(file.content, etag, media_type, file.info.name, inline=inline)
        return await self._stream(call, user, shown)

    async def show_small(self, call: Call[None, ThumbnailQuery]) -> Answer | Streamed:
        """An image with a longer side of 320 pixels, or about 1280; itself, where that is small."""
        user, file = await self._readable(call)
        if file.thumbnail is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "the file is no image")
        small = file.thumbnail if call.query.side == "320" else file.preview
        etag = f'"{file.info.id}-{call.query.side}"'
        shown = Shown(file.content, etag, file.info.type, file.info.name, inline=True)
        if small is not None:
            name = file.info.name.rpartition(".")[0] + ".webp"
            shown = Shown(small, etag, SMALL_TYPE, name, inline=True)
        return await self._stream(call, user, shown)

    async def link(self, call: Call[None, NoQuery]) -> Answer:
        """What a browser can show by itself, for a while: images and players send no token."""
        user = call.caller.user_id
        file = await self._found(call, user)
        query, until = self._links.query(file.info.id, user)
        place = f"{PATH}/{file.info.id}"
        small = UNSET if file.thumbnail is None else f"{place}/thumbnail?{query}"
        return Answer(
            200,
            FileLink(file=file.info, url=f"{place}?{query}", thumbnail_url=small, expires_at=until),
        )

    async def _readable(self, call: Call[None, Any]) -> tuple[UserId, Readable]:
        file, query = call.path["file"], call.query
        if call.signed_in is not None:
            user = call.caller.user_id
        else:
            user = self._links.check(file, query.user, query.until, query.signature)
        return user, await self._found(call, user)

    async def _found(self, call: Call[None, Any], user: UserId) -> Readable:
        file = call.path["file"]
        found = await self._files.for_reader(file, user, as_admin=call.admits_admins)
        if found is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        if found.judged is not None:
            room_no, admin_no = found.judged
            await self._audit.seen(call, "file.read", admin_no, room_no=room_no, file=file)
        return found

    async def _stream(self, call: Call[None, Any], user: UserId, shown: Shown) -> Answer | Streamed:
        headers, size = shown.headers(), shown.content.size
        if shown.etag in call.headers.get("If-None-Match", ""):
            return Answer(304, None, headers)
        span = asked_for(call.headers.get("Range"), call.headers.get("If-Range"), shown)
        headers["Content-Length"] = str(span.length)
        if span.length < size:
            headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{size}"
        status = 200 if span.length == size else 206
        if call.method == "HEAD":
            return Answer(status, None, headers)
        reading = await self._open(user, shown.content.digest, span)
        return Streamed(reading, headers, status, reading.aclose)

    async def _open(self, user: UserId, digest: str, span: Span) -> Reading:
        """Before the answer begins: what is not there is an error still, and counts for nobody."""
        if self._under_way[user] >= READ_AT_ONCE:
            raise rate_limited(AGAIN_S)
        self._under_way[user] += 1
        try:
            chunks = await self._storage.open(digest, *span)
        except BaseException:
            self._read_less(user)
            raise
        return Reading(chunks, partial(self._read_less, user))

    def _read_less(self, user: UserId) -> None:
        self._under_way[user] -= 1
        self._under_way += Counter()  # forgets those at zero

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            _content("", "download_file", "A file", self.show, LinkQuery),
            _content(
                "/thumbnail",
                "download_thumbnail",
                "A small image of an image",
                self.show_small,
                ThumbnailQuery,
            ),
            Route(
                method="GET",
                path=PATH + "/{file}/link",
                name="show_file_link",
                summary="Addresses of a file that need no token for a while",
                handler=self.link,
                answers={200: FileLink},
            ),
        )


def _content(
    below: str, name: str, summary: str, handler: Handler, query: type[LinkQuery]
) -> Route:
    return Route(
        method="GET",
        path=PATH + "/{file}" + below,
        name=name,
        summary=summary,
        handler=handler,
        query=query,
        answers={200: None, 206: None, 304: None},
        access=Access.LINK,
        refusals=(416,),
        sends_bytes=True,
    )


class Shown(NamedTuple):
    """A content as it is told of."""

    content: Content
    etag: str
    media_type: str
    name: str
    inline: bool

    def headers(self) -> dict[str, str]:
        """Whatever is in it a browser runs nothing of it, and asks each time whether it may."""
        plain = self.name.encode("ascii", "replace").decode().replace("?", "_")
        place, told = "inline" if self.inline else "attachment", quote(self.name, safe="")
        return {
            "Content-Type": self.media_type,
            "Content-Disposition": f"{place}; filename=\"{plain}\"; filename*=UTF-8''{told}",
            "Content-Security-Policy": POLICY,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "ETag": self.etag,
        }


class Reading:
    """The chunks of a content that somebody reads."""

    def __init__(self, chunks: Chunks, over: Callable[[], None]) -> None:
        self._chunks, self._over = chunks, over
        self._is_open = True

    def __aiter__(self) -> Reading:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """Read no more."""
        if self._is_open:
            self._is_open = False
            self._over()
            await self._chunks.aclose()


def asked_for(wanted: str | None, unless: str | None, shown: Shown) -> Span:
    """The one range that a request wants; all of it, where it wants several, or of another content.

    Raises RangeNotSatisfiable.
    """
    size = shown.content.size
    found = parse_range_header(wanted)
    if found is None or found.units != "bytes" or len(found.ranges) != 1:
        return Span(0, size)
    if unless is not None and unless.strip() != shown.etag:
        return Span(0, size)
    bounds = found.range_for_length(size)
    if bounds is None:
        raise RangeNotSatisfiable(size)
    start, stop = bounds
    return Span(start, stop - start)
