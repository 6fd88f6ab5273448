"""What is in a file, judged by its content, and what of it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple

import filetype

from actors.ports import StoreUnavailable
from actors.rules.file_names import SUFFIXES
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import FileKind
from protocol.limits import FILE_BYTES, IMAGE_BYTES
from server.files.audio import CONTAINERS, NoAudio, repack
from server.files.faults import is_ours
from server.files.images import FORMATS, TooMuch, remake

Purpose = Literal["file", "voice"]
"""What an upload is to become: a file of whatever kind, or the recording of a broadcast."""
FIELDS: Final[dict[Purpose, str]] = {"file": "file", "voice": "audio"}
"""What each is called where it is refused."""

HEAD: Final = 8192
"""Bytes by which a file is judged."""

ANYTHING: Final = "application/octet-stream"


class Made(NamedTuple):
    """What an upload became. Each part is a file beside it, whose digest is its name for ever.

    A ``waveform`` is of a recording alone.
    """

    kind: FileKind
    media_type: str
    content: Part
    thumbnail: Part | None = None
    preview: Part | None = None
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    waveform: bytes | None = None


class Part(NamedTuple):
    """One content to keep."""

    path: Path
    digest: str
    size: int


def sniffed(head: bytes) -> str:
    """The type of what begins with *head*.

    >>> sniffed(b"GIF89a..."), sniffed(b"<html>")
    ('image/gif', 'application/octet-stream')
    """
    found = filetype.guess_mime(head) if head else None
    return "image/png" if found == "image/apng" else found or ANYTHING


def most_bytes(head: bytes) -> int:
    """How long what begins with *head* may be."""
    return IMAGE_BYTES if sniffed(head) in FORMATS else FILE_BYTES


def is_kept_as_it_is(head: bytes) -> bool:
    """Whether nothing of what begins with *head* is decoded."""
    return sniffed(head) not in {*FORMATS, *CONTAINERS}


def make(path_of: Callable[[str], Path], head: bytes, *, name: str, said: str) -> Made:
    """What becomes of the upload in ``path_of("received")`` that was called *name*, *said* to be of
    that type. Waits for the disk and the processor. Raises ProtocolError and StoreUnavailable.
    """
    try:
        return _make(path_of, head, name, said)
    except OSError as error:
        raise StoreUnavailable(f"files: {error}") from error


def _make(path_of: Callable[[str], Path], head: bytes, name: str, said: str) -> Made:
    found = sniffed(head)
    if found in FORMATS:
        return _image(path_of, found)
    if said in FORMATS or name.lower().endswith(tuple(_IMAGE_SUFFIXES)):
        raise unreadable("says that it is an image, and is none")
    if found in CONTAINERS:
        try:
            return _audio(path_of, found)
        except NoAudio:
            pass  # a film, or something broken: a file like any other
    return Made("file", found, part_of(path_of("received")))


def unreadable(why: str, purpose: Purpose = "file") -> ProtocolError:
    """``invalid``, and what is wrong with the file.

    >>> unreadable("is empty", "voice").fields
    {'audio': 'is empty'}
    """
    field = FIELDS[purpose]
    return ProtocolError(ErrorCode.INVALID, f"the {field} {why}", fields={field: why})


def _image(path_of: Callable[[str], Path], found: str) -> Made:
    content, thumbnail, preview = map(path_of, ("content", "thumbnail", "preview"))
    try:
        done = remake(
            path_of("received"), found, content=content, thumbnail=thumbnail, preview=preview
        )
    except TooMuch as error:
        raise unreadable(str(error)) from None
    except Exception as error:
        if is_ours(error):
            raise
        raise unreadable("cannot be read as the image that it seems to be") from error
    return Made(
        "image",
        found,
        part_of(content),
        part_of(thumbnail),
        part_of(preview) if done.has_preview else None,
        done.width,
        done.height,
    )


def _audio(path_of: Callable[[str], Path], found: str) -> Made:
    media_type, duration_ms = repack(path_of("received"), found, content=path_of("content"))
    return Made("audio", media_type, part_of(path_of("content")), duration_ms=duration_ms)


def part_of(path: Path) -> Part:
    """What is in *path*, as a part to keep."""
    with path.open("rb") as file:
        return Part(path, hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


_IMAGE_SUFFIXES: Final = [suffix for kind in FORMATS for suffix in SUFFIXES[kind]]
