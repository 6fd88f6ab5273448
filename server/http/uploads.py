"""Files that come in one request, and the list of one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType, structs
from werkzeug.http import parse_options_header

from protocol.events import FileInfo
from protocol.fields import IdField
from protocol.ids import Millis
from protocol.limits import FILE_BYTES
from server.files.intake import Intake, NewUpload
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.multipart import only_file
from server.http.ports import Limits, Rate
from server.http.route import Answer, Call, NoQuery, Route
from server.http.tus import DIGITS, RESUMABLE, Tus
from server.postgres.files import FilePlace, FileStore

PATH = "/api/v1/chats/files"
UPLOADS = Rate(per_second=1, burst=60)
"""Files of one user that are begun."""
PAGE_DEFAULT, PAGE_MOST = 50, 200


class UploadQuery(msgspec.Struct):
    """``name`` stands for that of a Content-Disposition."""

    name: Annotated[str, Meta(max_length=1024)] = ""


class OwnFile(FileInfo):
    """A file as its owner sees it; ``posted``: in a message, now or before. ``at`` is a time."""

    at: int
    posted: bool


class UnfinishedUpload(msgspec.Struct):
    """An upload that can be resumed until then, at ``/files/{id}/upload``."""

    id: str
    name: str
    length: int
    expires_at: int


class FilesQuery(msgspec.Struct):
    """``after`` is the ``next`` of the page before."""

    after: IdField | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MOST)] = PAGE_DEFAULT


class OwnFiles(msgspec.Struct, kw_only=True):
    """One's files, newest first, and the bytes they take with what is on its way.

    Without ``quota`` they may take any number.
    """

    items: list[OwnFile]
    unfinished: list[UnfinishedUpload]
    used: int
    quota: int | UnsetType = UNSET
    next: str | UnsetType = UNSET


class UploadRoutes:
    """The routes of what comes in."""

    def __init__(self, *, intake: Intake, files: FileStore, limits: Limits) -> None:
        self._intake, self._files, self._limits = intake, files, limits
        self._tus = Tus(intake=intake, files=files, path=PATH)

    async def upload(self, call: Call[None, UploadQuery]) -> Answer:
        """Keep a file: the body, called as ``Content-Disposition: attachment`` or ``name`` says.

        Or the only file in a form, or, with ``Tus-Resumable: 1.0.0``, the beginning of an upload by
        that protocol.
        """
        wait = await self._limits.take(f"uploads:{call.caller.user_no}", UPLOADS)
        if wait:
            raise rate_limited(wait)
        if RESUMABLE in call.headers:
            return await self._tus.create(call)
        with self._intake.counted(call.caller.user_no):
            new, content = await _brought(call)
            return Answer(201, await self._intake.take(call.caller.user_no, new, content))

    async def mine(self, call: Call[None, FilesQuery]) -> Answer:
        """One's own files."""
        owner_no, query = call.caller.user_no, call.query
        after = None if query.after is None else _place(query.after)
        found = await self._files.mine(owner_no, after=after, limit=query.limit + 1)
        items = [
            OwnFile(**structs.asdict(each.info), at=each.created_at, posted=each.posted)
            for each in found[: query.limit]
        ]
        use = await self._files.use(owner_no)
        unfinished = await self._files.unfinished(owner_no)
        more = f"{items[-1].at}-{items[-1].id}" if len(found) > query.limit else UNSET
        page = OwnFiles(
            items=items,
            unfinished=[UnfinishedUpload(*each) for each in unfinished],
            used=use.used,
            quota=self._intake.quota or UNSET,
            next=more,
        )
        return Answer(200, page)

    async def remove(self, call: Call[None, NoQuery]) -> Answer:
        """Give up a file that was never posted; else delete the message."""
        await self._files.remove(call.path["file"], call.caller.user_no)
        return Answer(204)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=PATH,
                name="upload_file",
                summary="Upload a file",
                handler=self.upload,
                query=UploadQuery,
                answers={201: FileInfo},
                refusals=(409, 412),
                takes_bytes=True,
            ),
            Route(
                method="GET",
                path=PATH,
                name="list_files",
                summary="One's own files",
                handler=self.mine,
                query=FilesQuery,
                answers={200: OwnFiles},
            ),
            Route(
                method="DELETE",
                path=PATH + "/{file}",
                name="delete_file",
                summary="Delete a file that was never posted",
                handler=self.remove,
                answers={204: None},
                refusals=(409,),
            ),
            *self._tus.routes(),
        )


async def _brought(call: Call[None, UploadQuery]) -> tuple[NewUpload, AsyncIterator[bytes]]:
    new = _named(call)
    if call.mimetype != "multipart/form-data":
        return new, call.content
    most = None if new.length is None else min(new.length, FILE_BYTES)
    told, content = await only_file(call.headers["Content-Type"], call.content)
    return told._replace(length=most), content


def _place(text: str) -> FilePlace:
    at, dash, file = text.partition("-")
    if not (dash and at.isascii() and at.isdecimal() and len(at) <= DIGITS):
        raise invalid("after", "must be the `next` of a page")
    return FilePlace(Millis(int(at)), file)


def _named(call: Call[None, UploadQuery]) -> NewUpload:
    _, told = parse_options_header(call.headers.get("Content-Disposition"))
    length = call.headers.get("Content-Length", type=int)
    return NewUpload(told.get("filename") or call.query.name, call.mimetype, length)
