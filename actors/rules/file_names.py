"""What a file is called: nothing that harms whoever saves it, and in blind rooms just its kind."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category, normalize

from msgspec import structs

from protocol.events import FileInfo
from protocol.fields import FileKind
from protocol.limits import FILE_NAME_BYTES

LONGEST_SUFFIX: Final = 16  # bytes; what is longer is no suffix

SUFFIXES: Final = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/gif": (".gif",),
    "audio/webm": (".webm", ".weba"),
    "audio/ogg": (".ogg", ".oga", ".opus"),
    "audio/mp4": (".m4a", ".mp4"),
    "audio/mpeg": (".mp3",),
    "audio/wav": (".wav",),
    "audio/flac": (".flac",),
    "audio/aac": (".aac",),
    "application/pdf": (".pdf",),
    "application/zip": (".zip",),
    "video/mp4": (".mp4",),
    "video/webm": (".webm",),
}
"""How names of a type end; the first where one is made up."""

_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')
_DEVICE: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")
_JOINER: Final = "\u200d"


def clean_name(name: str) -> str:
    """The last part of *name*, without what breaks a file system, a line or the order of reading.

    At most FILE_NAME_BYTES of UTF-8, of which the end keeps its suffix; "" where nothing is left.

    >>> clean_name("../../etc/passwd"), clean_name("C:\\\\a.txt"), clean_name("a\\u202egnp.exe")
    ('passwd', 'a.txt', 'agnp.exe')
    >>> clean_name("NUL.txt"), clean_name(" a\\r\\n b?. "), clean_name("..")
    ('_NUL.txt', 'a b_', '')
    """
    last = re.split(r"[/\\]", normalize("NFC", name))[-1]
    shown = "".join(_shown(char) for char in last)
    plain = _FORBIDDEN.sub("_", " ".join(shown.split())).strip(". ")
    return _shortened(_DEVICE.sub(r"_\1", plain) if _DEVICE.match(plain) else plain)


def name_for(name: str, kind: FileKind, media_type: str) -> str:
    """*name*, cleaned, with the suffix of what is really in the file; made up where it is empty.

    >>> name_for("trip.png", "image", "image/jpeg"), name_for("", "audio", "audio/webm")
    ('trip.jpg', 'audio.webm')
    >>> name_for("report.final.pdf", "file", "application/octet-stream")
    'report.final.pdf'
    """
    cleaned = clean_name(name)
    if not cleaned:
        return plain_name(kind, media_type)
    suffixes = SUFFIXES.get(media_type, ()) if kind != "file" else ()
    if not suffixes or cleaned.lower().endswith(suffixes):
        return cleaned
    stem = cleaned[: -len(suffix)] if (suffix := _suffix(cleaned)) else cleaned
    return _shortened(stem + suffixes[0])


def plain_name(kind: FileKind, media_type: str) -> str:
    """A name that says nothing of whoever chose one.

    >>> plain_name("image", "image/png"), plain_name("file", "application/x-unheard-of")
    ('image.png', 'file')
    """
    return kind + next(iter(SUFFIXES.get(media_type, ())), "")


def as_shown(info: FileInfo, blind_id: str | None) -> FileInfo:
    """*info* as a room shows it: a blind one by an id and a name that are its own."""
    if blind_id is None:
        return info
    return structs.replace(info, id=blind_id, name=plain_name(info.kind, info.type))


def _shown(char: str) -> str:
    kind = category(char)
    if kind in ("Zs", "Zl", "Zp") or char in "\t\r\n":
        return " "
    if kind in ("Cc", "Cs") or (kind == "Cf" and char != _JOINER):
        return ""
    return char


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return dot + suffix if stem and 0 < len(suffix.encode()) < LONGEST_SUFFIX else ""


def _shortened(name: str) -> str:
    if len(name.encode()) <= FILE_NAME_BYTES:
        return name
    suffix = _suffix(name)
    room = FILE_NAME_BYTES - len(suffix.encode())
    stem = name.removesuffix(suffix).encode()[:room].decode(errors="ignore")
    return stem.rstrip(" .") + suffix
