"""Uploads that can be resumed, by tus 1.0.0 (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable
from email.utils import formatdate
from typing import Any, Final, TypeVar

from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from protocol.limits import FILE_BYTES
from server.files.intake import Intake, NewUpload, Progress
from server.http.bodies import invalid
from server.http.errors import PreconditionFailed, UnsupportedMediaType
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.postgres.files import FileStore, Upload

T = TypeVar("T")

VERSION: Final = "1.0.0"
RESUMABLE: Final = "Tus-Resumable"
EXTENSIONS: Final = "creation,creation-with-upload,expiration,termination"
BYTES: Final = "application/offset+octet-stream"
DIGITS: Final = 15  # of a number that is looked at
ABILITIES: Final = {
    "Tus-Version": VERSION,
    "Tus-Extension": EXTENSIONS,
    "Tus-Max-Size": str(FILE_BYTES),
}


class Tus:
    """The routes of the protocol but for POST, which it shares.

    An upload is at ``…/{file}/upload``, and the file that it becomes has the same id.
    """

    def __init__(self, *, intake: Intake, files: FileStore, path: str) -> None:
        self._intake, self._files, self._path = intake, files, path

    async def create(self, call: Call[None, Any]) -> Answer:
        """Begin an upload, and take what of it comes along."""
        check_version(call)
        told = metadata(call.headers.get("Upload-Metadata", ""))
        name = told.get("filename") or told.get("name") or ""
        said = told.get("filetype") or told.get("type") or ""
        length = _number(call, "Upload-Length")
        brings = call.mimetype == BYTES
        upload = await self._intake.begin(
            call.caller.user_no, NewUpload(name, said, length), resumable=True
        )
        so_far = Progress(0, upload.expires_at)
        if brings:
            try:
                so_far = await self._intake.append(upload, 0, call.content)
            except BaseException:  # nobody was told where it is
                await self._intake.give_up(upload)
                raise
        place = {"Location": f"{self._path}/{upload.id}/upload"}
        return Answer(201, None, place | told_of(*so_far))

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """How much of an upload is there. One that is whole and no file yet becomes it now."""
        check_version(call)
        file, owner_no = call.path["file"], call.caller.user_no
        upload = await self._files.upload(file, owner_no)
        there = 0 if upload is None else await self._intake.offset(upload)
        length = None if there else await self._files.received(file, owner_no)
        if length is not None:  # it is a file, perhaps since a moment
            return Answer(200, None, told_of(length) | {"Upload-Length": str(length)})
        if upload is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        if there == upload.length:
            await self._unless_bad(upload, self._intake.finish(upload))
        headers = told_of(there, upload.expires_at) | {"Upload-Length": str(upload.length)}
        return Answer(200, None, headers)

    async def resume(self, call: Call[None, NoQuery]) -> Answer:
        """Take more of an upload. With its last byte it becomes a file."""
        check_version(call)
        if call.mimetype != BYTES:
            raise UnsupportedMediaType(f"the body must have the Content-Type {BYTES}")
        offset = _number(call, "Upload-Offset")
        upload = await self._unfinished(call)
        work = self._intake.append(upload, offset, call.content)
        return Answer(204, None, told_of(*await self._unless_bad(upload, work)))

    async def end(self, call: Call[None, NoQuery]) -> Answer:
        """Forget an upload that is not finished."""
        check_version(call)
        await self._intake.end(await self._unfinished(call))
        return Answer(204)

    async def tell(self, _: Call[None, NoQuery]) -> Answer:
        """What of the protocol there is."""
        return Answer(204, None, ABILITIES)

    async def _unfinished(self, call: Call[None, NoQuery]) -> Upload:
        upload = await self._files.upload(call.path["file"], call.caller.user_no)
        if upload is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return upload

    async def _unless_bad(self, upload: Upload, work: Awaitable[T]) -> T:
        """What *work* brings. What can never become a file is not kept to be resumed."""
        try:
            return await work
        except ProtocolError as error:
            if error.code in (ErrorCode.TOO_LARGE, ErrorCode.INVALID):
                await self._intake.give_up(upload)
            raise

    def routes(self) -> tuple[Route, ...]:
        """What this part answers."""
        place = self._path + "/{file}/upload"
        return (
            Route(
                method="OPTIONS",
                path=self._path,
                name="show_tus",
                summary="What of tus there is",
                handler=self.tell,
                answers={204: None},
                access=Access.ANYBODY,
            ),
            Route(
                method="HEAD",
                path=place,
                name="show_upload",
                summary="How much of an upload is there",
                handler=self.show,
                answers={200: None},
                refusals=(400, 409, 410, 412, 413),
            ),
            Route(
                method="PATCH",
                path=place,
                name="resume_upload",
                summary="Go on with an upload",
                handler=self.resume,
                answers={204: None},
                refusals=(409, 410, 412, 415),
                takes_bytes=True,
            ),
            Route(
                method="DELETE",
                path=place,
                name="end_upload",
                summary="Give up an upload",
                handler=self.end,
                answers={204: None},
                refusals=(409, 412),
            ),
        )


def check_version(call: Call[Any, Any]) -> None:
    """Raises PreconditionFailed for another version of the protocol, or none."""
    if call.headers.get(RESUMABLE) != VERSION:
        raise PreconditionFailed(f"{RESUMABLE} must be {VERSION}")


def metadata(text: str) -> dict[str, str]:
    """What ``Upload-Metadata`` says. Raises ProtocolError.

    >>> metadata("filename 65ywLnBuZw==,is_private")
    {'filename': '뜰.png', 'is_private': ''}
    """
    try:
        pairs = [pair.strip().partition(" ") for pair in text.split(",")] if text else []
        return {key: b64decode(value, validate=True).decode() for key, _, value in pairs}
    except (NotBase64, ValueError):
        raise invalid("Upload-Metadata", "must be pairs of a key and a text in base64") from None


def told_of(there: int, until: Millis | None = None) -> dict[str, str]:
    """The headers of an upload of which so much is there."""
    headers = {"Upload-Offset": str(there)}
    if until is not None:
        headers["Upload-Expires"] = formatdate(until / 1000, usegmt=True)
    return headers


def _number(call: Call[Any, Any], name: str) -> int:
    text = call.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise invalid(name, "must be a whole number")
    return int(text)
