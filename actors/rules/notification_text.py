"""What notifications say: what may be said, and how it is told outside."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from actors.notification_records import OutgoingNotification, Platform
from actors.rules.digest import cut, digest_lines
from actors.rules.personal_data import masked

LANGUAGES: Final = ("ko", "en")
TITLE_MOST: Final = 255
MESSAGE_MOST: Final = 4_000


class Template(NamedTuple):
    """A text of some ``version`` (0 came with the server), whose ``{title}``, ``{message}``,
    ``{sender}`` and ``{count}`` stand for what is told, by whom, and how many are told at once.
    """

    version: int
    title: str
    message: str


class Text(NamedTuple):
    """What a platform shows. The title is one line."""

    title: str
    body: str


class Bounds(NamedTuple):
    """Characters that a platform takes."""

    title: int
    body: int


BOUNDS: Final[Mapping[Platform, Bounds]] = MappingProxyType(
    {
        "push": Bounds(120, 500),  # of 4,096 bytes that a push service takes (RFC 8030, 7.2)
        "kakao": Bounds(60, 139),  # the text template: 200 with a line break between them
        "discord": Bounds(256, 4_096),  # an embed
    }
)
DIGEST_SHARE: Final = (2, 3)
"""Of a body, at most, for those that are told with another."""

_BY: Final = "{sender}: {message}"
_TITLES: Final[Mapping[str, tuple[str, str, str]]] = {
    "meeting.invitation": ("약속 초대: {title}", "Invitation: {title}", _BY),
    "meeting.response": ("약속 응답: {title}", "Response: {title}", _BY),
    "meeting.confirmed": ("약속 확정: {title}", "Confirmed: {title}", "{message}"),
    "meeting.cancelled": ("약속 취소: {title}", "Cancelled: {title}", "{message}"),
    "friend.request": ("친구 요청: {title}", "Friend request: {title}", _BY),
    "friend.accepted": ("친구 수락: {title}", "Friend accepted: {title}", _BY),
    "calendar.reminder": ("일정 알림: {title}", "Reminder: {title}", "{message}"),
    "calendar.conflict": ("일정 겹침: {title}", "Conflict: {title}", "{message}"),
    "system.announcement": ("공지: {title}", "Announcement: {title}", "{message}"),
}  # in Korean, in English, and the message of both
DEFAULTS: Final[Mapping[tuple[str, str], Template]] = MappingProxyType(
    {
        (kind, language): Template(0, title, message)
        for kind, (*titles, message) in _TITLES.items()
        for language, title in zip(LANGUAGES, titles, strict=True)
    }
)
"""The texts of each type and language."""
SERVER: Final[Mapping[str, str]] = MappingProxyType({"ko": "마당", "en": "Madang"})
"""Who sends what nobody else does."""

_PLACEHOLDER: Final = re.compile(r"\{(title|message|sender|count)\}")
_BRACES: Final = re.compile(r"\{+[^{}]*\}*|\}+")

_TURNING: Final = "\u202a-\u202e\u2066-\u2069"
TURNS: Final = re.compile(f"[{_TURNING}]")
"""What turns the direction of writing around it."""
_LINE_CONTROLS: Final = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_TURNING}\ud800-\udfff]")
_CONTROLS: Final = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_TURNING}\ud800-\udfff]")
_EMOJI: Final = "\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
_UNSEEN: Final = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    f"\U000e0000-\U000e007f]|(?<![{_EMOJI}])\u200d|\u200d(?![{_EMOJI}])"
)
_BREAK: Final = re.compile("\r\n?")
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols, and no ink


def plain(text: str) -> str:
    """*text* as it is kept: composed (NFC), its lines ended by ``\\n``, without what turns the
    direction of writing or takes no space. What joins emoji stays.

    >>> plain("cafe\\u0301 \\u202egnp.exe zero\\u200bwidth\\r\\n")
    'café gnp.exe zerowidth\\n'
    """
    if not text.isprintable():  # as every break, and everything unseen
        text = _UNSEEN.sub("", _BREAK.sub("\n", text))
    return unicodedata.normalize("NFC", text)


def content_fault(title: str, message: str, *, forbidden: Collection[str]) -> str | None:
    """What is wrong with a text, as a code; or None: ``too_long`` (beyond 255 characters of a
    title, 4,000 of a message), ``control`` (a message may have line breaks and tabs; what turns
    the direction of writing is one, too), ``blank``, ``forbidden_words``.

    >>> content_fault("Tea", "at 4", forbidden=["casino"]) is None
    True
    >>> content_fault("Tea", "at the CASINO", forbidden=["casino"])
    'forbidden_words'
    """
    return title_fault(title, forbidden=forbidden) or message_fault(message, forbidden=forbidden)


def title_fault(title: str, *, forbidden: Collection[str]) -> str | None:
    """`content_fault` of a title."""
    return _fault(title, TITLE_MOST, _LINE_CONTROLS, forbidden)


def message_fault(message: str, *, forbidden: Collection[str]) -> str | None:
    """`content_fault` of a message."""
    return _fault(message, MESSAGE_MOST, _CONTROLS, forbidden)


def _fault(
    text: str, most: int, controls: re.Pattern[str], forbidden: Collection[str]
) -> str | None:
    if len(text) > most:
        return "too_long"
    if not text.isprintable() and controls.search(text):
        return "control"
    if not any(map(_is_seen, text)):
        return "blank"
    if not forbidden:
        return None
    said = _compared(text)
    return "forbidden_words" if any(_says(said, word) for word in forbidden) else None


def _is_seen(char: str) -> bool:
    return unicodedata.category(char)[0] not in "CZ" and char not in _BLANK


def _says(said: str, word: str) -> bool:
    """Whether *word* is said: Latin ones as whole words, any other within words, too, as Korean
    has its particles at the end.
    """
    sought = _compared(word).strip()
    if not sought or sought not in said:
        return False
    pattern = rf"(?<![0-9a-z]){re.escape(sought)}(?![0-9a-z])"
    return not sought.isascii() or re.search(pattern, said) is not None


def _compared(text: str) -> str:
    return unicodedata.normalize("NFKC", plain(text)).casefold()


def check_template(title: str, message: str) -> None:
    """Raises ValueError, which says why, for a template that cannot be used: what `content_fault`
    finds in it, a brace that is not of a placeholder, or nothing of what is told.
    """
    fault = content_fault(title, message, forbidden=())
    if fault is not None:
        raise ValueError(fault)
    for found in _BRACES.findall(f"{title}\n{message}"):
        if not _PLACEHOLDER.fullmatch(found):
            raise ValueError(f"no placeholder: {found}")
    if not {"{title}", "{message}"} & {*_BRACES.findall(title + message)}:
        raise ValueError("must have {title} or {message}, in the title or in the message")


def outside_text(note: OutgoingNotification, template: Template) -> Text:
    """What is shown of *note* on its platform, which is an outside one: *template* filled, then
    those that it tells of, too; without personal data, and as long as the platform takes.

    What is filled in is not looked through for placeholders again.
    """
    bounds = BOUNDS[note.platform]
    values = {
        "title": _told(note.title),
        "message": _told(note.message),
        "sender": _told(note.sender or SERVER[note.language]),
        "count": str(1 + note.merged_count),
    }
    title = " ".join(_filled(template.title, values).split())
    part, whole = DIGEST_SHARE
    merged = [_told(each) for each in note.merged]
    lines = digest_lines(merged, note.merged_count, note.language, bounds.body * part // whole)
    after = f"\n\n{lines}" if lines else ""
    body = cut(_filled(template.message, values), bounds.body - len(after)) + after
    return Text(cut(title, bounds.title), body)


def _told(text: str) -> str:
    return masked(plain(text))


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
