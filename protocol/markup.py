"""The little markup of bodies: what clients show of it, as `README.md` beside this file says."""

from __future__ import annotations

from itertools import groupby
from typing import Final

import msgspec

FENCE: Final = "```"
SCHEMES: Final = ("http://", "https://")
ENDS_LINK: Final = frozenset(' \t\u00a0\u3000<>"`')
NOT_OF_LINK: Final = ".,:;!?)]'…*_"
"""What stands after an address rather than at its end."""

_SPACE: Final = frozenset(" \t\u00a0\u3000")
_STYLE: Final = {"*": "bold", "_": "italic"}


class Span(msgspec.Struct, omit_defaults=True):
    """A piece of text, and how it is shown. ``href``: it is a link to just what it says."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    pre: bool = False
    quote: bool = False
    href: str | None = None


def spans_of(body: str) -> list[Span]:
    """The pieces of *body*, in time linear in its length.

    >>> [(span.text, span.bold) for span in spans_of("a *b* c")]
    [('a ', False), ('b', True), (' c', False)]
    """
    spans: list[Span] = []
    start = seek = 0
    while (fence := body.find(FENCE, seek)) >= 0:
        end = body.find(FENCE, fence + len(FENCE))
        if end < 0:
            break
        inner = body[fence + len(FENCE) : end].removeprefix("\n").removesuffix("\n")
        seek = end + len(FENCE) if inner else fence + len(FENCE)
        if inner:
            _lines(spans, body[start:fence].removesuffix("\n"))
            spans.append(Span(inner, pre=True))
            start = seek = seek + body.startswith("\n", seek)
    _lines(spans, body[start:])
    return _joined(spans)


def _lines(spans: list[Span], text: str) -> None:
    """What is between code blocks: line by line, some of them quotes."""
    before: bool | None = None  # whether the line before is a quote
    for line in text.split("\n"):
        quote = line == ">" or line.startswith("> ")
        if before is quote:
            spans.append(Span("\n", quote=quote))
        for span in _Inline(line[2:] if quote else line).spans():
            span.quote = quote
            spans.append(span)
        before = quote


def _joined(spans: list[Span]) -> list[Span]:
    """*spans*, those beside each other that are shown alike as one, and none without text."""
    found = []
    for _, alike in groupby((span for span in spans if span.text), _looks):
        first, *others = alike
        if others and first.href is None:
            first.text = "".join([first.text, *(span.text for span in others)])
            others = []
        found += [first, *others]
    return found


def _looks(span: Span) -> tuple[object, ...]:
    return span.bold, span.italic, span.code, span.pre, span.quote, span.href


class _Inline:
    """One line: code and links first, and what stands between two marks of a kind."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._pieces: list[Span | str] = []  # a str is a mark
        self._matched: set[int] = set()  # the marks among them that have another
        self._open: list[tuple[str, int]] = []  # marks that wait for theirs, one of a kind

    def spans(self) -> list[Span]:
        """Its pieces."""
        at = plain = 0
        while at < len(self._line):
            end, piece = self._piece(at)
            if piece is None:
                at += 1
                continue
            self._pieces += [Span(self._line[plain:at]), piece]
            if isinstance(piece, str):
                self._match(piece, at)
            at = plain = end
        self._pieces.append(Span(self._line[plain:]))
        return self._styled()

    def _piece(self, at: int) -> tuple[int, Span | str | None]:
        """What begins at *at*, but for plain text, and where it ends."""
        char = self._line[at]
        if char == "`":
            end = self._line.find("`", at + 1)
            return (
                (end + 1, Span(self._line[at + 1 : end], code=True)) if end > at + 1 else (at, None)
            )
        if char == "h" and self._line.startswith(SCHEMES, at) and not self._is_word(at - 1):
            return self._link(at)
        return (at + 1, char) if char in _STYLE else (at, None)

    def _link(self, at: int) -> tuple[int, Span | None]:
        end = at
        while end < len(self._line) and self._line[end] not in ENDS_LINK:
            end += 1
        address = self._line[at:end].rstrip(NOT_OF_LINK)
        if len(address) <= self._line.index("//", at) + 2 - at:
            return at, None
        return at + len(address), Span(address, href=address)

    def _match(self, mark: str, at: int) -> None:
        """The mark at *at* ends what one before it began, or begins something itself."""
        before, after = self._char(at - 1), self._char(at + 1)
        index = len(self._pieces) - 1
        if mark in (before, after):
            return
        found = [place for place, (kind, _) in enumerate(self._open) if kind == mark]
        if found and before not in _SPACE and not self._is_word(at + 1):
            self._matched |= {self._open[found[0]][1], index}
            del self._open[found[0] :]
        elif not found and after and after not in _SPACE and self._may_begin(mark, at):
            self._open.append((mark, index))

    def _styled(self) -> list[Span]:
        found, style = [], {"bold": False, "italic": False}
        for index, piece in enumerate(self._pieces):
            if isinstance(piece, str) and index in self._matched:
                style[_STYLE[piece]] = not style[_STYLE[piece]]
                continue
            span = Span(piece) if isinstance(piece, str) else piece
            span.bold, span.italic = style["bold"], style["italic"]
            found.append(span)
        return found

    def _may_begin(self, mark: str, at: int) -> bool:
        """Not inside a word; a name of any language may have ``_`` inside."""
        before = self._char(at - 1)
        inside = mark == "_" and before > "\x7f" and before not in _SPACE
        return not inside and not self._is_word(at - 1)

    def _char(self, at: int) -> str:
        return self._line[at] if 0 <= at < len(self._line) else ""

    def _is_word(self, at: int) -> bool:
        """Latin letters and digits alone: particles of other languages follow a mark at once."""
        char = self._char(at)
        return char.isascii() and char.isalnum()
