"""Texts in Discord's markdown."""

from __future__ import annotations

import re
from typing import Final

MARKUP: Final = re.compile(r"([\\`*_~|<>\[\]()#@:-])")
CUT_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*(\\)\Z")


def plain_text(text: str, most: int) -> str:
    r"""*text* so that Discord shows it as it is, and makes no link and no mention of it; of *most*
    characters, escapes among them.

    >>> print(plain_text("*hi* [you](https://example.org) @all", 100))
    \*hi\* \[you\]\(https\://example.org\) \@all
    >>> print(plain_text("a**", 2), plain_text("a**", 4), plain_text("\\\\", 3))
    a a\* \\
    """
    shown = MARKUP.sub(r"\\\1", text)[:most]
    is_cut = CUT_ESCAPE.search(shown)
    return shown[:-1] if is_cut else shown
